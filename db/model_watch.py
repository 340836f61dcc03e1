"""Queries on the watch of serving models: evidence of lost coverage, and alarms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

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


class WatchPlace(NamedTuple):
    """A region, a model and a local hour of issue: each has evidence of its own."""

    region_id: int
    model_version_id: int
    local_issue_hour: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvidence:
    """Evidence of the windows up to one of them."""

    last_issued_at_utc: datetime
    evidence: Evidence


def evidence_at(
    session: Session, places: Collection[WatchPlace]
) -> dict[WatchPlace, KnownEvidence]:
    """Evidence of the places that have any."""
    rows = session.scalars(
        select(ModelWatchRow).where(
            ModelWatchRow.region_id.in_({place.region_id for place in places}),
            ModelWatchRow.model_version_id.in_(
                {place.model_version_id for place in places}
            ),
        )
    )
    return {
        WatchPlace(
            row.region_id, row.model_version_id, row.local_issue_hour
        ): KnownEvidence(
            last_issued_at_utc=row.last_issued_at_utc,
            evidence=Evidence(scores=row.score_evidence, misses=row.miss_evidence),
        )
        for row in rows
    }


def keep_evidence(session: Session, known: Mapping[WatchPlace, KnownEvidence]) -> None:
    """Store the evidence of places up to a window each."""
    if not known:
        return
    statement = insert(ModelWatchRow).values(
        [
            {
                **place._asdict(),
                "last_issued_at_utc": item.last_issued_at_utc,
                "score_evidence": item.evidence.scores,
                "miss_evidence": item.evidence.misses,
            }
            for place, item in known.items()
        ]
    )
    new = statement.excluded
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["region_id", "model_version_id", "local_issue_hour"],
            set_={
                name: new[name]
                for name in ("last_issued_at_utc", "score_evidence", "miss_evidence")
            },
        )
    )


def region_evidence(
    session: Session,
    model_version_id: int,
    *,
    region_slugs: Collection[str] | None = None,
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
    if region_slugs is not None:
        query = query.where(RegionRow.slug.in_(region_slugs))
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


def alarms_in(
    session: Session, region_ids: Collection[int]
) -> dict[tuple[int, int], WatchAlarm]:
    """Alarms that nobody has cleared, by region and model version."""
    return _alarms(session, ModelAlarmRow.region_id.in_(region_ids))


def standing_alarms(session: Session, *, model_version_id: int) -> list[WatchAlarm]:
    """Alarms of a model that nobody has cleared, by region."""
    found = _alarms(session, ModelAlarmRow.model_version_id == model_version_id)
    return list(found.values())


def _alarms(
    session: Session, wanted: ColumnElement[bool]
) -> dict[tuple[int, int], WatchAlarm]:
    rows = session.execute(
        select(ModelAlarmRow, RegionRow.slug)
        .join(RegionRow, RegionRow.id == ModelAlarmRow.region_id)
        .where(ModelAlarmRow.cleared_at_utc.is_(None), wanted)
        .order_by(RegionRow.slug)
    )
    return {
        (row.region_id, row.model_version_id): WatchAlarm(
            region_slug=slug,
            model_version_id=row.model_version_id,
            raised_at_utc=row.raised_at_utc,
            evidence=row.evidence,
        )
        for row, slug in rows
    }


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
