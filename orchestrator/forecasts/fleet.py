"""The Fleet page: where is trouble in the next 24 hours?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.days import WINDOW_H, full_hour
from core.forecasts import Target
from core.outlooks import RegionOutlook
from core.policies import Policy
from core.telemetry import HOUR, Quantity, TelemetryFrame
from db import telemetry
from db.fleet_standing import RegionStanding, fleet_standing
from db.model_health import outages
from db.policies import effective_policies
from db.regions import StoredRegion, region_by_slug, regions_by_slug
from orchestrator.forecasts.views import (
    FleetPart,
    FleetPlace,
    FleetRow,
    FleetView,
    Group,
    group_of,
)
from orchestrator.regions.region_choice import PAGE_ROWS, no_region_yet, region_choice
from orchestrator.regions.views import RegionQuestion
from orchestrator.use_cases import Request, query
from orchestrator.windows.database_source import RegionWindow, load_newest_windows
from orchestrator.windows.recorded import ending_soon, recorded_view
from orchestrator.windows.views import (
    RecordedView,
    Series,
    bounded,
    finite_series,
    raised,
)

RECENT_H = 48
CELL_DEG = 6.0
"""Width of a cell of the map, in which the regions of a long fleet are counted."""
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetQuestion(RegionQuestion):
    """Which part of a long fleet is asked for.

    Attributes
    ----------
    group : Group | None
        Only regions whose newest verdict is of this group.
    """

    group: Group | None = None


_WHOLE = FleetQuestion()


@query(Permission.VIEW_FLEET)
def fleet_view(request: Request, question: FleetQuestion = _WHOLE) -> FleetView:
    """Active regions with their newest live forecasts; stores nothing.

    A long fleet comes in pages, worst first; see `FleetPart`.

    Raises
    ------
    NotFound
        When there is no region yet.
    """
    session, now = request.session, request.now
    standing = fleet_standing(session, now)
    if not standing:
        raise no_region_yet()
    part, shown = None, [item.slug for item in standing]
    groups: dict[str, Group] = {}
    if len(standing) > PAGE_ROWS:
        groups = verdict_groups(session, standing, now)
        part, shown = _part(standing, groups, question)
    rows = _rows(session, regions_by_slug(session, shown), now)
    groups = groups or {row.region.slug: group_of(row) for row in rows}
    return FleetView(
        as_of_utc=now,
        rows=rows,
        part=part,
        ending=ending_soon(session, now),
        places=_places(standing, groups),
    )


@query(Permission.VIEW_FLEET)
def fleet_row(request: Request, slug: str) -> FleetRow:
    """One region as the first page shows it; raises NotFound without one."""
    stored = region_by_slug(request.session, slug)
    (row,) = _rows(request.session, [stored], request.now)
    return row


@query(Permission.VIEW_FLEET)
def ends_to_open(
    request: Request, source_slug: str | None = None, target_slug: str | None = None
) -> tuple[str | None, str | None]:
    """The regions of a page whose address does not name them.

    The source is the region with the worst newest verdict, as the first page ranks
    them; the target the one with the most room below its limit. None where there is no
    region left.
    """
    if source_slug and target_slug:
        return source_slug, target_slug
    standing = fleet_standing(request.session, request.now)
    groups = verdict_groups(request.session, standing, request.now)
    ranked = [item.slug for item in _worst_first(standing, groups)]
    source = source_slug or next((one for one in ranked if one != target_slug), None)
    others = (one for one in reversed(ranked) if one != source)
    return source, target_slug or next(others, None)


def _worst_first(
    standing: Sequence[RegionStanding], groups: Mapping[str, Group]
) -> list[RegionStanding]:
    return sorted(
        standing,
        key=lambda item: (_RANK[groups[item.slug]], _margin_c(item), item.name),
    )


def _places(
    standing: Sequence[RegionStanding], groups: Mapping[str, Group]
) -> tuple[FleetPlace, ...]:
    """Every region, or of a long fleet every cell of the map that has some."""
    cell_deg = CELL_DEG if len(standing) > PAGE_ROWS else 0.0
    cells: dict[object, list[RegionStanding]] = {}
    for item in standing:
        place = (item.latitude_deg, item.longitude_deg)
        key = (
            tuple(math.floor(at / cell_deg) for at in place) if cell_deg else item.slug
        )
        cells.setdefault(key, []).append(item)
    return tuple(_place(items, groups) for items in cells.values())


def _place(items: Sequence[RegionStanding], groups: Mapping[str, Group]) -> FleetPlace:
    first = items[0]
    n_more = len(items) - 1
    return FleetPlace(
        name=f"{first.name} and {n_more:,} more" if n_more else first.name,
        slug=None if n_more else first.slug,
        n_regions=len(items),
        group=min((groups[item.slug] for item in items), key=_RANK.__getitem__),
        latitude_deg=float(np.mean([item.latitude_deg for item in items])),
        longitude_deg=float(np.mean([item.longitude_deg for item in items])),
    )


def _part(
    standing: Sequence[RegionStanding],
    groups: Mapping[str, Group],
    question: FleetQuestion,
) -> tuple[FleetPart, list[str]]:
    """The part asked for, and the slugs of its rows."""
    ranked = _worst_first(standing, groups)
    words = question.search.casefold()
    found = [
        item.slug
        for item in ranked
        if words in item.name.casefold() or words in item.slug
        if question.group in {None, groups[item.slug]}
    ]
    counts = Counter(groups.values())
    before = (question.page - 1) * PAGE_ROWS
    part = FleetPart(
        counts={group: counts[group] for group in Group},
        worst=tuple(
            item.name
            for item in ranked[:_NAMED]
            if groups[item.slug] is not Group.APPROVED
        ),
        n_found=len(found),
        first=before + 1,
    )
    return part, found[before : before + PAGE_ROWS]


def verdict_groups(
    session: Session, standing: Sequence[RegionStanding], now: datetime
) -> dict[str, Group]:
    """The group of each region's newest verdict, by slug."""
    if not standing:
        return {}  # perhaps before there is a policy
    policies = effective_policies(session, [item.region_id for item in standing])
    is_out = Target.TEMPERATURE_C in outages(session)
    return {
        item.slug: Group.UNJUDGED
        if is_out
        else standing_group(item, policies[item.region_id], now)
        for item in standing
    }


_RANK = {group: place for place, group in enumerate(Group)}


def standing_group(item: RegionStanding, policy: Policy, at_utc: datetime) -> Group:
    """As the region's page says at an instant, as far as its newest verdict tells.

    A verdict by other terms than those in force, or on telemetry that has become too
    old, is none.
    """
    bound_c = item.judged_bound_c
    if (
        bound_c is None
        or item.known_until_utc is None
        or item.confidence != policy.confidence
        or (at_utc - item.known_until_utc) / HOUR > policy.telemetry_max_age_h
    ):
        return Group.UNJUDGED
    return Group.APPROVED if bound_c <= policy.thermal_limit_c else Group.OVER


def _margin_c(item: RegionStanding) -> float:
    if item.bound_c is None or item.limit_c is None:
        return math.inf
    return item.limit_c - item.bound_c


def _rows(
    session: Session, stored_regions: Sequence[StoredRegion], now: datetime
) -> tuple[FleetRow, ...]:
    """A row for each region, in their order; what they rest on is read together."""
    windows = load_newest_windows(session, stored_regions, now)
    end_utc = full_hour(now) + HOUR
    recent = telemetry.load_frames(
        session,
        [item.slug for item in stored_regions],
        end_utc - RECENT_H * HOUR,
        end_utc,
    )
    return tuple(
        _fleet_row(item, window, recorded_view(session, window), recent[item.slug], now)
        for item, window in zip(stored_regions, windows, strict=True)
    )


def _fleet_row(
    stored_region: StoredRegion,
    window: RegionWindow,
    recorded: RecordedView | None,
    recent: TelemetryFrame,
    now: datetime,
) -> FleetRow:
    region, policy = stored_region.region, window.policy
    outlook = window.outlook_now
    is_now = bounded(outlook)
    temperature_c, known_until_utc = _newest(recent, Quantity.TEMPERATURE_C)
    age_h = _age_h(known_until_utc, now)
    is_fresh = age_h is not None and age_h <= policy.telemetry_max_age_h
    carbon, carbon_until_utc = _newest(recent, Quantity.CARBON_INTENSITY_GCO2_KWH)
    load_mw, load_until_utc = _newest(recent, Quantity.IT_LOAD_MW)
    last_day = recent.window(recent.end_utc - WINDOW_H * HOUR, recent.end_utc)
    water_l = last_day.column(Quantity.WATER_USAGE_L)
    return FleetRow(
        region=region_choice(region),
        colour=region.colour,
        cooling_type=region.cooling_type.value,
        thermal_limit_c=policy.thermal_limit_c,
        temperature_c=temperature_c,
        temperature_at_utc=known_until_utc,
        telemetry_age_h=age_h,
        telemetry_is_stale=not is_fresh,
        telemetry_max_age_h=policy.telemetry_max_age_h,
        history_c=finite_series(last_day.column(Quantity.TEMPERATURE_C)),
        forecast_hours_utc=window.hours_utc if window.stored else (),
        forecast_mean_c=raised(window.stored.mean, outlook.prior_rise_c)
        if window.stored
        else (),
        issued_at_utc=window.stored.issued_at_utc if window.stored else None,
        day_bound_c=is_now.day_bound_c,
        exceedance_probability=is_now.exceedance_probability,
        allowed_probability=float(policy.alpha),
        verdict=is_now.verdict,
        recorded=recorded,
        carbon_intensity_gco2_kwh=carbon,
        carbon_age_h=_age_h(carbon_until_utc, now),
        water_l_last_24h=float(np.nansum(water_l))
        if np.isfinite(water_l).any()
        else None,
        it_load_mw=load_mw,
        it_load_age_h=_age_h(load_until_utc, now),
        hour_bound_c=_hour_bound_c(outlook),
    )


def _hour_bound_c(outlook: RegionOutlook) -> Series:
    check = outlook.check()
    by_hour = None if check is None else outlook.bound_by_hour_c(check.quantile)
    return () if by_hour is None else finite_series(by_hour)


def _age_h(known_until_utc: datetime | None, now: datetime) -> float | None:
    return None if known_until_utc is None else max((now - known_until_utc) / HOUR, 0.0)


def _newest(
    frame: TelemetryFrame, quantity: Quantity
) -> tuple[float | None, datetime | None]:
    """The newest known value and the end of its hour."""
    known = np.flatnonzero(np.isfinite(frame.column(quantity)))
    if known.size == 0:
        return None, None
    last = int(known[-1])
    return (
        float(frame.column(quantity)[last]),
        frame.start_utc + (last + 1) * HOUR,
    )
