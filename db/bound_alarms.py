"""Readings above the bound that was in force when their hour began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from core.days import WINDOW_H
from core.forecasts import Target
from core.telemetry import HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingAboveBound:
    """The newest of a region's readings above its bound.

    Attributes
    ----------
    hour_count : int
        Hours above their bound, of those that were asked for.
    """

    region_slug: str
    region_name: str
    hour_utc: datetime
    temperature_c: float
    day_bound_c: float
    issued_at_utc: datetime
    hour_count: int

    @property
    def sentence(self) -> str:
        """The reading in words."""
        more = f", {self.hour_count} h in all" if self.hour_count > 1 else ""
        return (
            f"{self.region_name} was at {self.temperature_c:.1f} degC in the hour from"
            f" {self.hour_utc:%Y-%m-%d %H:%M} UTC{more}, above the bound of"
            f" {self.day_bound_c:.1f} degC issued at {self.issued_at_utc:%H:%M} UTC."
        )


# The warmest sample counts where it is known: limits are about maxima.
_ABOVE = text(
    """
    select distinct on (slug) slug, name, hour_utc, temperature_c, day_bound_c,
        issued_at_utc, count(*) over (partition by slug) as hour_count
    from (
        select r.slug, r.name, t.hour_utc, f.day_bound_c, f.issued_at_utc,
            greatest(t.temperature_c, t.temperature_max_c) as temperature_c
        from telemetry t join region r on r.id = t.region_id
        cross join lateral (
            select day_bound_c, issued_at_utc from forecast
            where region_id = t.region_id and target = :target and kind = 'live'
              and status = 'issued' and issued_at_utc <= t.hour_utc
              and issued_at_utc > t.hour_utc - make_interval(hours => :window_h)
            order by issued_at_utc desc, id desc limit 1
        ) f
        where t.hour_utc >= :since_utc and t.temperature_c is not null
          and not coalesce('temperature_c' = any(t.estimated), false)
          and r.is_active and r.id = any(coalesce(:region_ids, array[r.id]))
    ) readings
    where temperature_c > day_bound_c
    order by slug, hour_utc desc
    """
).bindparams(bindparam("region_ids", type_=ARRAY(Integer)))


def readings_above_bound(
    session: Session,
    now: datetime,
    *,
    region_ids: Sequence[int] | None = None,
    look_back: timedelta = (WINDOW_H + 1) * HOUR,
) -> list[ReadingAboveBound]:
    """Regions with a reading of the last hours above the bound then in force."""
    rows = session.execute(
        _ABOVE,
        {
            "target": Target.TEMPERATURE_C.value,
            "window_h": WINDOW_H,
            "since_utc": now - look_back,
            "region_ids": None if region_ids is None else list(region_ids),
        },
    )
    return [
        ReadingAboveBound(
            region_slug=row.slug,
            region_name=row.name,
            hour_utc=row.hour_utc,
            temperature_c=row.temperature_c,
            day_bound_c=row.day_bound_c,
            issued_at_utc=row.issued_at_utc,
            hour_count=row.hour_count,
        )
        for row in rows
    ]
