"""The fleet at an instant that has passed: what was stored by then, no more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import InvalidInput
from core.telemetry import HOUR
from db import alarms
from orchestrator.forecasts.fleet import ends_to_open, fleet_view
from orchestrator.forecasts.limit_effects import limit_effect
from orchestrator.forecasts.views import Group, group_of
from orchestrator.overview.frozen_fleet import frozen_fleet
from orchestrator.use_cases import Request
from tests.alarm_looks import alarms_after_look
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.orchestrator.test_alarms import limit_of
from tests.orchestrator.test_decision_replay import tamper

STORED_UTC = NOW - timedelta(minutes=5)
CHANGED_UTC = NOW + timedelta(minutes=5)


def on_one_clock(fleet: Fleet) -> None:
    """The fleet's rows as if its clock were the database's, which stamps them."""
    for table in ("decision", "policy"):
        stored = f"update {table} set created_at_utc = '{STORED_UTC}'"  # noqa: S608
        tamper(fleet, table, stored)


def live_groups(request: Request) -> dict[str, Group]:
    return {row.region.slug: group_of(row) for row in fleet_view(request).rows}


def test_what_came_later_is_not_in_it(fleet: Fleet) -> None:
    on_one_clock(fleet)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        before = frozen_fleet(request, STORED_UTC - timedelta(days=1))
        assert before.counts[Group.UNJUDGED] == len(before.rows) == 3
        assert all(row.decision_id is None for row in before.rows)

        seen = frozen_fleet(request, STORED_UTC)
        assert {row.slug: row.group for row in seen.rows} == live_groups(request)
        assert seen.rows[0].group is Group.OVER
        assert seen.rows[0].reason
        assert seen.rows[0].bound_c > seen.rows[0].limit_c  # type: ignore[operator]
        # Pages without a region in their address open on the first of that order.
        first, second, last = (row.slug for row in seen.rows)
        assert ends_to_open(request) == (first, last)
        assert ends_to_open(request, None, first) == (second, first)
        assert ends_to_open(request, last) == (last, second)
        assert ends_to_open(request, "here", "there") == ("here", "there")
        limit_of(session, "arizona", 90.0)
    changed = f"created_at_utc = '{CHANGED_UTC}' where region_id is not null"
    tamper(fleet, "policy", f"update policy set {changed}")  # noqa: S608

    with fleet.runtime.transaction() as session:
        later = asking(session, fleet.actor(session), now=CHANGED_UTC)
        assert set(live_groups(later).values()) == {Group.APPROVED}
        # A limit of now is none of then.
        assert frozen_fleet(later, STORED_UTC).rows == seen.rows
        # Of the instant after it, it is, though no verdict rests on it yet.
        after = frozen_fleet(later, CHANGED_UTC)
        assert {row.slug: row.group for row in after.rows} == live_groups(later)
        arizona = next(row for row in after.rows if row.slug == "arizona")
        assert (arizona.group, arizona.limit_c) == (Group.APPROVED, 90.0)
        assert "limit was changed after this verdict" in (arizona.reason or "")
        with pytest.raises(InvalidInput, match="has not come"):
            frozen_fleet(later, CHANGED_UTC + HOUR)


def test_a_verdict_on_telemetry_grown_too_old_was_none(fleet: Fleet) -> None:
    on_one_clock(fleet)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session), now=NOW + 4 * HOUR)
        seen = frozen_fleet(request, request.now)
        assert {row.slug: row.group for row in seen.rows} == live_groups(request)
    assert {row.group for row in seen.rows} == {Group.UNJUDGED}
    assert {row.reason for row in seen.rows} == {
        "The telemetry behind this verdict was 4.4 h old; 3 h are allowed."
    }


def test_an_alarm_stands_in_it_from_raised_to_cleared(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        (raised,) = (one for one in alarms_after_look(request) if one.is_active)
        limit_of(session, "arizona", 60.0)
        for hours in (1, 6, 9):
            later = asking(
                session, fleet.actor(session), now=request.now + hours * HOUR
            )
            alarms_after_look(later)
        # By their own numbers: others were raised since, as telemetry grew old.
        at = {
            hours: [
                one.alarm_id
                for one in alarms.active_at(
                    session, request.now + hours * HOUR, limit=9
                )
            ]
            for hours in (-1, 0, 3, 9)
        }
    assert raised.alarm_id not in at[-1]
    assert raised.alarm_id in at[0]
    assert raised.alarm_id in at[3]


def test_another_limit_says_whom_it_would_block_and_free(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        freed = limit_effect(request, "arizona", 90.0)
        assert (freed.approved, freed.blocked) == (("Arizona",), ())
        assert limit_effect(request, "ireland", 5.0).blocked == ("Ireland",)
        limit_of(session, "wyoming", 50.0)
        whole = limit_effect(request, None, 5.0)
        assert whole.blocked == ("Ireland",)
        assert (whole.n_judged, whole.n_unjudged) == (2, 0)
