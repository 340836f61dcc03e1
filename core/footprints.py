"""What a region's load costs over a window: energy, carbon, water and money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.carbon import (
    PLAUSIBLE_ZERO_RUN_H,
    CarbonSignalKind,
    emissions_kgco2e,
    suspect_zero_hours,
)
from core.errors import InvalidInput
from core.pue import estimate_pue, facility_energy_mwh
from core.regions import CoolingType, Region
from core.telemetry import Quantity
from core.water import (
    estimate_wue,
    off_site_water_l,
    on_site_water_l,
    region_grid_water_l_per_kwh,
)

_SPRAYS_BY_DRY_BULB = frozenset({CoolingType.ADIABATIC, CoolingType.HYBRID})


class SignalBasis(StrEnum):
    """Whether the hours of a window were measured or are forecast."""

    ACTUAL = "actual"
    FORECAST = "forecast"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSignals:
    """One region over the hours of one window; what is missing is NaN.

    Attributes
    ----------
    it_load_mw : ndarray of float64, shape (n_hours,)
        IT load, MW, >= 0.
    dry_bulb_c, wet_bulb_c : ndarray of float64, shape (n_hours,)
        Outdoor air, degC.
    carbon_intensity_gco2_kwh : ndarray of float64, shape (n_hours,)
        g CO2e per kWh. Below 0 it is not refused but suspect (see `Footprint`).
    price_usd_mwh : ndarray of float64, shape (n_hours,)
        Price of energy, USD per MWh; may be negative.
    carbon_kind : CarbonSignalKind | None
        What the carbon intensity counts; None when it is not stated.
    counts_hydro_water : bool
        Whether reservoir evaporation is charged to the hydropower of its grid.
    """

    region: Region
    it_load_mw: NDArray[np.float64]
    dry_bulb_c: NDArray[np.float64]
    wet_bulb_c: NDArray[np.float64]
    carbon_intensity_gco2_kwh: NDArray[np.float64]
    price_usd_mwh: NDArray[np.float64]
    basis: SignalBasis
    carbon_kind: CarbonSignalKind | None = None
    counts_hydro_water: bool = False

    def __post_init__(self) -> None:
        require_load(
            f"{self.region.slug}: IT load", self.it_load_mw, may_be_missing=True
        )
        for quantity, hours in self._weather_and_grid().items():
            if hours.shape != self.it_load_mw.shape:
                message = (
                    f"{self.region.slug}: {quantity} has shape {hours.shape}, not"
                    f" {self.it_load_mw.shape} like its load."
                )
                raise InvalidInput(message)
            if np.isinf(hours).any():
                message = f"{self.region.slug}: {quantity} is infinite in some hour."
                raise InvalidInput(message)

    @property
    def grid_water_l_per_kwh(self) -> float:
        """Off-site water of its electricity under the hydropower switch, L/kWh."""
        region = self.region
        return region_grid_water_l_per_kwh(
            region.grid_water_l_per_kwh,
            region.grid_hydro_frac,
            hydro_counts=self.counts_hydro_water,
        )

    def required(self) -> dict[Quantity, NDArray[np.float64]]:
        """What a complete footprint of this region needs, besides its load."""
        needed = self._weather_and_grid()
        if self.region.cooling_type not in _SPRAYS_BY_DRY_BULB:
            del needed[Quantity.TEMPERATURE_C]
        return needed

    def _weather_and_grid(self) -> dict[Quantity, NDArray[np.float64]]:
        return {
            Quantity.TEMPERATURE_C: self.dry_bulb_c,
            Quantity.WET_BULB_C: self.wet_bulb_c,
            Quantity.CARBON_INTENSITY_GCO2_KWH: self.carbon_intensity_gco2_kwh,
            Quantity.PRICE_USD_MWH: self.price_usd_mwh,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Sums over a window; None where any hour of an input is missing or suspect.

    Attributes
    ----------
    it_energy_mwh, facility_energy_mwh : float | None
        Energy of the IT load, and that drawn from the grid (PUE included).
    emissions_kgco2e : float | None
        Emissions of the facility's energy.
    water_on_site_l, water_off_site_l : float | None
        Water of the plant, and of the electricity.
    cost_usd : float | None
        Facility energy at the hourly price; negative when prices are.
    missing : tuple of Quantity
        Inputs that lack an hour and so leave a sum at None.
    suspect : tuple of str
        Sentences on inputs that are present but implausible, to be shown.
    """

    it_energy_mwh: float | None
    facility_energy_mwh: float | None
    emissions_kgco2e: float | None
    water_on_site_l: float | None
    water_off_site_l: float | None
    cost_usd: float | None
    missing: tuple[Quantity, ...] = ()
    suspect: tuple[str, ...] = ()


def footprint(
    signals: RegionSignals, it_load_mw: NDArray[np.float64] | None = None
) -> Footprint:
    """Sum one region's hourly products over the window; means are never multiplied.

    Parameters
    ----------
    signals : RegionSignals
        Weather, grid and load of the window.
    it_load_mw : ndarray of float64, shape (n_hours,), optional
        Another load for the same hours, MW, >= 0, NaN where unknown.

    Raises
    ------
    InvalidInput
        When the other load has another length, is negative or infinite.

    Notes
    -----
    `facility_mwh = it_load_mw x 1 h x PUE`; emissions, off-site water and cost follow
    from the facility's energy, on-site water from the IT energy (definition of WUE).
    """
    load = signals.it_load_mw if it_load_mw is None else it_load_mw
    require_load(f"{signals.region.slug}: IT load", load, may_be_missing=True)
    require_same_hours(signals.it_load_mw, load)
    rates = hourly_rates(signals)
    return Footprint(
        it_energy_mwh=_sum(load),
        facility_energy_mwh=_sum(facility_energy_mwh(load, rates.facility_mwh)),
        emissions_kgco2e=_sum(load * rates.emissions_kgco2e),
        water_on_site_l=_sum(load * rates.water_on_site_l),
        water_off_site_l=_sum(load * rates.water_off_site_l),
        cost_usd=_sum(load * rates.cost_usd),
        missing=_missing(signals, load),
        suspect=_distrusted_carbon(signals),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyRates:
    """What one MWh of IT load costs in each hour; NaN where missing or suspect.

    Attributes
    ----------
    facility_mwh, emissions_kgco2e, cost_usd : ndarray, shape (n_hours,)
        Per MWh of IT load: energy drawn, emissions, and its price.
    water_on_site_l, water_off_site_l : ndarray, shape (n_hours,)
        Litres per MWh of IT load.
    """

    facility_mwh: NDArray[np.float64]
    emissions_kgco2e: NDArray[np.float64]
    water_on_site_l: NDArray[np.float64]
    water_off_site_l: NDArray[np.float64]
    cost_usd: NDArray[np.float64]


def hourly_rates(signals: RegionSignals) -> HourlyRates:
    """Rates of a region: `footprint` is the sum over hours of load times rate."""
    region = signals.region
    facility = estimate_pue(signals.wet_bulb_c, region.cooling)
    wue = estimate_wue(
        cooling_type=region.cooling_type,
        cooling=region.cooling,
        dry_bulb_c=signals.dry_bulb_c,
        wet_bulb_c=signals.wet_bulb_c,
    )
    emissions = emissions_kgco2e(facility, signals.carbon_intensity_gco2_kwh)
    if _distrusted_carbon(signals):
        emissions = np.full_like(emissions, np.nan)
    return HourlyRates(
        facility_mwh=facility,
        emissions_kgco2e=emissions,
        water_on_site_l=on_site_water_l(1.0, wue),
        water_off_site_l=off_site_water_l(facility, signals.grid_water_l_per_kwh),
        cost_usd=facility * signals.price_usd_mwh,
    )


def total_footprint(footprints: Sequence[Footprint]) -> Footprint:
    """Sum footprints of different regions; a sum is None if any part is.

    Raises
    ------
    InvalidInput
        When there is nothing to sum: a fleet of no regions has no footprint.
    """
    if not footprints:
        message = "There are no regions to sum; pass at least one footprint."
        raise InvalidInput(message)
    missing = {quantity for part in footprints for quantity in part.missing}
    return Footprint(
        it_energy_mwh=_total([part.it_energy_mwh for part in footprints]),
        facility_energy_mwh=_total([part.facility_energy_mwh for part in footprints]),
        emissions_kgco2e=_total([part.emissions_kgco2e for part in footprints]),
        water_on_site_l=_total([part.water_on_site_l for part in footprints]),
        water_off_site_l=_total([part.water_off_site_l for part in footprints]),
        cost_usd=_total([part.cost_usd for part in footprints]),
        missing=tuple(quantity for quantity in Quantity if quantity in missing),
        suspect=tuple(
            dict.fromkeys(sentence for part in footprints for sentence in part.suspect)
        ),
    )


def has_one_carbon_kind(first: RegionSignals, second: RegionSignals) -> bool:
    """Whether two carbon intensities may be added, as far as their kinds are known."""
    kinds = first.carbon_kind, second.carbon_kind
    return None in kinds or kinds[0] == kinds[1]


def without_carbon(signals: RegionSignals) -> RegionSignals:
    """The signals with their carbon intensity unknown, so that none is added."""
    unknown = np.full_like(signals.carbon_intensity_gco2_kwh, np.nan)
    return replace(signals, carbon_kind=None, carbon_intensity_gco2_kwh=unknown)


def with_extra_cost(part: Footprint, cost_usd: float) -> Footprint:
    """The footprint with money spent besides energy; unknown stays unknown."""
    if part.cost_usd is None:
        return part
    return replace(part, cost_usd=part.cost_usd + cost_usd)


def require_load(
    name: str, hours: NDArray[np.float64], *, may_be_missing: bool = False
) -> None:
    """Raise InvalidInput unless every hour is known (or may be NaN), finite, >= 0."""
    if hours.ndim != 1 or hours.size == 0:
        message = f"{name} must be a vector of at least one hour."
        raise InvalidInput(message)
    sound = (hours >= 0.0) & (hours < np.inf)
    if may_be_missing:
        sound |= np.isnan(hours)
    if not sound.all():
        worst = hours[~sound][0]
        message = f"{name} is {worst:g} MW in some hour; it must be finite and >= 0."
        raise InvalidInput(message)


def require_same_hours(hours: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    """Raise InvalidInput unless both windows have the same length."""
    if hours.shape != others.shape:
        message = f"Windows of {hours.size} and {others.size} hours cannot be compared."
        raise InvalidInput(message)


def _distrusted_carbon(signals: RegionSignals) -> tuple[str, ...]:
    intensity = signals.carbon_intensity_gco2_kwh
    sentences = []
    zero_h = int(suspect_zero_hours(intensity).sum())
    if zero_h:
        sentences.append(
            f"{signals.region.slug}: carbon intensity is exactly 0 for {zero_h} hours"
            f" in runs longer than {PLAUSIBLE_ZERO_RUN_H} h, likely an outage of its"
            " provider; emissions are not computed."
        )
    if (intensity < 0.0).any():
        sentences.append(
            f"{signals.region.slug}: carbon intensity is below 0 in some hour;"
            " emissions are not computed."
        )
    return tuple(sentences)


def _missing(
    signals: RegionSignals, load_mw: NDArray[np.float64]
) -> tuple[Quantity, ...]:
    needed = signals.required() | {Quantity.IT_LOAD_MW: load_mw}
    return tuple(
        quantity
        for quantity in Quantity
        if quantity in needed and np.isnan(needed[quantity]).any()
    )


def _sum(hours: NDArray[np.float64]) -> float | None:
    total = float(np.sum(hours))
    return total if np.isfinite(total) else None


def _total(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None
