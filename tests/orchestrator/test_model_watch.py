"""A model that loses its coverage: alarm, block, fall back, and what ends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import text

from core.alarm_kinds import AlarmKind
from core.audit import AuditAction
from core.days import full_hour, local_issue_hour
from core.errors import InvalidInput
from core.forecasts import Target
from core.model_watch import ALARM_DAYS, SETTLED_AFTER, Evidence
from core.outcomes import Outcome, ReasonCode
from core.scheduler import decide
from core.telemetry import HOUR
from db import audit, forecasts, model_versions, model_watch
from db.regions import StoredRegion
from db.window_scores import NewScore, insert_scores
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.model_replay import replay_with_model
from orchestrator.decisions.recording import evaluate
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.model_watch import ServedWindow, watch, watch_skill
from orchestrator.forecasts.quality_page import quality_view
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.operations.monitoring import measure
from orchestrator.regions.policies import change_terms
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.coverage_alarms import clear_alarm, fall_back
from orchestrator.registry.models_page import models_page
from orchestrator.windows.database_source import load_region_window
from tests.alarm_looks import alarms_after_look
from tests.asking import NOW, asking
from tests.fleet import TRAINED_UNTIL, Fleet
from tests.models import liars
from tests.orchestrator.test_serving import put_into_service

ISSUE = full_hour(NOW)
UNTIL = f"{TRAINED_UNTIL}T00:00:00Z"


def finished(
    stored: StoredRegion, version_id: int, *, days: int, score: float
) -> list[ServedWindow]:
    """Scores of the live windows of `days` days, all the same."""
    issues = [ISSUE + hour * HOUR for hour in range(24 * days)]
    return [
        ServedWindow(
            score=NewScore(
                region_id=stored.region_id,
                model_version_id=version_id,
                issued_at_utc=issue,
                local_issue_hour=local_issue_hour(stored.region.time_zone, issue),
                day_max_c=30.0 + score,
                score=score,
                unscored_reason=None,
                hours=None,
            ),
            day_bound_c=32.0,
            alpha=Decimal("0.05"),
        )
        for issue in issues
    ]


def test_a_model_that_loses_its_coverage_is_blocked_until_it_is_cleared(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        worker = asking(session, fleet.actor(session, "worker"))
        admin = asking(session, fleet.actor(session))
        ireland = next(s for s in active_regions(session) if s.slug == "ireland")
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        version_id = active.version.version_id
        card = evaluate(
            admin,
            source_slug="ireland",
            target_slug=None,
            local_day=None,
            shift_pct=0.0,
        )
        assert card.verdict.outcome is Outcome.APPROVED

        usual = finished(ireland, version_id, days=1, score=-1.0)
        assert watch(session, [ireland], usual) == ()
        lied = finished(ireland, version_id, days=12, score=50.0)
        (event,) = watch(session, [ireland], lied)
        assert event.action is AuditAction.MODEL_COVERAGE_LOST
        assert watch(session, [ireland], lied) == ()  # counted once

        window = load_region_window(
            session, ireland, issued_at_utc=ISSUE, now=NOW, is_simulation=False
        )
        verdict = decide(window.outlook)
        assert verdict.outcome is Outcome.BLOCKED
        assert verdict.reason_code is ReasonCode.MODEL_COVERAGE_LOST
        (alarm,) = [
            one
            for one in alarms_after_look(admin)
            if one.kind is AlarmKind.MODEL_DRIFTING
        ]
        assert alarm.region_slugs == ("ireland",)
        (serving, *_) = models_page(admin).serving
        assert len(serving.alarms) == 1
        view = quality_view(admin, region_slug="ireland", local_day=None)
        assert view.alarm == serving.alarms[0]
        assert measure(session, NOW).lost_coverage_evidence["ireland"] >= ALARM_DAYS
        # What was decided before stays as it was.
        assert replay_with_model(admin, card.decision_id).differences == ()

        with pytest.raises(InvalidInput, match="has no alarm"):
            clear_alarm(
                admin,
                region_slug="arizona",
                model_version_id=version_id,
                reason="a sensor was moved",
            )
        clear_alarm(
            admin,
            region_slug="ireland",
            model_version_id=version_id,
            reason="a sensor was moved",
        )
        window = load_region_window(
            session, ireland, issued_at_utc=ISSUE, now=NOW, is_simulation=False
        )
        assert decide(window.outlook).outcome is Outcome.APPROVED
        assert not fall_back(worker)


def test_only_evidence_over_the_fleet_falls_back_and_only_by_the_policy(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        worker = asking(session, fleet.actor(session, "worker"))
        honest = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert honest is not None
        liar_id = put_into_service(session, liars.lying(UNTIL, liars.never))
        found = active_regions(session)

        def gather(evidence: float) -> None:
            known = model_watch.KnownEvidence(
                last_issued_at_utc=ISSUE,
                evidence=Evidence(scores=evidence, misses=evidence),
            )
            places = [
                model_watch.WatchPlace(item.region_id, liar_id, 5) for item in found
            ]
            model_watch.keep_evidence(session, dict.fromkeys(places, known))

        gather(2 * ALARM_DAYS)
        assert not fall_back(worker)
        change_terms(
            asking(session, fleet.actor(session)),
            changes={"falls_back_on_alarm": True},
            reason="nights without an operator",
        )
        gather(0.5 * ALARM_DAYS)
        assert not fall_back(worker)
        gather(2 * ALARM_DAYS)
        assert fall_back(worker)
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        assert active.version.version_id == honest.version.version_id
        (event, *_) = audit.list_events(
            session, action=AuditAction.MODEL_ACTIVATED, limit=1
        )
        assert "lost its coverage over the fleet" in event.payload
        # The one that it fell back on is watched as well.
        assert not fall_back(worker)


TODAY = ISSUE.replace(hour=0)
DAY = timedelta(days=1)


def errors_grow(
    found: list[StoredRegion], version_id: int, *, days: int, by: float
) -> list[NewScore]:
    """Windows after today whose errors grow day by day beside the plain model's."""
    return [
        NewScore(
            region_id=stored.region_id,
            model_version_id=version_id,
            issued_at_utc=TODAY + day * DAY,
            local_issue_hour=1,
            day_max_c=30.0,
            score=0.0,
            unscored_reason=None,
            hours=None,
            log_error_ratio=by + day / 100,
        )
        for stored in found
        for day in range(days)
    ]


def test_lost_skill_over_the_fleet_raises_an_alarm_and_blocks_nothing(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        admin = asking(session, fleet.actor(session))
        found = active_regions(session)
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        version_id = active.version.version_id
        ireland = next(one for one in found if one.slug == "ireland")

        def count(now: datetime) -> int:
            return watch_skill(asking(session, fleet.actor(session, "worker"), now=now))

        # Past days are hindcasts: every region has errors of both models.
        past = model_watch.daily_log_ratios(
            session, version_id, day_utc=TODAY - 2 * DAY, n_before=100
        )
        assert past.shape == (101, len(found))
        assert np.isfinite(past).all()
        assert abs(past).max() < 2.0

        # The watch begins today, and counts a day once it has settled.
        assert count(NOW) == count(NOW + SETTLED_AFTER - DAY) == 0
        insert_scores(session, errors_grow(found, version_id, days=30, by=2.0))
        assert count(TODAY + SETTLED_AFTER) == 1
        assert 1.0 < model_watch.skill_evidence_of(session, version_id) < ALARM_DAYS
        assert count(TODAY + SETTLED_AFTER) == 0
        assert not model_watch.standing_alarms(session, model_version_id=version_id)
        assert count(TODAY + 20 * DAY) == 16
        assert measure(session, NOW).lost_skill_evidence >= ALARM_DAYS
        (event,) = audit.list_events(session, action=AuditAction.MODEL_SKILL_LOST)
        assert f'"model_version_id":{version_id}' in event.payload

        # One alarm of the model, and no region is blocked by it.
        count(TODAY + 21 * DAY)
        (alarm,) = [
            one
            for one in alarms_after_look(admin)
            if one.kind is AlarmKind.MODEL_DRIFTING
        ]
        assert "lost skill over the fleet" in alarm.text
        assert alarm.region_slugs == ()
        (serving, *_) = models_page(admin).serving
        assert ["lost skill over the fleet" in text for text in serving.alarms] == [
            True
        ]
        window = load_region_window(
            session, ireland, issued_at_utc=ISSUE, now=NOW, is_simulation=False
        )
        assert decide(window.outlook).outcome is Outcome.APPROVED

        clear_alarm(
            admin, region_slug=None, model_version_id=version_id, reason="one hot month"
        )
        assert model_watch.skill_evidence_of(session, version_id) == 0.0
        with pytest.raises(InvalidInput, match="no alarm of the fleet"):
            clear_alarm(
                admin,
                region_slug=None,
                model_version_id=version_id,
                reason="another month",
            )


def test_lost_skill_lets_the_former_model_serve_where_the_policy_says_so(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        worker = asking(session, fleet.actor(session, "worker"))
        honest = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert honest is not None
        other_id = put_into_service(session, liars.lying(UNTIL, liars.never))
        model_watch.skill_watch_of(session, other_id, first_day_utc=TODAY)
        lost = model_watch.SkillWatch(next_day_utc=TODAY, evidence=2 * ALARM_DAYS)
        model_watch.keep_skill_watch(session, other_id, lost)
        assert not fall_back(worker)
        change_terms(
            asking(session, fleet.actor(session)),
            changes={"falls_back_on_alarm": True},
            reason="nights without an operator",
        )
        assert fall_back(worker)
        active = model_versions.active_model(session, Target.TEMPERATURE_C)
        assert active is not None
        assert active.version.version_id == honest.version.version_id
        (event, *_) = audit.list_events(
            session, action=AuditAction.MODEL_ACTIVATED, limit=1
        )
        assert "has lost skill over the fleet" in event.payload


def test_a_live_window_is_held_against_what_the_plain_model_said(
    fleet: Fleet,
) -> None:
    cache = ModelCache()
    issued_at_utc = ISSUE - 26 * HOUR
    assert issued_at_utc.hour % 4 == 0
    with fleet.runtime.transaction() as session:
        worker = asking(session, fleet.actor(session, "worker"))
        found = active_regions(session)
        put_into_service(session, liars.lying(UNTIL, liars.never))
        for instant in (issued_at_utc, issued_at_utc + HOUR):
            issue_live(worker, cache, issued_at_utc=instant, stored_regions=found)
        stored = forecasts.unscored_live_forecasts(
            session,
            region_ids=[one.region_id for one in found],
            finished_by_utc=NOW,
        )
        said = [len(one.plain.hours_c) if one.plain else None for one in stored]
        assert said == [24, 0] * len(found)
        score_finished_windows(worker, stored_regions=found)
        ratios = session.execute(
            text(
                "select issued_at_utc, log_error_ratio from window_score"
                " where model_version_id = :version_id"
            ),
            {"version_id": stored[0].model_version_id},
        )
        for instant, ratio in ratios:
            assert (ratio is not None) == (instant == issued_at_utc)
    cache.close()
