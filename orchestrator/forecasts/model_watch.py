"""The online watch: a serving model that loses its coverage raises an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from core.audit import AuditAction
from core.conformal import MINIMUM_SCORES, SCORE_WINDOW
from core.model_watch import ALARM_DAYS, Evidence, combined, rank_p_value
from db import window_scores
from db.model_watch import (
    KnownEvidence,
    WatchPlace,
    evidence_at,
    keep_evidence,
    raise_alarm,
    region_evidence,
)
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
    session: Session,
    stored_regions: Sequence[StoredRegion],
    windows: Sequence[ServedWindow],
) -> tuple[Event, ...]:
    """Count finished windows of regions, in order of issue; events of alarms.

    Each is ranked among the scores that its own forecast was calibrated with. A window
    that comes after a later one of its hour is not counted.
    """
    windows = sorted(windows, key=lambda window: window.score.issued_at_utc)
    places = {_place(window) for window in windows}
    known = evidence_at(session, places) if places else {}
    histories = window_scores.score_histories(
        session, [_scores_before(window) for window in windows], with_hours=False
    )
    counted: dict[WatchPlace, KnownEvidence] = {}
    for window in windows:
        place = _place(window)
        before = counted.get(place) or known.get(place)
        scores = histories[_scores_before(window)].scores[-SCORE_WINDOW:]
        evidence = _count(window, before, scores)
        if evidence is not None:
            counted[place] = KnownEvidence(
                last_issued_at_utc=window.score.issued_at_utc, evidence=evidence
            )
    keep_evidence(session, counted)
    version_ids = {place.model_version_id for place in counted}
    region_ids = {place.region_id for place in counted}
    of_counted = [item for item in stored_regions if item.region_id in region_ids]
    return raise_alarms(session, of_counted, sorted(version_ids))


def raise_alarms(
    session: Session,
    stored_regions: Sequence[StoredRegion],
    version_ids: Sequence[int],
) -> tuple[Event, ...]:
    """Alarms of models whose evidence suffices in a region and that have none yet."""
    by_slug = {item.slug: item for item in stored_regions}
    events = []
    for version_id in version_ids:
        found = region_evidence(session, version_id, region_slugs=by_slug)
        for slug, evidence in found.items():
            event = _alarm(session, by_slug[slug], version_id, combined([evidence]))
            events += [event] if event is not None else []
    return tuple(events)


def _place(window: ServedWindow) -> WatchPlace:
    score = window.score
    return WatchPlace(score.region_id, score.model_version_id, score.local_issue_hour)


def _scores_before(window: ServedWindow) -> window_scores.ScorePlace:
    return window_scores.ScorePlace(
        **_place(window)._asdict(),
        finished_by_utc=window.score.issued_at_utc,
        input_mode=window.score.input_mode,
    )


def _count(
    window: ServedWindow, before: KnownEvidence | None, known: Sequence[float]
) -> Evidence | None:
    """The evidence with this window; None where it does not count."""
    score = window.score
    if score.score is None or score.day_max_c is None:
        return None
    if before is not None and before.last_issued_at_utc >= score.issued_at_utc:
        return None
    if len(known) < MINIMUM_SCORES:
        return None
    return (before.evidence if before else Evidence()).after(
        p_value=rank_p_value(score.score, sorted(known)),
        is_missed=score.day_max_c > window.day_bound_c,
        alpha=window.alpha,
    )


def _alarm(
    session: Session, stored_region: StoredRegion, version_id: int, evidence: float
) -> Event | None:
    if evidence < ALARM_DAYS or not raise_alarm(
        session,
        region_id=stored_region.region_id,
        model_version_id=version_id,
        evidence=evidence,
    ):
        return None
    slug = stored_region.slug
    facts = {"model_version_id": version_id, "evidence": evidence}
    log.error("model_coverage_lost", region=slug, **facts)
    return Event(
        action=AuditAction.MODEL_COVERAGE_LOST,
        object_type="region",
        object_id=slug,
        after=facts,
    )
