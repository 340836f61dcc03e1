"""Forecasts that nothing rests on go when the policy says; what proves stays whole."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from core.days import full_hour, issue_at_local_midnight
from core.telemetry import HOUR
from db import forecasts
from db.engine import make_engine
from orchestrator.cli.forecast import app
from orchestrator.cycle.issuance import IssueSummary, issue_live
from orchestrator.decisions import recording
from orchestrator.decisions.model_replay import replay_all
from orchestrator.decisions.what_if import what_if_view
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.retired import retire_all, retire_forecasts
from orchestrator.operations.doctor import forecasts_kept_of
from orchestrator.regions.policies import change_terms
from orchestrator.regions.region_choice import active_regions
from tests.asking import asking
from tests.fleet import NOW, Fleet

BASE_UTC = full_hour(NOW).replace(hour=12) - timedelta(days=3)
BY_HALF_DAY = """
    select f.target = 'temperature_c', f.issued_at_utc >= :since, count(*),
        count(i.forecast_id)
    from forecast f left join forecast_input i on i.forecast_id = f.id
    where f.kind = 'live' group by 1, 2 order by 1, 2
"""


def _issue(fleet: Fleet, *hours: int) -> list[IssueSummary]:
    """Live issues so many hours after the base."""
    cache, found = ModelCache(), []
    for hour in hours:
        with fleet.runtime.transaction() as session:
            summary = issue_live(
                asking(session, fleet.actor(session, "worker")),
                cache,
                issued_at_utc=BASE_UTC + hour * HOUR,
                stored_regions=active_regions(session),
            )
        found.append(summary)
    cache.close()
    return found


def _keep_days(fleet: Fleet, days: float) -> None:
    with fleet.runtime.transaction() as session:
        assert change_terms(
            asking(session, fleet.actor(session)),
            changes={"forecasts_kept_days": days},
            reason="Space.",
        )


def _live(fleet: Fleet) -> dict[tuple[bool, bool], tuple[int, int]]:
    """Forecasts and inputs by whether they are temperatures, and of the last day."""
    with fleet.runtime.transaction() as session:
        since = {"since": full_hour(NOW)}
        rows = session.execute(text(BY_HALF_DAY), since)
        return {(is_t, is_new): (n, inputs) for is_t, is_new, n, inputs in rows}


def test_inputs_stored_beside_a_base_are_what_the_model_was_given(fleet: Fleet) -> None:
    _issue(fleet, 0, 5)
    with fleet.runtime.transaction() as session:
        rows = session.execute(
            text(
                "select f.issued_at_utc = :base, i.base_id is null, count(*),"
                " avg(octet_length(i.features)) from forecast f"
                " join forecast_input i on i.forecast_id = f.id"
                " where f.issued_at_utc <= :until group by 1, 2"
            ),
            {"base": BASE_UTC, "until": BASE_UTC + 5 * HOUR},
        ).all()
    # The base's are whole, the others a third, each beside one of the base's.
    sizes = {is_base: float(size) for is_base, _, _, size in rows}
    assert {(is_base, whole, n) for is_base, whole, n, _ in rows} == {
        (True, True, 12),
        (False, False, 12),
    }
    assert sizes[False] < sizes[True] / 2

    # An issue made again compares what it would give the model to the last bit.
    (again,) = _issue(fleet, 5)
    assert (again.issued, again.already_there) == (0, 12)


def _says_not_kept(fleet: Fleet, issued_at_utc: datetime) -> bool:
    """Whether the notes of a shift say that forecasts behind it are gone."""
    with fleet.runtime.transaction() as session:
        view = what_if_view(
            asking(session, fleet.actor(session)),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            issued_at_utc=issued_at_utc,
            shift_pct=5.0,
        )
    assert view.impact_notes
    return any("no longer kept" in note for note in view.impact_notes)


def test_what_nothing_rests_on_goes_and_every_decision_replays(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, untouched_logging: None
) -> None:
    del untouched_logging
    for role in ("", "OWNER_", "AUDITOR_"):
        url = getattr(fleet.urls, role.strip("_").lower() or "app")
        monkeypatch.setenv(f"DATABASE_{role}URL", url)
    _issue(fleet, 0, 5)
    with fleet.runtime.transaction() as session:
        recording.evaluate(
            asking(session, fleet.actor(session), request_id=uuid4()),
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=5.0,
        )
    before = {
        (False, False): (18, 18),
        (False, True): (9, 9),
        (True, False): (6, 6),
        (True, True): (3, 3),
    }
    assert _live(fleet) == before
    assert retire_all(fleet.runtime, "worker") == 0  # for good, by default
    _keep_days(fleet, 30.0)

    with fleet.runtime.transaction() as session:
        ids = [item.region_id for item in active_regions(session)]
        request = asking(session, fleet.actor(session, "worker"))
        assert retire_forecasts(request, region_ids=ids, most=5) == 5
    by_command = CliRunner().invoke(app, ["retire", "--json"])
    assert json.loads(by_command.stdout) == {"retired": 16}

    # Of the newest issue those of the what-if's two regions stay.
    assert _live(fleet) == {
        (False, True): (6, 6),
        (True, False): (6, 6),
        (True, True): (3, 3),
    }
    assert retire_all(fleet.runtime, "worker") == 0
    assert _says_not_kept(fleet, BASE_UTC + 5 * HOUR)
    assert not _says_not_kept(fleet, full_hour(NOW))
    with fleet.runtime.transaction() as session:
        events = session.scalars(
            text(
                "select payload::jsonb #>> '{after,forecast}' from audit_event"
                " where action = 'records_purged' order by seq"
            )
        ).all()
        assert events == ["5", "16"]
        request = asking(session, fleet.actor(session))
        replays = list(replay_all(request))
        assert len(replays) == 10
        assert not [found for replay in replays for found in replay.differences]


def test_the_owner_deletes_nothing_that_is_kept(fleet: Fleet) -> None:
    _issue(fleet, 0, 5)
    _keep_days(fleet, 36_000.0)
    engine = make_engine(fleet.urls.owner, pool_size=1)
    for statement in (
        "delete from forecast where target = 'wet_bulb_c'",
        "delete from forecast_input where base_id is not null",
        "update forecast set lag_h = 1 where target = 'wet_bulb_c'",
    ):
        with (
            pytest.raises(DBAPIError, match="append-only"),
            engine.begin() as connection,
        ):
            connection.execute(text(statement))
    engine.dispose()


def _forget_forecasts(fleet: Fleet) -> None:
    engine = make_engine(fleet.urls.owner, pool_size=1)
    with engine.begin() as connection:
        for table in ("decision", "forecast_input", "forecast"):
            connection.execute(text(f"alter table {table} disable trigger user"))
            connection.execute(text(f"delete from {table}"))  # noqa: S608 -- above
    engine.dispose()


def test_hindcasts_are_of_a_regions_own_midnights_until_days_are_compared(
    fleet: Fleet,
) -> None:
    _forget_forecasts(fleet)
    first_day, cache = date(2025, 5, 10), ModelCache()

    def hindcast(*, is_compared: bool) -> list[int]:
        with fleet.runtime.transaction() as session:
            found = active_regions(session)
            summaries = hindcast_regions(
                asking(session, fleet.actor(session, "worker")),
                cache,
                stored_regions=found,
                from_day=first_day,
                until_day=first_day + timedelta(days=2),
                compared_with=found if is_compared else (),
            )
        return [summary.forecasts_stored for summary in summaries]

    assert hindcast(is_compared=False) == [2, 2, 2]
    with fleet.runtime.transaction() as session:
        days = (first_day, first_day + timedelta(days=1))
        midnights = {
            item.slug: {
                issue_at_local_midnight(item.region.time_zone, day) for day in days
            }
            for item in active_regions(session)
        }
        stored = session.execute(
            text(
                "select slug, issued_at_utc from forecast"
                " join region on region.id = region_id"
            )
        ).all()
    assert len(set.union(*midnights.values())) == 6  # one zone each
    assert set(map(tuple, stored)) == {
        (slug, instant) for slug, instants in midnights.items() for instant in instants
    }

    notices = [_what_if_notice(fleet, first_day) for _ in range(2)]
    assert all("has been requested" in str(notice) for notice in notices)
    with fleet.runtime.transaction() as session:
        waiting = session.scalars(text("select task_name from procrastinate_jobs"))
        assert waiting.all() == ["hindcast_day"]

    assert hindcast(is_compared=True) == [4, 4, 4]
    assert _what_if_notice(fleet, first_day) is None
    cache.close()


def _what_if_notice(fleet: Fleet, day: date) -> str | None:
    with fleet.runtime.transaction() as session:
        view = what_if_view(
            asking(session, fleet.actor(session)),
            source_slug="arizona",
            target_slug="ireland",
            local_day=day,
        )
    return view.notice


def test_the_newest_rule_says_since_when_forecasts_are_kept(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        since_utc = forecasts.kept_since(session)
        assert forecasts_kept_of(session).text == "all, for good"
    _keep_days(fleet, 30.0)
    _keep_days(fleet, 40.0)
    with fleet.runtime.transaction() as session:
        later_utc = forecasts.kept_since(session)
        finding = forecasts_kept_of(session)
    assert finding.is_sound
    assert f"all since {later_utc:%Y-%m-%d %H:%M} UTC" in finding.text
    shorter = timedelta(days=36_500 - 40)
    assert shorter <= later_utc - since_utc < shorter + timedelta(days=1)
    assert later_utc.hour % 12 == 0
