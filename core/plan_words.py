"""Plans in sentences: what a limit is worth, and which regions stay BLOCKED."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.optimizer import ParetoPoint, ShadowPrices
from core.plans import RegionChange
from core.wording import rounded_up, setting

_WORTH_SAYING_USD = 0.01
_CENTS_UP_TO_USD = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceInWords:
    """What one unit of a limit is worth to the plan.

    Attributes
    ----------
    limit : str
        Which limit: carbon_budget, water_budget, cost_budget, thermal_limit, capacity,
        flexible_load or ramp.
    slug : str | None
        Region whose limit it is; None for the fleet's budgets.
    value_usd : float
        Saving per unit, USD, > 0.
    unit : str
        The unit: one more t, m3, USD, °C, MW, percentage point or MW per hour.
    """

    limit: str
    slug: str | None
    value_usd: float
    unit: str
    text: str


def prices_in_words(
    shadow: ShadowPrices, names: Mapping[str, str], blocked: frozenset[str]
) -> tuple[PriceInWords, ...]:
    """Every limit that costs something, the dearest first.

    Parameters
    ----------
    names : Mapping of slug to name
        In the order of the plan's regions.
    blocked : frozenset of slug
        Regions that stay BLOCKED: a degree more of their limit buys a different
        state, not a saving, so it has no price.
    """
    found = list(_budget_prices(shadow))
    families = (
        ("thermal_limit", "°C", shadow.limit_usd_per_c, "A limit 1 °C higher at"),
        ("capacity", "MW", shadow.capacity_usd_per_mw, "1 MW more capacity at"),
        (
            "flexible_load",
            "percentage point",
            shadow.flexible_usd_per_pct,
            "1 percentage point more flexible load at",
        ),
        ("ramp", "MW per hour", shadow.ramp_usd_per_mw, "A ramp 1 MW/h steeper at"),
    )
    for limit, unit, values, opening in families:
        for slug, value in zip(names, values.tolist(), strict=True):
            if limit == "thermal_limit" and slug in blocked:
                continue
            found.append(
                PriceInWords(
                    limit=limit,
                    slug=slug,
                    value_usd=value,
                    unit=unit,
                    text=f"{opening} {names[slug]} would save {_usd(value)}.",
                )
            )
    dear = [price for price in found if price.value_usd >= _WORTH_SAYING_USD]
    return tuple(sorted(dear, key=lambda price: -price.value_usd))


def exchange_in_words(point: ParetoPoint) -> str:
    """What the next tonne of CO2e costs in water at a point of the front."""
    if point.litres_per_t is None:
        return "Least carbon: no plan emits less."
    if round(point.litres_per_t) == 0:
        return "Least water: no plan uses less."
    return f"The next 1 t CO₂e costs {point.litres_per_t:,.0f} L of water."


def blocked_in_words(change: RegionChange) -> str | None:
    """Why a region stays BLOCKED under a plan; None when it does not."""
    name = change.outlook.region.name
    if change.after is None:
        return f"{name} stays BLOCKED: {change.outlook.why_unjudged().text}"
    if not change.after.is_exceeded:
        return None
    limit_c = change.outlook.policy.thermal_limit_c
    over_c = change.after.bound - limit_c
    bound = rounded_up(change.after.bound, limit_c, is_above=True)
    shed_mwh = float(change.out_mw.sum())
    helped = (
        f"; it sends away {shed_mwh:,.1f} MWh" if shed_mwh > 0.0 else "; nothing helps"
    )
    return (
        f"{name} stays BLOCKED by {rounded_up(over_c, 0.0, is_above=True)} °C: its"
        f" bound would be {bound} °C with a limit of {setting(limit_c)} °C{helped}."
    )


def _budget_prices(shadow: ShadowPrices) -> tuple[PriceInWords, ...]:
    return (
        PriceInWords(
            limit="carbon_budget",
            slug=None,
            value_usd=shadow.carbon_usd_per_t,
            unit="t CO₂e",
            text=f"1 t CO₂e more in the budget would save"
            f" {_usd(shadow.carbon_usd_per_t)}.",
        ),
        PriceInWords(
            limit="water_budget",
            slug=None,
            value_usd=shadow.water_usd_per_m3,
            unit="m³",
            text=f"1 m³ of water more in the budget would save"
            f" {_usd(shadow.water_usd_per_m3)}.",
        ),
        PriceInWords(
            limit="cost_budget",
            slug=None,
            value_usd=shadow.cost_usd_per_usd,
            unit="USD",
            text="1 USD more in the cost budget would save"
            f" {_usd(shadow.cost_usd_per_usd)} of the objective.",
        ),
    )


def _usd(value: float) -> str:
    digits = 2 if value < _CENTS_UP_TO_USD else 0
    return f"{value:,.{digits}f} USD"
