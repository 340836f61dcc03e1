"""The Pareto front of a plan: least water for each amount of carbon."""

from __future__ import annotations

from orchestrator.plans.views import PlanComparison, PlanView
from pages.theme import Figure, Ink, number, quantity

FRONT_NAME = "Least water for its carbon"
_MARKS = {
    "nothing": ("circle-open", Ink.MEASURED),
    "greedy": ("square-open", Ink.LIMIT),
    "plan": ("diamond", Ink.AFTER_SHIFT),
    "oracle": ("star-open", Ink.BOUND),
}
"""A shape and an ink for each way to run the fleet; never the ink alone."""


def marks(view: PlanView) -> tuple[PlanComparison, ...]:
    """The ways as known at the issue, on which the front rests too."""
    return view.expected if view.is_compared_with_truth else view.comparison


def pareto_front(view: PlanView) -> Figure:
    """The front, and where each compared way to run the fleet stands."""
    figure = Figure()
    figure.add_scatter(
        x=[point.carbon_t for point in view.pareto],
        y=[point.water_m3 for point in view.pareto],
        mode="lines+markers",
        name=FRONT_NAME,
        line={"color": Ink.FORECAST.value, "width": 2.5},
        marker={"size": 7},
        customdata=[
            f"{quantity(point.carbon_t, 't CO₂e', 1)}<br>"
            f"{quantity(point.water_m3, 'm³')}<br>"
            f"{quantity(point.cost_usd, 'USD')}<br>"
            f"{quantity(point.moved_mwh, 'MWh moved')}"
            for point in view.pareto
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )
    for way in marks(view):
        symbol, ink = _MARKS.get(way.key, ("x", Ink.MEASURED))
        figure.add_scatter(
            x=[way.carbon_t],
            y=[way.water_m3],
            mode="markers",
            name=way.label,
            marker={
                "symbol": symbol,
                "size": 13,
                "color": ink.value,
                "line": {"width": 2, "color": ink.value},
            },
            customdata=[f"{way.label}: {quantity(way.objective_usd, 'USD in all')}"],
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_xaxes(title="Carbon of the fleet (t CO₂e)")
    figure.update_yaxes(title="Water of the fleet (m³)")
    return figure


def front_summary(view: PlanView) -> str:
    """The front in words: its two ends."""
    if not view.pareto:
        return "There is no front to draw."
    ordered = sorted(view.pareto, key=lambda point: point.carbon_t)
    low, high = ordered[0], ordered[-1]
    return (
        f"From {number(low.carbon_t, 1)} t CO₂e with {quantity(low.water_m3, 'm³')} of"
        f" water to {number(high.carbon_t, 1)} t CO₂e with"
        f" {quantity(high.water_m3, 'm³')}: less of one costs more of the other."
    )
