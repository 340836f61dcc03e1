"""A new model beside the one that serves: bounds over a year, errors by hour ahead."""

from __future__ import annotations

from orchestrator.registry.views import BoundsOverTime, ErrorsByHour
from pages.theme import Figure, Ink, celsius, number, thermal_limit_label

NEW, ACTIVE = "This model", "Serves"


def bounds_chart(view: BoundsOverTime) -> Figure:
    """Both models' bounds on each day's maximum, the real maximum, and the limit."""
    days = [day.local_day for day in view.days]
    figure = Figure()
    figure.add_scatter(
        x=days,
        y=[day.day_max_c for day in view.days],
        mode="markers",
        name="Real maximum",
        marker={"color": Ink.MEASURED.value, "size": 4},
        hovertemplate="%{x|%d %b %Y}: %{y:.1f} °C<extra>real maximum</extra>",
    )
    for name, values, ink, dash in (
        (ACTIVE, [day.active_bound_c for day in view.days], Ink.FORECAST, "dot"),
        (NEW, [day.new_bound_c for day in view.days], Ink.BOUND, "solid"),
    ):
        figure.add_scatter(
            x=days,
            y=values,
            mode="lines",
            name=f"Bound: {name.lower()}",
            line={"color": ink.value, "width": 1.5, "dash": dash},
            hovertemplate="%{x|%d %b %Y}: %{y:.1f} °C<extra>" + name + "</extra>",
        )
    figure.add_hline(
        y=view.limit_c, line={"color": Ink.LIMIT.value, "width": 1.5, "dash": "dash"}
    )
    figure.update_xaxes(title="Local day")
    figure.update_yaxes(title="Day's maximum (°C)")
    return figure


def bounds_summary(view: BoundsOverTime) -> str:
    """The figure in words."""
    judged = [day for day in view.days if day.new_bound_c is not None]
    over = sum(day.day_max_c > (day.new_bound_c or 0.0) for day in judged)
    margins = [(day.new_bound_c or 0.0) - day.day_max_c for day in judged]
    if not judged:
        return "No day had a bound."
    return (
        f"{len(judged)} days: the real maximum passed this model's bound on {over} of"
        f" them; on average the bound lay {celsius(sum(margins) / len(margins))} above"
        f" it. {thermal_limit_label(view.limit_c)} is dashed."
    )


def errors_chart(view: ErrorsByHour) -> Figure:
    """Root mean squared error by hour ahead, over all regions."""
    figure = Figure()
    for name, values, ink, dash in (
        (ACTIVE, view.active, Ink.FORECAST, "dot"),
        (NEW, view.new, Ink.BOUND, "solid"),
    ):
        if values:
            figure.add_scatter(
                x=list(range(1, len(values) + 1)),
                y=list(values),
                mode="lines",
                name=name,
                line={"color": ink.value, "width": 2, "dash": dash},
                hovertemplate="%{x} h ahead: %{y:.2f} " + view.unit + "<extra></extra>",
            )
    figure.update_xaxes(title="Hours ahead")
    figure.update_yaxes(title=f"RMSE ({view.unit})", rangemode="tozero")
    return figure


def errors_summary(view: ErrorsByHour) -> str:
    """The figure in words."""
    known = [value for value in view.new if value is not None]
    if not known:
        return "No hour could be compared."
    text = (
        f"This model's RMSE is {number(known[0], 2)} {view.unit} for the first hour and"
        f" {number(known[-1], 2)} for the last"
    )
    served = [value for value in view.active if value is not None]
    if not served:
        return f"{text}."
    return (
        f"{text}; the model that serves has {number(served[0], 2)} and"
        f" {number(served[-1], 2)}."
    )
