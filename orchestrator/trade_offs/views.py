"""Plain values of the Trade-offs page: every region by the hour, and its sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from orchestrator.regions.views import RegionChoice, RegionChoices
from orchestrator.windows.views import Ground, Series


class ShiftRole(StrEnum):
    """What a region has to do with the shift."""

    SOURCE = "source"
    TARGET = "target"
    OTHER = "other"


class WaterScope(StrEnum):
    """Which water is drawn: the plant's own, or with that of its electricity."""

    ON_SITE = "on_site"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterSeries:
    """Water of each hour, litres, in both scopes."""

    on_site_l: Series
    total_l: Series

    def of(self, scope: WaterScope) -> Series:
        """The series of one scope."""
        return self.on_site_l if scope is WaterScope.ON_SITE else self.total_l


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOffRegion:
    """One region over the window, before and after the shift, hour by hour."""

    region: RegionChoice
    colour: str
    role: ShiftRole
    carbon_intensity_gco2_kwh: Series
    it_load_before_mw: Series
    it_load_after_mw: Series
    water_before_l: WaterSeries
    water_after_l: WaterSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyRow:
    """Sums and means of one region, or of those shown without means of its weather.

    What needs an hour that is missing is None.
    """

    name: str
    mean_temperature_c: float | None
    mean_carbon_intensity_gco2_kwh: float | None
    mean_it_load_before_mw: float | None
    mean_it_load_after_mw: float | None
    facility_energy_before_mwh: float | None
    facility_energy_after_mwh: float | None
    emissions_before_kgco2e: float | None
    emissions_after_kgco2e: float | None
    water_before_l: float | None
    water_after_l: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundSums:
    """What the regions shown draw, emit and use on one ground, without a shift."""

    ground: Ground
    facility_energy_mwh: float | None
    emissions_kgco2e: float | None
    water_l: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOffView:
    """Carbon against water for regions of the fleet, before and after one shift.

    Attributes
    ----------
    target : RegionChoice | None
        None when there is no second region; then nothing moves.
    is_issued : bool
        Whether a forecast of the source is stored for the window.
    newer_issue_utc : datetime | None
        The newest live issue, when an older one is shown.
    inputs_basis : str
        Whether the hours are actual values or forecasts.
    hours_of_day : str | None
        In which load moves, on the clock of the source; None for all.
    ground : Ground
        Which load the page shows.
    grounds : tuple of GroundSums
        The load as it is now beside that with what is recorded; empty where they agree.
    n_regions : int
        Active regions; of a long fleet not all of them are shown.
    sums : EfficiencyRow
        Of the regions shown.
    notes : tuple of str
        Why a sum is missing or not to be believed.
    """

    regions: RegionChoices
    as_of_utc: datetime
    source: RegionChoice
    target: RegionChoice | None
    local_day: date | None
    is_issued: bool
    newer_issue_utc: datetime | None
    is_simulation: bool
    shift_pct: float
    hours_of_day: str | None
    flexible_pct: float
    ground: Ground
    grounds: tuple[GroundSums, ...]
    hours_utc: tuple[datetime, ...]
    shown: tuple[TradeOffRegion, ...]
    efficiency: tuple[EfficiencyRow, ...]
    n_regions: int
    sums: EfficiencyRow
    inputs_basis: str
    notes: tuple[str, ...]
    first_day: date | None
    last_day: date | None
    missing_days: tuple[date, ...]
