"""What alarms are judged by, of all active regions: one statement, however many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.types import Integer

from core.outcomes import ReasonCode
from core.telemetry import HOUR
from db.schema import DecisionRow

LOOK_BACK = timedelta(days=8)
"""More than the oldest telemetry that a policy can allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRegion:
    """The newest facts of a region; see `core.alarm_conditions.RegionReading`."""

    region_id: int
    slug: str
    name: str
    it_capacity_mw: float
    created_at_utc: datetime
    temperature_c: float | None
    known_until_utc: datetime | None
    it_load_mw: float | None
    issued_at_utc: datetime | None
    reason_code: ReasonCode | None
    reason_text: str
    chance: float | None
    model_version_id: int | None


# The warmest sample counts where it is known: limits are about maxima.
_FACTS = text(
    """
    select r.id, r.slug, r.name, r.it_capacity_mw, r.created_at_utc,
        t.temperature_c, t.hour_utc, l.it_load_mw, d.window_start_utc, d.reason_code,
        d.reason_text, d.exceedance_probability, d.model_version_id
    from region r
    left join lateral (
        select hour_utc, greatest(temperature_c, temperature_max_c) as temperature_c
        from telemetry
        where region_id = r.id and hour_utc >= :since_utc and hour_utc < :now
          and temperature_c is not null
          and not coalesce('temperature_c' = any(estimated), false)
          and not exists (
            select from telemetry_finding f
            where f.region_id = r.id and f.hour_utc = telemetry.hour_utc
              and f.quantity = 'temperature_c')
        order by hour_utc desc limit 1
    ) t on true
    left join lateral (
        select it_load_mw from telemetry
        where region_id = r.id and hour_utc >= :load_since_utc and hour_utc < :now
          and it_load_mw is not null
          and not coalesce('it_load_mw' = any(estimated), false)
        order by hour_utc desc limit 1
    ) l on true
    left join lateral (
        select window_start_utc, reason_code, reason_text, exceedance_probability,
            model_version_id
        from decision
        where source_region_id = r.id and kind = 'automatic'
          and window_start_utc <= :now
        order by window_start_utc desc, id desc limit 1
    ) d on true
    where r.is_active
    order by r.id
    """
)

_STANDING_WATCH_ALARMS = text(
    """
    select distinct a.region_id from model_alarm a
    where a.cleared_at_utc is null and a.region_id is not null
      and a.model_version_id = any(:version_ids)
    """
).bindparams(bindparam("version_ids", type_=ARRAY(Integer)))


def region_facts(session: Session, now: datetime) -> list[AlarmRegion]:
    """Of every active region, in the order in which they were added."""
    rows = session.execute(
        _FACTS,
        {
            "now": now,
            "since_utc": now - LOOK_BACK,
            "load_since_utc": now - 24 * HOUR,
        },
    )
    return [
        AlarmRegion(
            region_id=row.id,
            slug=row.slug,
            name=row.name,
            it_capacity_mw=row.it_capacity_mw,
            created_at_utc=row.created_at_utc,
            temperature_c=row.temperature_c,
            known_until_utc=None if row.hour_utc is None else row.hour_utc + HOUR,
            it_load_mw=row.it_load_mw,
            issued_at_utc=row.window_start_utc,
            reason_code=ReasonCode(row.reason_code) if row.reason_code else None,
            reason_text=row.reason_text or "",
            chance=row.exceedance_probability,
            model_version_id=row.model_version_id,
        )
        for row in rows
    ]


def drifting_region_ids(session: Session, version_ids: Sequence[int]) -> set[int]:
    """Regions in which one of these models has lost its coverage."""
    found = session.scalars(_STANDING_WATCH_ALARMS, {"version_ids": list(version_ids)})
    return set(found)


def recorded_at(session: Session, decision_ids: Sequence[int]) -> dict[int, datetime]:
    """When decisions were recorded."""
    rows = session.execute(
        select(DecisionRow.id, DecisionRow.created_at_utc).where(
            DecisionRow.id.in_(decision_ids)
        )
    )
    return {row.id: row.created_at_utc for row in rows}


def recorded_between(
    session: Session, start_utc: datetime, end_utc: datetime, *, limit: int = 100
) -> list[int]:
    """Decisions recorded in [start, end), oldest first."""
    return list(
        session.scalars(
            select(DecisionRow.id)
            .where(
                DecisionRow.kind == "recorded",
                DecisionRow.created_at_utc >= start_utc,
                DecisionRow.created_at_utc < end_utc,
            )
            .order_by(DecisionRow.created_at_utc, DecisionRow.id)
            .limit(limit)
        )
    )
