"""The day-ahead placement problem: loads, limits, rates and prices.

Everything here is numbers of a plan before and after it is made; `core.optimizer`
finds the plan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidInput, OutOfRange
from core.footprints import RegionSignals, hourly_rates, require_same_hours
from core.outlooks import RegionOutlook
from core.shift_rules import excess_mw, free_capacity_mw, load_limits, receivable_mw

_BUDGETS = ("carbon_cap_t", "water_cap_m3", "cost_cap_usd")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPrices:
    """What the objective pays for, USD.

    Attributes
    ----------
    energy_price_weight : float
        Weight of the energy bill, >= 0; 0 leaves prices out.
    carbon_usd_per_t, water_usd_per_m3 : float
        Price of a tonne of CO2e and of a cubic metre of water, >= 0.
    migration_usd_per_mwh : float
        Price of moving one MWh of load, >= 0. Without one, hours of negative prices
        would produce flows that save nothing.

    Raises
    ------
    OutOfRange
        When a price is negative or not finite.
    """

    energy_price_weight: float = 1.0
    carbon_usd_per_t: float = 0.0
    water_usd_per_m3: float = 0.0
    migration_usd_per_mwh: float = 0.1

    def __post_init__(self) -> None:
        for name in PlanPrices.__slots__:
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                message = f"{name} is {value}; it must be finite and >= 0."
                raise OutOfRange(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """Constraints of a plan besides heat, capacity and flexible load.

    Attributes
    ----------
    carbon_cap_t, water_cap_m3, cost_cap_usd : float | None
        Budgets of the regions of the plan over the window, load that stays included;
        the cost is the energy bill.
    ramp_mw_per_h : float | None
        Most by which what a region gives or takes may change from hour to hour; the
        first hour is free.
    migration_energy_frac : float
        Energy of moving over the energy moved, [0, 1]; the target carries it.
    minimum_transfer_mwh : float
        Transfers that move less over the window are not made where hardly any saving
        depends on them, see `core.few_transfers`.

    Raises
    ------
    OutOfRange
        When a number is not finite, or negative where it may not be.
    """

    carbon_cap_t: float | None = None
    water_cap_m3: float | None = None
    cost_cap_usd: float | None = None
    ramp_mw_per_h: float | None = None
    migration_energy_frac: float = 0.0
    minimum_transfer_mwh: float = 0.0

    def __post_init__(self) -> None:
        for name in _BUDGETS:
            value = getattr(self, name)
            # An energy bill may be negative when prices are.
            low = -math.inf if name == "cost_cap_usd" else 0.0
            if value is not None and not (math.isfinite(value) and value >= low):
                message = f"{name} is {value}; a budget must be a finite number."
                raise OutOfRange(message)
        if self.ramp_mw_per_h is not None and not 0.0 <= self.ramp_mw_per_h < math.inf:
            message = f"ramp_mw_per_h is {self.ramp_mw_per_h}; it must be finite, >= 0."
            raise OutOfRange(message)
        if not 0.0 <= self.minimum_transfer_mwh < math.inf:
            message = (
                f"minimum_transfer_mwh is {self.minimum_transfer_mwh}; it must be"
                " finite, >= 0."
            )
            raise OutOfRange(message)
        if not 0.0 <= self.migration_energy_frac <= 1.0:
            message = (
                f"migration_energy_frac is {self.migration_energy_frac}, outside 0 to"
                " 1."
            )
            raise OutOfRange(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRegion:
    """One region of a plan: what the scheduler knows of it, and what its load costs."""

    outlook: RegionOutlook
    signals: RegionSignals

    def __post_init__(self) -> None:
        if self.outlook.region.slug != self.signals.region.slug:
            message = (
                f"The signals are of {self.signals.region.slug}, not of"
                f" {self.outlook.region.slug}."
            )
            raise InvalidInput(message)
        require_same_hours(self.outlook.it_load_mw, self.signals.it_load_mw)

    @property
    def slug(self) -> str:
        """Slug of the region."""
        return self.outlook.region.slug


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A region that the plan does not touch, and why."""

    slug: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a MWh of load costs, shape (n_regions, n_hours) each."""

    cost_usd: NDArray[np.float64]
    carbon_t: NDArray[np.float64]
    water_m3: NDArray[np.float64]

    def priced(self, prices: PlanPrices) -> NDArray[np.float64]:
        """USD per MWh of load under `prices`, migration left out."""
        return (
            prices.energy_price_weight * self.cost_usd
            + prices.carbon_usd_per_t * self.carbon_t
            + prices.water_usd_per_m3 * self.water_m3
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The numbers of the problem; rows are regions, columns are hours.

    Attributes
    ----------
    load_mw : ndarray, shape (n_regions, n_hours)
        Load after all live recorded decisions.
    movable_mw : ndarray, shape (n_regions, n_hours)
        Most that may leave.
    capacity_mw : ndarray, shape (n_regions,)
    room_mw : ndarray, shape (n_regions, n_hours)
        Rise of the load at which the hour's bound, at the region's quantile, meets the
        limit; negative where load has to leave first, +inf where heat does not bind.
    mw_per_c : ndarray, shape (n_regions, n_hours)
        Load that is worth one degree; 0 where the slack of the region cannot help.
    over_c : ndarray, shape (n_regions,)
        Degrees by which the bound passes the limit before the plan, >= 0.
    may_receive : ndarray of bool, shape (n_regions, n_hours)
    left_out : tuple of LeftOut
        Regions that are in none of the arrays.
    frozen : tuple of LeftOut
        Regions that are in the arrays, but whose load stays as it is.
    outlooks : tuple of RegionOutlook
        What judges a plan, see `core.plan_limits`.
    quantiles : ndarray, shape (n_regions,)
        At which the rooms are computed; 0 where heat does not bind.
    """

    slugs: tuple[str, ...]
    load_mw: NDArray[np.float64]
    movable_mw: NDArray[np.float64]
    capacity_mw: NDArray[np.float64]
    room_mw: NDArray[np.float64]
    mw_per_c: NDArray[np.float64]
    over_c: NDArray[np.float64]
    may_receive: NDArray[np.bool_]
    rates: Rates
    left_out: tuple[LeftOut, ...]
    frozen: tuple[LeftOut, ...]
    outlooks: tuple[RegionOutlook, ...]
    quantiles: NDArray[np.float64]

    @property
    def n_hours(self) -> int:
        """Hours of the window."""
        return int(self.load_mw.shape[1])

    @property
    def free_mw(self) -> NDArray[np.float64]:
        """Rise of the load at which it meets the capacity; negative above it."""
        return free_capacity_mw(self.capacity_mw, self.load_mw)

    @property
    def receivable_mw(self) -> NDArray[np.float64]:
        """Most that may arrive, in heat and capacity."""
        return receivable_mw(self.room_mw, self.free_mw, self.may_receive)

    @property
    def excess_mw(self) -> NDArray[np.float64]:
        """Load that has to leave before heat and capacity are kept."""
        return excess_mw(self.room_mw, self.free_mw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the regions of a plan draw, emit, use and pay over the window."""

    cost_usd: float
    carbon_t: float
    water_m3: float
    moved_mwh: float

    def objective_usd(self, prices: PlanPrices) -> float:
        """The sum that a plan under `prices` makes as small as it can."""
        return (
            prices.energy_price_weight * self.cost_usd
            + prices.carbon_usd_per_t * self.carbon_t
            + prices.water_usd_per_m3 * self.water_m3
            + prices.migration_usd_per_mwh * self.moved_mwh
        )


def placement(regions: Sequence[PlanRegion]) -> Placement:
    """The problem of these regions over their common window.

    A region whose load or whose costs are not fully known is left out; one without a
    finite bound is kept as it is. Neither gives nor takes load.

    Raises
    ------
    InvalidInput
        When there is no region, one comes twice, windows differ, or carbon
        intensities of different kinds would be added.
    """
    _require_comparable(regions)
    left_out = [
        LeftOut(slug=region.slug, reason=reason)
        for region in regions
        if (reason := _unknown(region)) is not None
    ]
    absent = {item.slug for item in left_out}
    inside = [region for region in regions if region.slug not in absent]
    checks = [region.outlook.check() for region in inside]
    frozen = tuple(
        LeftOut(slug=region.slug, reason=region.outlook.why_unjudged().text)
        for region, check in zip(inside, checks, strict=True)
        if check is None
    )
    n_hours = regions[0].outlook.it_load_mw.size
    limits = [load_limits(region.outlook) for region in inside]

    def stacked(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        return np.vstack(rows) if rows else np.empty((0, n_hours))

    rates = [hourly_rates(region.signals) for region in inside]
    return Placement(
        slugs=tuple(region.slug for region in inside),
        load_mw=stacked([region.outlook.it_load_mw for region in inside]),
        movable_mw=stacked([limit.movable_mw for limit in limits]),
        capacity_mw=np.array([r.outlook.region.it_capacity_mw for r in inside]),
        room_mw=stacked([limit.room_mw for limit in limits]),
        mw_per_c=stacked([limit.mw_per_c for limit in limits]),
        over_c=np.array([limit.over_c for limit in limits]),
        may_receive=np.vstack([limit.may_receive for limit in limits])
        if limits
        else np.empty((0, n_hours), dtype=np.bool_),
        rates=Rates(
            cost_usd=stacked([rate.cost_usd for rate in rates]),
            carbon_t=stacked([rate.emissions_kgco2e / 1000.0 for rate in rates]),
            water_m3=stacked(
                [(r.water_on_site_l + r.water_off_site_l) / 1000.0 for r in rates]
            ),
        ),
        left_out=tuple(left_out),
        frozen=frozen,
        outlooks=tuple(region.outlook for region in inside),
        quantiles=np.array([check.quantile if check else 0.0 for check in checks]),
    )


def totals(
    problem: Placement, load_mw: NDArray[np.float64], moved_mwh: float
) -> Totals:
    """Sum hourly products of a load, shape (n_regions, n_hours), over the window."""
    rates = problem.rates
    return Totals(
        cost_usd=float(np.sum(load_mw * rates.cost_usd)),
        carbon_t=float(np.sum(load_mw * rates.carbon_t)),
        water_m3=float(np.sum(load_mw * rates.water_m3)),
        moved_mwh=moved_mwh,
    )


def _unknown(region: PlanRegion) -> str | None:
    if not region.outlook.load_is_known:
        return "its load is not known for every hour."
    signals = region.signals
    rates = hourly_rates(signals)
    if not np.isfinite(rates.cost_usd).all():
        return "its energy price or weather is not known for every hour."
    if not np.isfinite(rates.emissions_kgco2e).all():
        return "its carbon intensity is not known, or implausible, in some hour."
    water = rates.water_on_site_l + rates.water_off_site_l
    if not np.isfinite(water).all():
        return "its use of water is not known for every hour."
    return None


def _require_comparable(regions: Sequence[PlanRegion]) -> None:
    if not regions:
        message = "There is no region to plan for; add one first."
        raise InvalidInput(message)
    slugs = [region.slug for region in regions]
    twice = next((slug for slug, n in Counter(slugs).items() if n > 1), None)
    if twice is not None:
        message = f"Region {twice} comes twice in the plan."
        raise InvalidInput(message)
    first = regions[0]
    for region in regions[1:]:
        require_same_hours(first.outlook.it_load_mw, region.outlook.it_load_mw)
        _require_one_issue(first, region)
    kinds = {r.signals.carbon_kind for r in regions if r.signals.carbon_kind}
    if len(kinds) > 1:
        names = " and ".join(sorted(str(kind) for kind in kinds))
        message = f"Carbon intensities are {names}; import the same kind for all."
        raise InvalidInput(message)


def _require_one_issue(first: PlanRegion, other: PlanRegion) -> None:
    forecasts = first.outlook.forecast, other.outlook.forecast
    if (
        forecasts[0] is not None
        and forecasts[1] is not None
        and forecasts[0].issued_at_utc != forecasts[1].issued_at_utc
    ):
        message = (
            f"{first.slug} and {other.slug} must be forecast from the same issue"
            " instant."
        )
        raise InvalidInput(message)
