"""The Trade-offs page: carbon against water, region by region, hour by hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.access import Permission
from core.footprints import Footprint, footprint, hourly_rates, total_footprint
from core.outlooks import RegionOutlook
from core.shares import HoursOfDay
from core.shift_rules import flexible_pct, given_by_hour_pct
from core.wording import listed
from db import regions
from db.regions import StoredRegion
from orchestrator.decisions.records import share_rule
from orchestrator.regions.region_choice import (
    choose_ends,
    region_choice,
    region_choices,
)
from orchestrator.trade_offs.views import (
    EfficiencyRow,
    GroundSums,
    ShiftRole,
    TradeOffRegion,
    TradeOffView,
    WaterSeries,
)
from orchestrator.use_cases import Request, query
from orchestrator.windows.choice import choose_window, day_choices
from orchestrator.windows.database_source import RegionWindow, load_windows
from orchestrator.windows.views import Ground, finite_series

MOST_SHOWN = 12
"""Regions on the page; of a longer fleet, both ends and the first of the others."""


@query(Permission.VIEW_FLEET)
def trade_off_view(
    request: Request,
    *,
    source_slug: str | None,
    target_slug: str | None,
    local_day: date | None,
    issued_at_utc: datetime | None = None,
    shift_pct: float,
    ground: Ground = Ground.RECORDED,
    hours_of_day: HoursOfDay | None = None,
) -> TradeOffView:
    """The regions of a fleet over one window, before and after a shift; stores nothing.

    All regions are seen from one issue instant, the source's, on one ground: with what
    is recorded, from which a shift starts, or the load as it is now. Load moves in
    `hours_of_day` on the clock of the source, or in every hour.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region; when source and target are one.
    """
    source, target = choose_ends(request.session, source_slug, target_slug)
    found, n_regions = _shown_regions(request.session, source, target)
    choice = choose_window(
        request.session,
        source,
        local_day=local_day,
        issued_at_utc=issued_at_utc if local_day is None else None,
        now=request.now,
    )
    windows = load_windows(
        request.session,
        found,
        issued_at_utc=choice.issued_at_utc,
        now=request.now,
        is_simulation=choice.is_simulation,
    )
    by_ground = {
        side: [_on_ground(window, side) for window in windows] for side in Ground
    }
    grounds = _grounds(windows, by_ground)
    windows = by_ground[ground]
    roles = [_role(stored, source, target) for stored in found]
    source_window = windows[found.index(source)]
    shares = share_rule(hours_of_day, source.region.time_zone, choice.issued_at_utc)
    outlook = replace(source_window.outlook, shares=shares)
    moved_mw = _moved_mw(outlook, source_window.signals.it_load_mw, shift_pct)
    after_mw = [
        _load_after_mw(window, role, moved_mw) if target else window.signals.it_load_mw
        for window, role in zip(windows, roles, strict=True)
    ]
    before = [footprint(window.signals) for window in windows]
    after = [
        footprint(window.signals, load_mw)
        for window, load_mw in zip(windows, after_mw, strict=True)
    ]
    days = day_choices(request.session, source)
    return TradeOffView(
        regions=region_choices(
            request.session, source.slug, target.slug if target else None
        ),
        as_of_utc=request.now,
        source=region_choice(source.region),
        target=region_choice(target.region) if target else None,
        local_day=choice.local_day,
        is_issued=source_window.stored is not None,
        newer_issue_utc=choice.newer_issue_utc,
        is_simulation=choice.is_simulation,
        shift_pct=shift_pct,
        hours_of_day=str(hours_of_day) if hours_of_day else None,
        flexible_pct=flexible_pct(outlook),
        ground=ground,
        grounds=grounds,
        hours_utc=source_window.hours_utc,
        shown=tuple(
            _shown(stored, window, role, load_mw)
            for stored, window, role, load_mw in zip(
                found, windows, roles, after_mw, strict=True
            )
        ),
        efficiency=tuple(
            _efficiency(stored.region.name, window, load_mw, one, other)
            for stored, window, load_mw, one, other in zip(
                found, windows, after_mw, before, after, strict=True
            )
        ),
        n_regions=n_regions,
        sums=_sums_row(
            "Fleet" if len(found) == n_regions else f"These {len(found)} regions",
            *(before, after, windows, after_mw),
        ),
        inputs_basis=source_window.signals.basis.value,
        notes=_notes(found, before),
        first_day=days.first_day,
        last_day=days.last_day,
        missing_days=days.missing_days,
    )


def _shown_regions(
    session: Session, source: StoredRegion, target: StoredRegion | None
) -> tuple[list[StoredRegion], int]:
    """Both ends and the first others, in their fixed order, and how many there are."""
    first, count = regions.find_regions(session, limit=MOST_SHOWN)
    ends = [source, target] if target else [source]
    others = [item for item in first if item not in ends]
    shown = [*ends, *others[: MOST_SHOWN - len(ends)]]
    return sorted(shown, key=lambda item: item.region_id), count


def _on_ground(window: RegionWindow, ground: Ground) -> RegionWindow:
    """The window with the load of one ground."""
    if ground is Ground.RECORDED or window.outlook_now is window.outlook:
        return window
    load_mw = window.outlook_now.it_load_mw
    return replace(
        window,
        outlook=window.outlook_now,
        signals=replace(window.signals, it_load_mw=load_mw),
    )


def _grounds(
    windows: Sequence[RegionWindow], by_ground: Mapping[Ground, list[RegionWindow]]
) -> tuple[GroundSums, ...]:
    """What the fleet draws on both grounds, without a shift; none where they agree."""
    if all(window.outlook_now is window.outlook for window in windows):
        return ()
    sums = {
        ground: total_footprint([footprint(window.signals) for window in on_ground])
        for ground, on_ground in by_ground.items()
    }
    return tuple(
        GroundSums(
            ground=ground,
            facility_energy_mwh=total.facility_energy_mwh,
            emissions_kgco2e=total.emissions_kgco2e,
            water_l=_water_l(total),
        )
        for ground, total in sums.items()
    )


def _moved_mw(
    outlook: RegionOutlook, load_mw: NDArray[np.float64], shift_pct: float
) -> NDArray[np.float64]:
    """What leaves the source; of a past day the same share of the actual load."""
    before_mw = outlook.reference_load_mw
    share_load_mw = load_mw if before_mw is None else before_mw
    return given_by_hour_pct(outlook, shift_pct) / 100.0 * share_load_mw


def _role(
    stored: StoredRegion, source: StoredRegion, target: StoredRegion | None
) -> ShiftRole:
    if stored.region_id == source.region_id:
        return ShiftRole.SOURCE
    if target is not None and stored.region_id == target.region_id:
        return ShiftRole.TARGET
    return ShiftRole.OTHER


def _load_after_mw(
    window: RegionWindow, role: ShiftRole, moved_mw: NDArray[np.float64]
) -> NDArray[np.float64]:
    load_mw = window.signals.it_load_mw
    if role is ShiftRole.SOURCE:
        return np.maximum(load_mw - moved_mw, 0.0)
    return load_mw + moved_mw if role is ShiftRole.TARGET else load_mw


def _shown(
    stored: StoredRegion,
    window: RegionWindow,
    role: ShiftRole,
    after_mw: NDArray[np.float64],
) -> TradeOffRegion:
    signals = window.signals
    return TradeOffRegion(
        region=region_choice(stored.region),
        colour=stored.region.colour,
        role=role,
        carbon_intensity_gco2_kwh=finite_series(signals.carbon_intensity_gco2_kwh),
        it_load_before_mw=finite_series(signals.it_load_mw),
        it_load_after_mw=finite_series(after_mw),
        water_before_l=_water(window, signals.it_load_mw),
        water_after_l=_water(window, after_mw),
    )


def _water(window: RegionWindow, load_mw: NDArray[np.float64]) -> WaterSeries:
    rates = hourly_rates(window.signals)
    on_site_l = load_mw * rates.water_on_site_l
    return WaterSeries(
        on_site_l=finite_series(on_site_l),
        total_l=finite_series(on_site_l + load_mw * rates.water_off_site_l),
    )


def _efficiency(
    name: str,
    window: RegionWindow,
    after_mw: NDArray[np.float64],
    before: Footprint,
    after: Footprint,
) -> EfficiencyRow:
    signals = window.signals
    return EfficiencyRow(
        name=name,
        mean_temperature_c=_mean(signals.dry_bulb_c),
        mean_carbon_intensity_gco2_kwh=_mean(signals.carbon_intensity_gco2_kwh),
        mean_it_load_before_mw=_mean(signals.it_load_mw),
        mean_it_load_after_mw=_mean(after_mw),
        facility_energy_before_mwh=before.facility_energy_mwh,
        facility_energy_after_mwh=after.facility_energy_mwh,
        emissions_before_kgco2e=before.emissions_kgco2e,
        emissions_after_kgco2e=after.emissions_kgco2e,
        water_before_l=_water_l(before),
        water_after_l=_water_l(after),
    )


def _sums_row(
    name: str,
    before: Sequence[Footprint],
    after: Sequence[Footprint],
    windows: Sequence[RegionWindow],
    after_mw: Sequence[NDArray[np.float64]],
) -> EfficiencyRow:
    one, other = total_footprint(before), total_footprint(after)
    return EfficiencyRow(
        name=name,
        mean_temperature_c=None,
        mean_carbon_intensity_gco2_kwh=None,
        mean_it_load_before_mw=_mean(sum(w.signals.it_load_mw for w in windows)),
        mean_it_load_after_mw=_mean(sum(after_mw)),
        facility_energy_before_mwh=one.facility_energy_mwh,
        facility_energy_after_mwh=other.facility_energy_mwh,
        emissions_before_kgco2e=one.emissions_kgco2e,
        emissions_after_kgco2e=other.emissions_kgco2e,
        water_before_l=_water_l(one),
        water_after_l=_water_l(other),
    )


def _mean(hours: NDArray[np.float64] | float) -> float | None:
    """The mean of complete hours; a mean of the others would be of another day."""
    mean = float(np.mean(hours))
    return mean if np.isfinite(mean) else None


def _water_l(total: Footprint) -> float | None:
    if total.water_on_site_l is None or total.water_off_site_l is None:
        return None
    return total.water_on_site_l + total.water_off_site_l


def _notes(
    found: Sequence[StoredRegion], before: Sequence[Footprint]
) -> tuple[str, ...]:
    missing = tuple(
        f"{stored.region.name}: without"
        f" {listed(quantity.value for quantity in part.missing)} in some hours."
        for stored, part in zip(found, before, strict=True)
        if part.missing
    )
    suspect = dict.fromkeys(line for part in before for line in part.suspect)
    return (*missing, *suspect)
