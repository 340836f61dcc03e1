"""The forecast of a decision as it was, before and after the shift."""

from __future__ import annotations

from orchestrator.decisions.views import DecisionChart
from orchestrator.windows.views import Series
from pages.theme import (
    Figure,
    Ink,
    chart_instants,
    local_labels,
    local_time_axis,
    short_number,
    thermal_limit_label,
    tint,
)

RANGE_LABEL = "Range of the forecast for each hour"
MEAN_LABEL = "Forecast mean"
AFTER_LABEL = "Forecast mean after the shift"
ACTUAL_LABEL = "Measured since"


def decision_chart(view: DecisionChart) -> Figure:
    """Forecast, bounds and limit as the decision saw them, and what came true."""
    figure = Figure()
    _add_range(figure, view)
    for name, values, ink, dash in (
        (MEAN_LABEL, view.mean_c, Ink.FORECAST, "solid"),
        (AFTER_LABEL, view.after_c, Ink.AFTER_SHIFT, "solid"),
        (ACTUAL_LABEL, view.actual_c, Ink.MEASURED, "dot"),
    ):
        _add_line(figure, view, name, values, ink, dash)
    _add_level(
        figure, view, thermal_limit_label(view.thermal_limit_c), view.thermal_limit_c
    )
    _add_bound(figure, view, bound_label(view), view.bound_before_c, "solid")
    _add_bound(figure, view, "The same after the shift", view.bound_after_c, "dash")
    figure.over_time(local_time_axis(view.hours_utc, view.region.time_zone, every_h=6))
    figure.update_yaxes(title="Temperature (°C)")
    return figure


def bound_label(view: DecisionChart) -> str:
    """The name of the day bound's mark."""
    confidence = short_number(round(100 * (1 - view.allowed_probability), 6))
    return f"{confidence}\u202f% bound on the day’s maximum"


def _add_range(figure: Figure, view: DecisionChart) -> None:
    if not view.lower_c or not view.upper_c:
        return
    x = chart_instants(view.hours_utc)
    edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(**edge, y=view.lower_c, name="Lower end", showlegend=False)
    figure.add_scatter(
        **edge,
        y=view.upper_c,
        name=RANGE_LABEL,
        fill="tonexty",
        fillcolor=tint(Ink.FORECAST, 0.22),
    )


def _add_line(
    figure: Figure,
    view: DecisionChart,
    name: str,
    values: Series,
    ink: Ink,
    dash: str,
) -> None:
    if all(value is None for value in values):
        return
    figure.add_scatter(
        x=chart_instants(view.hours_utc),
        y=values,
        mode="lines",
        name=name,
        line={"color": ink.value, "width": 2.5, "dash": dash},
        customdata=local_labels(view.hours_utc, view.region.time_zone),
        hovertemplate="%{customdata}<br>%{y:.1f} °C<extra></extra>",
    )


def _add_level(figure: Figure, view: DecisionChart, name: str, level_c: float) -> None:
    x = chart_instants(view.hours_utc)
    figure.add_scatter(
        x=[x[0], x[-1]],
        y=[level_c] * 2,
        mode="lines",
        name=name,
        line={"color": Ink.LIMIT.value, "width": 2, "dash": "dash"},
        hoverinfo="skip",
    )


def _add_bound(
    figure: Figure,
    view: DecisionChart,
    name: str,
    bound_c: float | None,
    dash: str,
) -> None:
    if bound_c is None:
        return
    x = chart_instants(view.hours_utc)
    figure.add_scatter(
        x=[x[0], x[-1]],
        y=[bound_c] * 2,
        mode="lines+markers",
        name=name,
        line={"color": Ink.BOUND.value, "width": 3, "dash": dash},
        marker={"symbol": "diamond", "size": 9},
        hoverinfo="skip",
    )
