"""The online watch: a serving model that loses its coverage raises an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from core.audit import AuditAction
from core.conformal import MINIMUM_SCORES, SCORE_WINDOW
from core.model_watch import ALARM_DAYS, combined, rank_p_value
from db import model_watch, window_scores
from db.regions import StoredRegion
from db.window_scores import NewScore
from orchestrator.logs import get_logger
from orchestrator.use_cases import Event

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedWindow:
    """A finished live window: its score, and the bound that was served for it."""

    score: NewScore
    day_bound_c: float
    alpha: Decimal


def watch(
    session: Session, stored_region: StoredRegion, windows: Sequence[ServedWindow]
) -> tuple[Event, ...]:
    """Count finished windows of a region, in order of issue; events of alarms.

    Each is ranked among the scores that its own forecast was calibrated with. A window
    that comes after a later one of its hour is not counted.
    """
    counted = {
        window.score.model_version_id
        for window in sorted(windows, key=lambda window: window.score.issued_at_utc)
        if _count(session, window)
    }
    return raise_alarms(session, stored_region, sorted(counted))


def raise_alarms(
    session: Session, stored_region: StoredRegion, version_ids: Sequence[int]
) -> tuple[Event, ...]:
    """Alarms of models whose evidence suffices in a region and that have none yet."""
    found = (_alarm(session, stored_region, version_id) for version_id in version_ids)
    return tuple(event for event in found if event is not None)


def _count(session: Session, window: ServedWindow) -> bool:
    score = window.score
    if score.score is None or score.day_max_c is None:
        return False
    place = {
        "region_id": score.region_id,
        "model_version_id": score.model_version_id,
        "local_issue_hour": score.local_issue_hour,
    }
    before = model_watch.evidence_before(
        session, **place, issued_at_utc=score.issued_at_utc
    )
    if before is None:
        return False
    known = window_scores.score_history(
        session,
        **place,
        finished_by_utc=score.issued_at_utc,
        input_mode=score.input_mode,
        with_hours=False,
    ).scores[-SCORE_WINDOW:]
    if len(known) < MINIMUM_SCORES:
        return False
    evidence = before.after(
        p_value=rank_p_value(score.score, sorted(known)),
        is_missed=score.day_max_c > window.day_bound_c,
        alpha=window.alpha,
    )
    model_watch.keep_evidence(
        session, **place, issued_at_utc=score.issued_at_utc, evidence=evidence
    )
    return True


def _alarm(
    session: Session, stored_region: StoredRegion, version_id: int
) -> Event | None:
    region_id = stored_region.region_id
    slug = stored_region.slug
    found = model_watch.region_evidence(session, version_id, region_slug=slug)
    evidence = combined(found.values())
    if evidence < ALARM_DAYS or not model_watch.raise_alarm(
        session, region_id=region_id, model_version_id=version_id, evidence=evidence
    ):
        return None
    facts = {"model_version_id": version_id, "evidence": evidence}
    log.error("model_coverage_lost", region=slug, **facts)
    return Event(
        action=AuditAction.MODEL_COVERAGE_LOST,
        object_type="region",
        object_id=slug,
        after=facts,
    )
