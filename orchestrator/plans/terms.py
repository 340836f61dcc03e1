"""What an operator asks the optimiser for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSplit:
    """A shift of the anchor to several targets, to be judged as it is.

    Attributes
    ----------
    shares : tuple of (slug, share)
        Of what moves; they sum to 1.
    """

    shift_pct: float
    shares: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """Prices, budgets and limits of a plan.

    Attributes
    ----------
    energy_price_weight : float
        1 pays the energy bill, 0 leaves prices out.
    migration_usd_per_mwh : float | None
        None takes the fleet policy's, with a small price where that is 0.
    carbon_cap_t, water_cap_m3, cost_cap_usd, ramp_mw_per_h : float | None
        Budgets of the fleet over the window, and the steepest change per hour.
    minimum_transfer_mwh : float
        Smaller transfers are not made where hardly any saving depends on them; 0 makes
        them all.
    split : PlanSplit | None
        Given: nothing is optimised, the shift is judged and compared; there is no
        front and no shadow price, and budgets and ramps are not looked at.
    """

    carbon_usd_per_t: float = 50.0
    water_usd_per_m3: float = 2.0
    energy_price_weight: float = 1.0
    migration_usd_per_mwh: float | None = None
    carbon_cap_t: float | None = None
    water_cap_m3: float | None = None
    cost_cap_usd: float | None = None
    ramp_mw_per_h: float | None = None
    minimum_transfer_mwh: float = 10.0
    split: PlanSplit | None = None
