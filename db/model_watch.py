"""Queries on the watch of serving models: evidence of what they lost, and alarms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.aliases import FloatArray
from core.model_watch import ALARM_DAYS, Evidence
from db.schema import ModelAlarmRow, ModelSkillWatchRow, ModelWatchRow, RegionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchAlarm:
    """A model that has lost its coverage in a region, or its skill over the fleet.

    It stands until somebody clears it.

    Attributes
    ----------
    region_slug : str | None
        None for the whole fleet.
    evidence : float
        When the alarm was raised; see `core.model_watch`.
    """

    region_slug: str | None
    model_version_id: int
    raised_at_utc: datetime
    evidence: float

    @property
    def sentence(self) -> str:
        """What happened, and what ends the alarm."""
        what, why = (
            f"its coverage in {self.region_slug}",
            "maxima lie above its forecasts more often than its past errors allow",
        )
        if self.region_slug is None:
            what = "skill over the fleet"
            why = "beside the portal's plain model its errors are larger than before"
        return (
            f"model {self.model_version_id} has lost {what} since"
            f" {self.raised_at_utc:%Y-%m-%d %H:%M} UTC: {why} (evidence"
            f" {self.evidence:,.0f}, alarm from {ALARM_DAYS:,.0f}). Let another model"
            " serve, or clear the alarm with a reason."
        )


class SkillWatch(NamedTuple):
    """The first UTC day that is not counted yet, and the evidence of those before."""

    next_day_utc: datetime
    evidence: float


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


def skill_watch_of(
    session: Session, model_version_id: int, *, first_day_utc: datetime
) -> SkillWatch:
    """The watch of a model's skill, begun with a day where there is none; locked."""
    session.execute(
        insert(ModelSkillWatchRow)
        .values(model_version_id=model_version_id, next_day_utc=first_day_utc)
        .on_conflict_do_nothing()
    )
    row = session.scalars(
        select(ModelSkillWatchRow)
        .where(ModelSkillWatchRow.model_version_id == model_version_id)
        .with_for_update()
    ).one()
    return SkillWatch(next_day_utc=row.next_day_utc, evidence=row.evidence)


def skill_evidence_of(session: Session, model_version_id: int) -> float:
    """Evidence that a model has lost its skill; 0 where it is not watched."""
    row = session.get(ModelSkillWatchRow, model_version_id)
    return row.evidence if row else 0.0


def keep_skill_watch(
    session: Session, model_version_id: int, watch: SkillWatch
) -> None:
    """Store how far the skill of a model was watched, and what for."""
    session.execute(
        update(ModelSkillWatchRow)
        .where(ModelSkillWatchRow.model_version_id == model_version_id)
        .values(next_day_utc=watch.next_day_utc, evidence=watch.evidence)
    )


_DAILY_RATIOS = text(
    """
    select w.region_id, avg(w.log_error_ratio) as log_ratio,
        floor(extract(epoch from w.issued_at_utc - cast(:since_utc as timestamptz))
            / 86400)::integer as number
    from window_score w
    where w.model_version_id = :model_version_id and w.log_error_ratio is not null
      and w.issued_at_utc >= :since_utc and w.issued_at_utc < :until_utc
      and w.region_id in (select id from region where is_active)
    group by w.region_id, number
    """
)


def daily_log_ratios(
    session: Session, model_version_id: int, *, day_utc: datetime, n_before: int
) -> FloatArray:
    """Mean ratio of errors by UTC day and active region, shape (n_days, n_regions).

    Of a day, the last, and the `n_before` before it; NaN where nothing was compared.
    Of a window that was scored again the first score counts.
    """
    rows = session.execute(
        _DAILY_RATIOS,
        {
            "model_version_id": model_version_id,
            "since_utc": day_utc - timedelta(days=n_before),
            "until_utc": day_utc + timedelta(days=1),
        },
    ).all()
    region_ids = sorted({row.region_id for row in rows})
    columns = {region_id: column for column, region_id in enumerate(region_ids)}
    found = np.full((n_before + 1, len(columns)), np.nan)
    for row in rows:
        found[row.number, columns[row.region_id]] = row.log_ratio
    return found


def raise_alarm(
    session: Session, *, region_id: int | None, model_version_id: int, evidence: float
) -> bool:
    """Store an alarm, without a region one of the fleet; False when one stands."""
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
    found = _alarms(session, ModelAlarmRow.region_id.in_(region_ids))
    return {(key[0], key[1]): alarm for key, alarm in found.items() if key[0]}


def standing_alarms(session: Session, *, model_version_id: int) -> list[WatchAlarm]:
    """Alarms of a model that nobody has cleared, by region; that of the fleet last."""
    found = _alarms(session, ModelAlarmRow.model_version_id == model_version_id)
    return list(found.values())


def _alarms(
    session: Session, wanted: ColumnElement[bool]
) -> dict[tuple[int | None, int], WatchAlarm]:
    rows = session.execute(
        select(ModelAlarmRow, RegionRow.slug)
        .join(RegionRow, RegionRow.id == ModelAlarmRow.region_id, isouter=True)
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


def clear_alarm(
    session: Session, *, region_id: int | None, model_version_id: int
) -> bool:
    """Clear the standing alarm and begin the evidence anew; False without one."""
    cleared = session.scalar(
        update(ModelAlarmRow)
        .where(
            ModelAlarmRow.region_id.is_not_distinct_from(region_id),
            ModelAlarmRow.model_version_id == model_version_id,
            ModelAlarmRow.cleared_at_utc.is_(None),
        )
        .values(cleared_at_utc=func.now())
        .returning(ModelAlarmRow.id)
    )
    if cleared is None:
        return False
    if region_id is None:
        session.execute(
            update(ModelSkillWatchRow)
            .where(ModelSkillWatchRow.model_version_id == model_version_id)
            .values(evidence=0.0)
        )
        return True
    session.execute(
        delete(ModelWatchRow).where(
            ModelWatchRow.region_id == region_id,
            ModelWatchRow.model_version_id == model_version_id,
        )
    )
    return True
