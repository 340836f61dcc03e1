"""Lists are no noise: automatic decisions that say the same are one row that opens."""

from __future__ import annotations

from uuid import uuid4

import pytest

from orchestrator.decisions import recording
from orchestrator.decisions.lists import DecisionFilter, decision_page
from orchestrator.decisions.views import DecisionPage
from tests.asking import asking
from tests.fleet import Fleet
from tests.orchestrator.test_older_issues import LATER, issue_again, set_limit

PEOPLE = DecisionFilter(without_automatic=True)


@pytest.fixture
def two_hours(fleet: Fleet) -> Fleet:
    """Two issues of three regions that say the same."""
    issue_again(fleet)
    return fleet


def page(fleet: Fleet, chosen: DecisionFilter | None = None) -> DecisionPage:
    with fleet.runtime.transaction() as session:
        return decision_page(
            asking(session, fleet.actor(session), now=LATER), chosen, with_runs=True
        )


def what_if(fleet: Fleet, shift_pct: float) -> int:
    with fleet.runtime.transaction() as session:
        return recording.evaluate(
            asking(session, fleet.actor(session), now=LATER, request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=shift_pct,
        ).decision_id


def test_what_the_scheduler_says_again_is_one_row_of_its_region(
    two_hours: Fleet,
) -> None:
    rows = page(two_hours).rows
    assert sorted(row.source.slug for row in rows) == ["arizona", "ireland", "wyoming"]
    for row in rows:
        assert row.run is not None
        assert row.run.count == 2
        assert row.run.first_utc <= row.run.last_utc == row.created_at_utc
    with two_hours.runtime.transaction() as session:
        request = asking(session, two_hours.actor(session))
        assert len(decision_page(request).rows) == 6, "every one stays stored"


def test_a_run_ends_where_a_person_decides_and_where_the_verdict_changes(
    fleet: Fleet,
) -> None:
    tried = what_if(fleet, 10.0)
    issue_again(fleet)
    rows = page(fleet).rows
    assert [row.run for row in rows] == [None] * 7
    assert rows[3].decision_id == tried

    only = page(fleet, DecisionFilter(kind="automatic")).rows
    assert [row.run.count for row in only if row.run] == [2, 2, 2]


def test_another_verdict_is_another_row(fleet: Fleet) -> None:
    set_limit(fleet, "arizona", 80.0)
    issue_again(fleet)
    rows = page(fleet, DecisionFilter(region_slug="arizona")).rows
    assert [row.outcome.value for row in rows] == ["APPROVED", "BLOCKED"]
    assert [row.run for row in rows] == [None, None]


def test_people_see_what_people_decided(two_hours: Fleet) -> None:
    assert page(two_hours, PEOPLE).rows == ()
    tried = what_if(two_hours, 10.0)
    (row,) = page(two_hours, PEOPLE).rows
    assert (row.decision_id, row.kind) == (tried, "what_if")
