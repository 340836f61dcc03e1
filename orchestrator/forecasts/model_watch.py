"""The online watch: a serving model that loses coverage or skill raises an alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.conformity import MINIMUM_SCORES, SCORE_WINDOW
from core.forecasts import Target
from core.model_watch import (
    ALARM_DAYS,
    SETTLED_AFTER,
    SKILL_DAYS,
    Evidence,
    combined,
    fleet_p_value,
    rank_p_value,
    skill_evidence,
)
from db import model_versions, model_watch, window_scores
from db.model_watch import KnownEvidence, WatchPlace
from db.regions import StoredRegion
from db.window_scores import NewScore
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)

_DAY = timedelta(days=1)
_MOST_DAYS_BACK = 60 * _DAY
"""Older days are left out: of a model that serves again nothing was served then."""


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
    known = model_watch.evidence_at(session, places) if places else {}
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
    model_watch.keep_evidence(session, counted)
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
        found = model_watch.region_evidence(session, version_id, region_slugs=by_slug)
        for slug, evidence in found.items():
            found_in = by_slug[slug]
            event = _alarm(session, found_in, version_id, combined([evidence]))
            events += [event] if event is not None else []
    return tuple(events)


@change(Permission.RUN_CYCLE, AuditAction.MODEL_SKILL_LOST, repeat=None)
def watch_skill(request: Request) -> Done[int]:
    """Count the UTC days that have settled against the serving model; how many.

    The first is the day on which the watch begins; hindcasts are its past.
    """
    session, now = request.session, request.now
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if active is None:
        return Done(answer=0)
    version_id = active.version.version_id
    today_utc = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    before = model_watch.skill_watch_of(session, version_id, first_day_utc=today_utc)
    evidence = before.evidence
    first_utc = max(before.next_day_utc, today_utc - _MOST_DAYS_BACK)
    day_utc = first_utc
    while day_utc + SETTLED_AFTER <= now:
        log_ratios = model_watch.daily_log_ratios(
            session, version_id, day_utc=day_utc, n_before=SKILL_DAYS
        )
        p_value = fleet_p_value(log_ratios) if log_ratios.size else None
        if p_value is not None:
            evidence = skill_evidence(evidence, p_value)
        day_utc += _DAY
    n_counted = (day_utc - first_utc) // _DAY
    if not n_counted:
        return Done(answer=0)
    reached = model_watch.SkillWatch(next_day_utc=day_utc, evidence=evidence)
    model_watch.keep_skill_watch(session, version_id, reached)
    event = _alarm(session, None, version_id, evidence)
    return Done(answer=n_counted, events=() if event is None else (event,))


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
    session: Session,
    stored_region: StoredRegion | None,
    version_id: int,
    evidence: float,
) -> Event | None:
    """The event of a new alarm: of coverage in a region, without one of skill."""
    region_id = None if stored_region is None else stored_region.region_id
    if evidence < ALARM_DAYS or not model_watch.raise_alarm(
        session, region_id=region_id, model_version_id=version_id, evidence=evidence
    ):
        return None
    facts = {"model_version_id": version_id, "evidence": evidence}
    if stored_region is None:
        log.error("model_skill_lost", **facts)
        return Event(
            action=AuditAction.MODEL_SKILL_LOST,
            object_type="model_version",
            object_id=str(version_id),
            after=facts,
        )
    slug = stored_region.slug
    log.error("model_coverage_lost", region=slug, **facts)
    return Event(
        action=AuditAction.MODEL_COVERAGE_LOST,
        object_type="region",
        object_id=slug,
        after=facts,
    )
