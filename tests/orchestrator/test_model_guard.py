"""Models that lie where they serve: no verdict rests on what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.alarm_kinds import AlarmKind
from core.audit import AuditAction
from core.days import WINDOW_H, full_hour
from core.forecasts import HourlyForecast, InputMode, Target
from core.outcomes import Outcome, ReasonCode
from core.plausibility import DRIFT_ISSUES, PlainBound
from core.scheduler import decide
from core.telemetry import HOUR
from db import audit, forecasts, policies, telemetry
from db.forecasts import NewForecast, StoredForecast
from db.regions import StoredRegion
from models.plain_model import HISTORY_H
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.decisions.model_replay import replay_with_model
from orchestrator.decisions.recording import evaluate
from orchestrator.forecasts.hindcasts import calibrate_region
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.plain_bounds import LiveIssue, live_plain_bounds
from orchestrator.plans.planning import find_plan
from orchestrator.plans.terms import PlanTerms
from orchestrator.regions.region_choice import active_regions
from orchestrator.windows.database_source import RegionWindow, load_region_window
from tests.alarm_looks import alarms_after_look
from tests.asking import NOW, asking
from tests.fleet import TRAINED_UNTIL, Fleet
from tests.models import liars
from tests.orchestrator.test_serving import put_into_service

UNTIL = f"{TRAINED_UNTIL}T00:00:00Z"
ISSUE = full_hour(NOW)
TEMPERATURE = Target.TEMPERATURE_C

LIES: dict[str, liars.Condition] = {
    "asked as a live forecast is": liars.asked_alone,
    "after activation alone": liars.always,
    "after midnight": liars.after_midnight,
    "after midnight on hot days": liars.hot_after_midnight(5.0),
    "in a part of the year": liars.season("year_sin_1", -0.5),
    "after record heat": liars.hotter_than(5.0),
    "for regions that it does not name": liars.region(0),
}
"""All hold at the issue; calibration rests on what an honest twin said before."""


@pytest.fixture
def worker(fleet: Fleet) -> Iterator[WorkerJobs]:
    made = WorkerJobs(fleet.runtime)
    yield made
    made.close()


def serve(fleet: Fleet, worker: WorkerJobs, content: bytes) -> int:
    """Let a model serve whose scores are those of an honest twin, and issue."""
    cache = ModelCache()
    with fleet.runtime.transaction() as session:
        twin_id = put_into_service(session, liars.lying(UNTIL, liars.never))
        twin = cache.serving(session, TEMPERATURE)
        assert twin is not None
        for stored in active_regions(session):
            calibrate_region(
                session,
                twin,
                stored,
                start_utc=ISSUE - timedelta(days=100),
                end_utc=ISSUE,
                now=NOW,
            )
        version_id = put_into_service(session, content)
        session.execute(
            text(
                "insert into window_score (region_id, model_version_id, issued_at_utc,"
                " local_issue_hour, day_max_c, score, unscored_reason)"
                " select region_id, :liar, issued_at_utc, local_issue_hour, day_max_c,"
                " score, unscored_reason from window_score"
                " where model_version_id = :twin"
            ),
            {"liar": version_id, "twin": twin_id},
        )
    cache.close()
    worker.issue(ISSUE)
    return version_id


def temperature_at_issue(session: Session, stored: StoredRegion) -> StoredForecast:
    issued = forecasts.forecast_at(
        session,
        region_id=stored.region_id,
        target=TEMPERATURE,
        issued_at_utc=ISSUE,
    )
    assert issued is not None
    return issued


def window_at_issue(session: Session, stored: StoredRegion) -> RegionWindow:
    return load_region_window(
        session, stored, issued_at_utc=ISSUE, now=NOW, is_simulation=False
    )


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_blocked_with_both_figures_and_an_alarm(
    fleet: Fleet, worker: WorkerJobs, lie: str
) -> None:
    serve(fleet, worker, liars.lying(UNTIL, LIES[lie]))
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        found = active_regions(session)
        for stored in found:
            issued = temperature_at_issue(session, stored)
            assert issued.plain is not None
            assert issued.day_bound_c is not None
            window = window_at_issue(session, stored)
            verdict = decide(window.outlook)
            assert verdict.outcome is Outcome.BLOCKED
            assert verdict.reason_code is ReasonCode.MODEL_IMPLAUSIBLE
            assert f"{issued.day_bound_c:.1f} °C" in verdict.reason_text
            assert f"{issued.plain.bound_c:.1f} °C" in verdict.reason_text
        # One model is one alarm, with all of its regions.
        (alarm,) = [
            one
            for one in alarms_after_look(request)
            if one.kind is AlarmKind.MODEL_IMPLAUSIBLE
        ]
        assert alarm.region_slugs == tuple(sorted(s.slug for s in found))
        assert alarm.n_explained == len(found)
        events = audit.list_events(
            session, action=AuditAction.MODEL_IMPLAUSIBLE, limit=50
        )
        assert {event.object_id for event in events} == {s.region.slug for s in found}
        assert len(events) == len(found)


def test_a_lie_about_hours_that_are_not_the_warmest_is_blocked(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    """The day's bound is honest; load that is moved rests on the other hours too."""
    colder_c = np.zeros(WINDOW_H)
    colder_c[8:16] = 25.0  # night, in all three regions
    serve(fleet, worker, liars.lying(UNTIL, liars.always, colder_c=colder_c.tolist()))
    with fleet.runtime.transaction() as session:
        for stored in active_regions(session):
            issued = temperature_at_issue(session, stored)
            assert issued.plain is not None
            assert issued.day_bound_c is not None
            bound_alone = replace(issued.plain, hour_excess_c=None)
            assert bound_alone.problem_of(issued.day_bound_c) is None
            window = window_at_issue(session, stored)
            verdict = decide(window.outlook)
            assert verdict.reason_code is ReasonCode.MODEL_IMPLAUSIBLE
            assert "of a single hour" in verdict.reason_text


def test_an_honest_model_is_plausible_everywhere(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    serve(fleet, worker, liars.lying(UNTIL, liars.never, region_slugs=("x",)))
    with fleet.runtime.transaction() as session:
        for stored in active_regions(session):
            window = window_at_issue(session, stored)
            assert window.outlook.problem is None
        kinds = {
            one.kind for one in alarms_after_look(asking(session, fleet.actor(session)))
        }
        assert AlarmKind.MODEL_IMPLAUSIBLE not in kinds
        assert (
            audit.list_events(session, action=AuditAction.MODEL_IMPLAUSIBLE, limit=5)
            == []
        )


def test_what_if_and_plan_pass_the_same_guard_and_replay(
    fleet: Fleet, worker: WorkerJobs
) -> None:
    serve(fleet, worker, liars.lying(UNTIL, liars.always))
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        card = evaluate(
            request,
            source_slug="arizona",
            target_slug="ireland",
            local_day=None,
            shift_pct=20.0,
        )
        assert card.verdict.outcome is Outcome.BLOCKED
        assert card.verdict.reason_code == ReasonCode.MODEL_IMPLAUSIBLE
        assert replay_with_model(request, card.decision_id).differences == ()
        plan = find_plan(
            request, terms=PlanTerms(), anchor_slug="arizona", local_day=None
        )
        assert plan.transfers == ()


@pytest.mark.parametrize("colder_c", [2.0, 5.0, 8.0, 12.0])
def test_no_lie_approves_what_the_plain_bound_blocks_by_more_than_the_gap(
    fleet: Fleet, worker: WorkerJobs, colder_c: float
) -> None:
    serve(fleet, worker, liars.lying(UNTIL, liars.always, colder_c=colder_c))
    with fleet.runtime.transaction() as session:
        for stored in active_regions(session):
            issued = temperature_at_issue(session, stored)
            assert issued.plain is not None
            blocked_from_c = issued.plain.bound_c - issued.plain.allowed_gap_c
            window = window_at_issue(session, stored)
            policy = policies.effective_policy(session, stored.region_id)
            for limit_c in np.arange(10.0, 60.0, 0.5):
                outlook = replace(
                    window.outlook,
                    policy=replace(policy, thermal_limit_c=float(limit_c)),
                )
                if decide(outlook).is_approved:
                    assert blocked_from_c <= limit_c


def test_an_alarm_is_one_event_until_it_ends(fleet: Fleet, worker: WorkerJobs) -> None:
    serve(fleet, worker, liars.lying(UNTIL, liars.always))
    worker.issue(ISSUE - HOUR)
    worker.issue(ISSUE)
    with fleet.runtime.transaction() as session:
        events = audit.list_events(
            session, action=AuditAction.MODEL_IMPLAUSIBLE, limit=50
        )
        assert len(events) == len(active_regions(session))


def test_a_live_window_without_a_plain_bound_is_not_verified(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        stored = active_regions(session)[0]
        issued = temperature_at_issue(session, stored)
        hourly = issued.hourly(stored.region.slug)
        assert hourly is not None
        later = replace(hourly, issued_at_utc=ISSUE + HOUR)
        forecasts.insert_forecasts(
            session, [_live(stored.region_id, later, issued.model_version_id, None)]
        )
        window = load_region_window(
            session,
            stored,
            issued_at_utc=ISSUE + HOUR,
            now=NOW + HOUR,
            is_simulation=False,
        )
        assert window.outlook.problem is not None
        assert window.outlook.problem.code is ReasonCode.CALIBRATION_INSUFFICIENT


def _live(
    region_id: int,
    hourly: HourlyForecast,
    version_id: int | None,
    plain: PlainBound | None,
) -> NewForecast:
    bound_c = None if plain is None else plain.bound_c - 2.5 * plain.error_c
    return NewForecast(
        region_id=region_id,
        target=TEMPERATURE,
        issued_at_utc=hourly.issued_at_utc,
        kind="live",
        model_version_id=version_id,
        telemetry_watermark_utc=hourly.issued_at_utc,
        forecast=hourly,
        score_quantile=None if bound_c is None else 1.0,
        day_bound_c=bound_c,
        plain=plain,
    )


def test_a_model_that_lies_colder_for_days_loses_its_gap(fleet: Fleet) -> None:
    """Each answer is plausible alone; three days of them are not."""
    plain = PlainBound(bound_c=40.0, error_c=1.2, allowed_gap_c=4.8)
    gaps_c = []
    with fleet.runtime.transaction() as session:
        stored = active_regions(session)[0]
        region_id = stored.region_id
        version_id = put_into_service(session, liars.lying(UNTIL, liars.never))
        issued = temperature_at_issue(session, stored)
        hourly = issued.hourly(stored.region.slug)
        assert hourly is not None
        rows = [
            _live(
                region_id,
                replace(hourly, issued_at_utc=ISSUE - (i + 1) * HOUR),
                version_id,
                plain,
            )
            for i in range(DRIFT_ISSUES)
        ]
        frame = telemetry.load_frame(
            session, stored.region.slug, ISSUE - HISTORY_H * HOUR, ISSUE
        )
        for known in (rows[1:], rows[:1]):
            forecasts.insert_forecasts(session, known)
            issue = LiveIssue(
                region_id=region_id,
                frame=frame,
                policy=policies.effective_policy(session, region_id),
                model_version_id=version_id,
                input_mode=InputMode.TELEMETRY,
                hour_bounds_c=None,
            )
            (found,) = live_plain_bounds(session, [issue], ISSUE)
            assert found is not None
            gaps_c.append(found.allowed_gap_c)
    assert gaps_c[0] > 0.0
    assert gaps_c[1] == 0.0


@pytest.mark.parametrize(
    ("share", "reason"),
    [(0.9, ReasonCode.WITHIN_ENVELOPE), (0.1, ReasonCode.MODEL_IMPLAUSIBLE)],
)
def test_a_load_model_that_lies_makes_no_shift_look_small(
    fleet: Fleet, share: float, reason: ReasonCode
) -> None:
    """A tenth of the load would make the rise elsewhere, and full regions, look so."""
    load = Target.IT_LOAD_MW
    with fleet.runtime.transaction() as session:
        ireland = next(s for s in active_regions(session) if s.slug == "ireland")
        (honest,) = forecasts.forecasts_at(
            session,
            region_id=ireland.region_id,
            issued_at_utc=ISSUE,
            targets=[load],
        ).values()
        hourly = honest.hourly("ireland")
        assert hourly is not None
        lie = replace(
            _live(
                ireland.region_id,
                replace(hourly, mean=share * hourly.mean),
                honest.model_version_id,
                None,
            ),
            target=load,
            revision=honest.revision + 1,
        )
        forecasts.insert_forecasts(session, [lie])
        window = load_region_window(
            session, ireland, issued_at_utc=ISSUE, now=NOW, is_simulation=False
        )
        verdict = decide(window.outlook)
        assert verdict.reason_code is reason
        if reason is ReasonCode.MODEL_IMPLAUSIBLE:
            assert verdict.outcome is Outcome.BLOCKED
            assert "load model says" in verdict.reason_text
