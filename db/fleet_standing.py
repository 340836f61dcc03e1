"""Every region's newest automatic verdict, in one statement however many there are."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.outcomes import ReasonCode


class RegionStanding(NamedTuple):
    """A region as the newest cycle judged it; a tuple, for there may be thousands.

    Attributes
    ----------
    issued_at_utc : datetime | None
        Of the issue that was judged; None before the first.
    reason_code : ReasonCode | None
        Of that verdict, which was on the load as it was.
    bound_c, limit_c, confidence
        Of that verdict; the bound is None where there was none.
    known_until_utc : datetime | None
        End of the newest telemetry behind the forecast that was judged.
    decision_id : int | None
        Where that verdict is stored with all it rests on.
    """

    region_id: int
    slug: str
    name: str
    issued_at_utc: datetime | None
    reason_code: ReasonCode | None
    bound_c: float | None
    limit_c: float | None
    confidence: Decimal | None
    known_until_utc: datetime | None
    latitude_deg: float
    longitude_deg: float
    decision_id: int | None

    @property
    def judged_bound_c(self) -> float | None:
        """The bound; None where there is no verdict, or one for want of data."""
        if self.reason_code is None or self.reason_code.is_data_problem:
            return None
        return self.bound_c


_REASONS = {None: None} | {code.value: code for code in ReasonCode}

_STANDING = text(
    """
    select r.id, r.slug, r.name, d.window_start_utc, d.reason_code,
        d.source_bound_after_c, d.thermal_limit_c, d.confidence,
        f.telemetry_watermark_utc, r.latitude_deg, r.longitude_deg, d.id
    from region r
    left join lateral (
        select id, window_start_utc, reason_code, source_bound_after_c,
            thermal_limit_c, confidence, source_forecast_id
        from decision
        where source_region_id = r.id and kind = 'automatic'
          and window_start_utc <= :now
          and created_at_utc <= coalesce(cast(:stored_by as timestamptz), 'infinity')
        order by window_start_utc desc, id desc limit 1
    ) d on true
    left join forecast f on f.id = d.source_forecast_id
    where r.is_active
    order by r.id
    """
)


def fleet_standing(
    session: Session, now: datetime, *, stored_by: datetime | None = None
) -> list[RegionStanding]:
    """Of every active region, in the order in which they were added.

    With `stored_by`, as it stood then: by the verdicts that had been stored.
    """
    rows = session.execute(_STANDING, {"now": now, "stored_by": stored_by})
    return [
        RegionStanding(region_id, slug, name, issued_at_utc, _REASONS[code], *others)
        for region_id, slug, name, issued_at_utc, code, *others in rows.all()
    ]


_NEWEST_LOADS = text(
    """
    select r.slug, t.it_load_mw
    from region r
    join lateral (
        select it_load_mw from telemetry
        where region_id = r.id and hour_utc >= :since and it_load_mw is not null
        order by hour_utc desc limit 1
    ) t on true
    where r.is_active
    """
)


def newest_loads_mw(session: Session, since_utc: datetime) -> dict[str, float]:
    """Of active regions the newest measured IT load since an instant, by slug."""
    rows = session.execute(_NEWEST_LOADS, {"since": since_utc})
    return {row.slug: row.it_load_mw for row in rows}
