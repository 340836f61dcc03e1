"""A model that loses its coverage: alarm, block, fall back, and what ends it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.audit import AuditAction
from core.days import full_hour, local_issue_hour
from core.errors import InvalidInput
from core.forecasts import Target
from core.model_watch import ALARM_DAYS, Evidence
from core.outcomes import Outcome, ReasonCode
from core.scheduler import decide
from core.telemetry import HOUR
from db import audit, model_versions, model_watch
from db.regions import StoredRegion
from db.window_scores import NewScore
from orchestrator.decisions.model_replay import replay_with_model
from orchestrator.decisions.recording import evaluate
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.model_watch import ServedWindow, watch
from orchestrator.forecasts.quality_page import quality_view
from orchestrator.operations.monitoring import measure
from orchestrator.regions.policies import change_terms
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.coverage_alarms import clear_alarm, fall_back
from orchestrator.registry.models_page import models_page
from orchestrator.windows.database_source import load_region_window
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
        (alarm,) = fleet_view(admin).alarms
        assert alarm.title == "Model lost its coverage"
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
