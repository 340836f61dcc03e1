"""Queries on the watch of serving models: evidence of lost coverage, and alarms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.model_watch import ALARM_DAYS, Evidence
from db.schema import ModelAlarmRow, ModelWatchRow, RegionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAlarm:
    """A model that has lost its coverage in a region, until somebody clears it.

    Attributes
    ----------
    evidence : float
        When the alarm was raised; see `core.model_watch`.
    """

    region_slug: str
    model_version_id: int
    raised_at_utc: datetime
    evidence: float

    @property
    def sentence(self) -> str:
        """What happened, and what ends the alarm."""
        return (
            f"model {self.model_version_id} has lost its coverage in"
            f" {self.region_slug} since {self.raised_at_utc:%Y-%m-%d %H:%M} UTC: maxima"
            " lie above its forecasts more often than its past errors allow (evidence"
            f" {self.evidence:,.0f}, alarm from {ALARM_DAYS:,.0f}). Let another model"
            " serve, or clear the alarm with a reason."
        )


def evidence_before(
    session: Session,
    *,
    region_id: int,
    model_version_id: int,
    local_issue_hour: int,
    issued_at_utc: datetime,
) -> Evidence | None:
    """Evidence of the windows before; None where this one or a later one is counted."""
    row = session.execute(
        select(
            ModelWatchRow.last_issued_at_utc,
            ModelWatchRow.score_evidence,
            ModelWatchRow.miss_evidence,
        ).where(
            ModelWatchRow.region_id == region_id,
            ModelWatchRow.model_version_id == model_version_id,
            ModelWatchRow.local_issue_hour == local_issue_hour,
        )
    ).first()
    if row is None:
        return Evidence()
    last_issued_at_utc, scores, misses = row
    if last_issued_at_utc >= issued_at_utc:
        return None
    return Evidence(scores=scores, misses=misses)


def keep_evidence(
    session: Session,
    *,
    region_id: int,
    model_version_id: int,
    local_issue_hour: int,
    issued_at_utc: datetime,
    evidence: Evidence,
) -> None:
    """Store the evidence up to a window."""
    values = {
        "last_issued_at_utc": issued_at_utc,
        "score_evidence": evidence.scores,
        "miss_evidence": evidence.misses,
    }
    session.execute(
        insert(ModelWatchRow)
        .values(
            region_id=region_id,
            model_version_id=model_version_id,
            local_issue_hour=local_issue_hour,
            **values,
        )
        .on_conflict_do_update(
            index_elements=["region_id", "model_version_id", "local_issue_hour"],
            set_=values,
        )
    )


def region_evidence(
    session: Session, model_version_id: int, *, region_slug: str | None = None
) -> dict[str, Evidence]:
    """Mean evidence of the hours of issue, by active region."""
    query = (
        select(
            RegionRow.slug,
            func.avg(ModelWatchRow.score_evidence),
            func.avg(ModelWatchRow.miss_evidence),
        )
        .join(RegionRow, RegionRow.id == ModelWatchRow.region_id)
        .where(ModelWatchRow.model_version_id == model_version_id, RegionRow.is_active)
        .group_by(RegionRow.slug)
        .order_by(RegionRow.slug)
    )
    if region_slug is not None:
        query = query.where(RegionRow.slug == region_slug)
    return {
        slug: Evidence(scores=float(scores), misses=float(misses))
        for slug, scores, misses in session.execute(query)
    }


def raise_alarm(
    session: Session, *, region_id: int, model_version_id: int, evidence: float
) -> bool:
    """Store an alarm; False when one stands already."""
    raised = session.scalar(
        insert(ModelAlarmRow)
        .values(
            region_id=region_id, model_version_id=model_version_id, evidence=evidence
        )
        .on_conflict_do_nothing()
        .returning(ModelAlarmRow.id)
    )
    return raised is not None


def standing_alarm(
    session: Session, *, region_id: int, model_version_id: int
) -> WatchAlarm | None:
    """The alarm of a model in a region that nobody has cleared."""
    found = _alarms(
        session,
        ModelAlarmRow.region_id == region_id,
        ModelAlarmRow.model_version_id == model_version_id,
    )
    return found[0] if found else None


def standing_alarms(session: Session, *, model_version_id: int) -> list[WatchAlarm]:
    """Alarms of a model that nobody has cleared, by region."""
    return _alarms(session, ModelAlarmRow.model_version_id == model_version_id)


def _alarms(session: Session, *wanted: ColumnElement[bool]) -> list[WatchAlarm]:
    rows = session.execute(
        select(ModelAlarmRow, RegionRow.slug)
        .join(RegionRow, RegionRow.id == ModelAlarmRow.region_id)
        .where(ModelAlarmRow.cleared_at_utc.is_(None), *wanted)
        .order_by(RegionRow.slug)
    )
    return [
        WatchAlarm(
            region_slug=slug,
            model_version_id=row.model_version_id,
            raised_at_utc=row.raised_at_utc,
            evidence=row.evidence,
        )
        for row, slug in rows
    ]


def clear_alarm(session: Session, *, region_id: int, model_version_id: int) -> bool:
    """Clear the standing alarm and begin the evidence anew; False without one."""
    cleared = session.scalar(
        update(ModelAlarmRow)
        .where(
            ModelAlarmRow.region_id == region_id,
            ModelAlarmRow.model_version_id == model_version_id,
            ModelAlarmRow.cleared_at_utc.is_(None),
        )
        .values(cleared_at_utc=func.now())
        .returning(ModelAlarmRow.id)
    )
    if cleared is None:
        return False
    session.execute(
        delete(ModelWatchRow).where(
            ModelWatchRow.region_id == region_id,
            ModelWatchRow.model_version_id == model_version_id,
        )
    )
    return True
