"""Plans in sentences: numbers on the right side, nothing said of nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.optimizer import ParetoPoint, ShadowPrices, best_plan, pareto
from core.placement import PlanPrices, PlanRules, Totals, placement
from core.plan_words import blocked_in_words, exchange_in_words, prices_in_words
from core.plans import judge_plan, transfers
from tests.core.outlook_cases import an_outlook, without_forecast
from tests.core.placement_cases import a_fleet, a_plan_region

NAMES = {"texas": "Texas", "dublin": "Dublin"}


def _shadow(**values: object) -> ShadowPrices:
    nothing = np.zeros(2)
    plain = ShadowPrices(
        carbon_usd_per_t=0.0,
        water_usd_per_m3=0.0,
        cost_usd_per_usd=0.0,
        limit_usd_per_c=nothing,
        capacity_usd_per_mw=nothing,
        flexible_usd_per_pct=nothing,
        ramp_usd_per_mw=nothing,
    )
    return replace(plain, **values)  # type: ignore[arg-type]


def test_each_limit_has_its_sentence_and_the_dearest_comes_first() -> None:
    shadow = _shadow(
        carbon_usd_per_t=85.2,
        water_usd_per_m3=1.5,
        cost_usd_per_usd=0.5,
        limit_usd_per_c=np.array([1234.5, 0.0]),
        capacity_usd_per_mw=np.array([0.0, 40.0]),
        flexible_usd_per_pct=np.array([7.0, 0.0]),
        ramp_usd_per_mw=np.array([0.0, 3.0]),
    )
    texts = [p.text for p in prices_in_words(shadow, NAMES, frozenset())]
    assert texts == [
        "A limit 1 °C higher at Texas would save 1,234 USD.",
        "1 t CO₂e more in the budget would save 85.20 USD.",
        "1 MW more capacity at Dublin would save 40.00 USD.",
        "1 percentage point more flexible load at Texas would save 7.00 USD.",
        "A ramp 1 MW/h steeper at Dublin would save 3.00 USD.",
        "1 m³ of water more in the budget would save 1.50 USD.",
        "1 USD more in the cost budget would save 0.50 USD of the objective.",
    ]


def test_nothing_is_said_of_what_costs_nothing_or_of_a_blocked_limit() -> None:
    shadow = _shadow(limit_usd_per_c=np.array([50.0, 0.0]), carbon_usd_per_t=0.004)
    assert prices_in_words(shadow, NAMES, frozenset({"texas"})) == ()


@pytest.mark.parametrize(
    ("litres", "text"),
    [
        (None, "Least carbon: no plan emits less."),
        (3100.4, "The next 1 t CO₂e costs 3,100 L of water."),
        (0.0, "Least water: no plan uses less."),
    ],
)
def test_the_exchange_rate_reads_as_a_price(litres: float | None, text: str) -> None:
    total = Totals(cost_usd=1.0, carbon_t=1.0, water_m3=1.0, moved_mwh=1.0)
    assert exchange_in_words(ParetoPoint(totals=total, litres_per_t=litres)) == text


def test_a_region_that_stays_blocked_is_told_by_how_much() -> None:
    hot = a_plan_region("texas", bound_c=37.0, flexible_frac=0.2)
    cool = a_plan_region("dublin", bound_c=20.0)
    problem = placement([hot, cool])
    plan = best_plan(problem, PlanPrices())
    judged = judge_plan(
        [hot.outlook, cool.outlook],
        transfers(problem.slugs, plan.out_mw, plan.in_mw),
    )
    sentence = blocked_in_words(judged.change("texas"))
    assert sentence is not None
    # 20 % of the load are worth 1 of the 2 degrees.
    assert sentence.startswith("Texas stays BLOCKED by 1.0 °C: its bound would be 36.0")
    assert sentence.endswith("with a limit of 35 °C; it sends away 192.0 MWh.")
    assert blocked_in_words(judged.change("dublin")) is None


def test_a_region_without_a_bound_is_told_why() -> None:
    blind = without_forecast(an_outlook("texas"))
    (change,) = judge_plan([blind], ()).changes
    assert change.blocked_by_c is None
    assert blocked_in_words(change) == (
        "Texas stays BLOCKED: telemetry_stale was found."
    )


def test_the_prices_of_a_real_program_are_worth_saying() -> None:
    problem = placement(a_fleet(4, seed=2, hot_frac=0.0))
    plan = best_plan(problem, PlanPrices(), PlanRules(ramp_mw_per_h=2.0))
    names = {slug: slug for slug in problem.slugs}
    prices = prices_in_words(plan.shadow, names, frozenset())
    assert {"capacity", "ramp"} <= {price.limit for price in prices}
    assert all(price.value_usd > 0.0 for price in prices)
    assert pareto(problem).points
