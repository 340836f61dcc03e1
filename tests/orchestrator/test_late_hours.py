"""Telemetry that comes late or is corrected: forecasts without it, then with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.audit import AuditAction
from core.conformal import check_limit
from core.days import WINDOW_H, full_hour, local_issue_hour
from core.forecasts import Target
from core.late_hours import moved_on
from core.scheduler import ReasonCode
from core.telemetry import HOUR, VALID_RANGES
from db import forecasts, policies
from db.audit import list_events
from db.forecasts import StoredForecast
from db.window_scores import score_history
from orchestrator.cycle.issuance import issue_live
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.lists import DecisionFilter, decision_page
from orchestrator.decisions.model_replay import replay_with_model
from orchestrator.decisions.recording import evaluate, record
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.jobs import ISSUE_AGAIN
from orchestrator.processes.worker import make_queue
from orchestrator.regions.region_choice import active_regions
from orchestrator.telemetry.batches import Origin
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import (
    FileToImport,
    generate_telemetry,
    import_telemetry,
)
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.withdrawals import withdraw_import
from tests.asking import asking
from tests.fleet import NOW, SEED, Fleet

LATER = NOW + HOUR
ISSUE_UTC = full_hour(LATER)


def _issue(fleet: Fleet, session: Session, now: datetime = LATER) -> None:
    issue_live(
        asking(session, fleet.actor(session, "worker"), now=now),
        ModelCache(),
        issued_at_utc=full_hour(now),
        stored_regions=active_regions(session)[:1],
    )


def _newest(session: Session, issued_at_utc: datetime = ISSUE_UTC) -> StoredForecast:
    stored = forecasts.forecasts_at(
        session,
        region_id=active_regions(session)[0].region_id,
        issued_at_utc=issued_at_utc,
        serving_first=True,
    )
    return stored[Target.TEMPERATURE_C]


def _generate(fleet: Fleet, session: Session, *, until_utc: datetime) -> None:
    generate_telemetry(
        asking(session, fleet.actor(session, "worker"), now=until_utc),
        first_demo_profiles(1),
        start_utc=full_hour(NOW),
        end_utc=until_utc,
        seed=SEED,
    )


def test_without_the_newest_hour_the_earlier_forecast_is_moved_on(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _issue(fleet, session)
        stored = _newest(session)
        before = _newest(session, ISSUE_UTC - HOUR)

    slug = "arizona"
    assert (stored.refusal_code, stored.lag_h, stored.revision) == (None, 1, 0)
    assert stored.telemetry_watermark_utc == ISSUE_UTC - HOUR
    hourly, earlier = stored.hourly(slug), before.hourly(slug)
    assert hourly is not None
    assert earlier is not None
    moved = moved_on(earlier, 1)
    assert hourly.mean.tolist() == moved.mean.tolist()
    assert hourly.mean[:-1].tolist() == earlier.mean[1:].tolist()
    assert stored.upper == (None,) * WINDOW_H


def test_its_bound_is_calibrated_by_windows_forecast_as_late(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _issue(fleet, session)
        stored = _newest(session)
        region = active_regions(session)[0]
        policy = policies.effective_policy(session, region.region_id)
        version_id = stored.model_version_id
        assert version_id is not None
        hour = local_issue_hour(region.region.time_zone, ISSUE_UTC)
        late, whole = (
            score_history(
                session,
                region_id=region.region_id,
                model_version_id=version_id,
                local_issue_hour=hour,
                finished_by_utc=ISSUE_UTC,
                lag_h=lag_h,
            )
            for lag_h in (1, 0)
        )
        hourly = stored.hourly(region.slug)
    assert hourly is not None
    calibration = late.calibration(policy.alpha)
    bound = check_limit(
        hourly.mean, hourly.scale, calibration, limit=policy.thermal_limit_c
    ).bound
    assert stored.day_bound_c == bound
    assert stored.score_count == len(late.scores)
    assert late.scores != whole.scores
    assert len(late.scores) == len(whole.scores)


def test_a_verdict_on_it_replays_with_the_model(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _issue(fleet, session)
        actor = fleet.actor(session)
        page = decision_page(asking(session, actor), DecisionFilter(kind="automatic"))
        newest = page.rows[0]
        assert newest.source.slug == "arizona"
        assert newest.reason_code is not ReasonCode.TELEMETRY_STALE
        replay = replay_with_model(asking(session, actor), newest.decision_id)
    assert replay.differences == ()


def test_the_hour_that_comes_gives_the_whole_forecast(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _issue(fleet, session)
        late = _newest(session)
        _generate(fleet, session, until_utc=ISSUE_UTC)
        for _ in range(2):
            _issue(fleet, session)
        whole = _newest(session)
        n_forecasts = session.scalar(
            text("select count(*) from forecast where target = 'temperature_c'"
                 " and issued_at_utc = :at"), {"at": ISSUE_UTC},
        )  # fmt: skip
    assert (whole.lag_h, whole.revision) == (0, 1)
    assert whole.telemetry_watermark_utc == ISSUE_UTC
    assert whole.mean != late.mean
    assert n_forecasts == 2
    assert all(value is not None for value in whole.upper)


def test_more_hours_than_the_policy_lets_wait_are_stale(fleet: Fleet) -> None:
    later = NOW + 4 * HOUR
    with fleet.runtime.transaction() as session:
        _issue(fleet, session, later)
        refused = _newest(session, full_hour(later))
        view = fleet_view(asking(session, fleet.actor(session), now=later))
    assert refused.refusal_code == "telemetry_stale"
    row = next(row for row in view.rows if row.region.slug == "arizona")
    assert row.verdict.reason_code is ReasonCode.TELEMETRY_STALE


def test_scores_are_of_forecasts_with_all_their_hours(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _issue(fleet, session)
        region_id = active_regions(session)[0].region_id
        ended_utc = ISSUE_UTC + timedelta(hours=WINDOW_H)
        waiting = forecasts.unscored_live_forecasts(
            session, region_ids=[region_id], finished_by_utc=ended_utc
        )
        assert ISSUE_UTC not in {item.issued_at_utc for item in waiting}
        _generate(fleet, session, until_utc=ISSUE_UTC)
        _issue(fleet, session)
        waiting = forecasts.unscored_live_forecasts(
            session, region_ids=[region_id], finished_by_utc=ended_utc
        )
    (own,) = [item for item in waiting if item.issued_at_utc == ISSUE_UTC]
    assert (own.lag_h, own.revision) == (0, 1)


def _import(fleet: Fleet, session: Session, hours: dict[datetime, float]) -> int:
    """Temperatures of the first region, as a file; returns the batch."""
    lines = [f"{at:%Y-%m-%dT%H:%M:%SZ},arizona,{value}" for at, value in hours.items()]
    content = "\n".join(["timestamp,region,temperature_c", *lines]) + "\n"
    file = FileToImport(
        source=BytesIO(content.encode()),
        label="late.csv",
        telemetry_format=TelemetryFormat.CSV,
        region_slug="arizona",
        origin=Origin.SYNTHETIC,
    )
    now = max(hours) + HOUR
    request = asking(session, fleet.actor(session), now=now)
    return import_telemetry(request, file, ranges=VALID_RANGES).batch_id


def _run_queued(fleet: Fleet, now: datetime) -> list[str]:
    """Do what imports queued; returns the names of the jobs."""
    runtime = replace(fleet.runtime, clock=lambda: now)
    jobs = make_queue(runtime, WorkerJobs(runtime))
    with runtime.transaction() as session:
        queued = session.execute(
            text("delete from procrastinate_jobs where task_name = :name"
                 " returning task_name, args"), {"name": ISSUE_AGAIN},
        ).all()  # fmt: skip
    for name, arguments in queued:
        jobs.tasks[name](**arguments)
    return [name for name, _ in queued]


def test_an_import_of_the_missing_hour_issues_at_once(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _issue(fleet, session)
        _import(fleet, session, {ISSUE_UTC - HOUR: 41.5})
    assert _run_queued(fleet, LATER) == [ISSUE_AGAIN]
    with fleet.runtime.transaction() as session:
        stored = _newest(session)
        decided = session.scalar(
            text("select count(*) from decision where source_forecast_id = :id"),
            {"id": stored.forecast_id},
        )
    assert (stored.lag_h, stored.revision) == (0, 1)
    assert decided == 1


def test_a_suspect_newest_hour_blocks_and_is_not_waited_for(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        _import(fleet, session, {ISSUE_UTC - HOUR: -45.0})
    _run_queued(fleet, LATER)
    with fleet.runtime.transaction() as session:
        stored = _newest(session)
        view = fleet_view(asking(session, fleet.actor(session), now=LATER))
    assert stored.refusal_code == "telemetry_suspect"
    row = next(row for row in view.rows if row.region.slug == "arizona")
    assert row.verdict.reason_code == ReasonCode.TELEMETRY_SUSPECT


def test_an_hour_that_is_corrected_issues_its_region_again(fleet: Fleet) -> None:
    at = full_hour(NOW)
    with fleet.runtime.transaction() as session:
        before = _newest(session, at)
        _import(fleet, session, {at - 3 * HOUR: 44.0})
    _run_queued(fleet, NOW)
    with fleet.runtime.transaction() as session:
        after = _newest(session, at)
        others = session.scalar(
            text("select count(*) from forecast join region on region.id = region_id"
                 " where revision > 0 and slug <> 'arizona'")
        )  # fmt: skip
    assert (after.revision, after.lag_h) == (before.revision + 1, 0)
    assert after.mean != before.mean
    assert others == 0


def test_an_import_of_hours_long_past_issues_nothing_anew(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        before = session.scalar(text("select count(*) from forecast"))
        _import(fleet, session, {full_hour(NOW) - 5000 * HOUR: 20.0})
    _run_queued(fleet, NOW)
    with fleet.runtime.transaction() as session:
        assert session.scalar(text("select count(*) from forecast")) == before


def test_what_rested_on_a_withdrawn_import_is_judged_again(fleet: Fleet) -> None:
    at = full_hour(NOW)
    with fleet.runtime.transaction() as session:
        batch_id = _import(fleet, session, {at - 3 * HOUR: 44.0})
    _run_queued(fleet, NOW)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        what_if = evaluate(
            request,
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=10.0,
        )
        recorded = record(request, what_if_id=what_if.decision_id, comment="").card
        assert recorded is not None
        done = withdraw_import(request, batch_id, reason="x", ranges=VALID_RANGES)
    decision_id = recorded.decision_id
    assert f"These recorded decisions are judged again: {decision_id}." in done.sentence

    jobs = WorkerJobs(fleet.runtime)
    for _ in range(2):
        jobs.issue_again(done.withdrawal_id)

    with fleet.runtime.transaction() as session:
        (event,) = list_events(session, action=AuditAction.DECISION_JUDGED_AGAIN)
        request = asking(session, fleet.actor(session))
        again = decision_detail(request, event.after["what_if_id"])
        detail = decision_detail(request, decision_id)
        shown = day_view(request, region_slug="arizona", local_day=None)
    assert (event.actor_name, event.object_id) == ("worker", str(decision_id))
    assert event.after["withdrawal"] == done.withdrawal_id
    assert again.card.actor_name == "worker"
    facts = {item.label: item.value for item in detail.facts}
    assert facts["Judged again"].startswith(f"{event.after['outcome']}, as what-if")
    # The newest forecast was issued again without the import; it is not revised.
    assert shown.revised_text is None
