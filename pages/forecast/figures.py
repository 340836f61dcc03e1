"""The Forecast page's figures: hours before and after the issue, and the maximum."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.forecasts.views import ForecastDayView
from orchestrator.overview.views import TimeMark
from orchestrator.windows.views import Series
from pages.history.figures import add_marks, days_earlier
from pages.theme import (
    Figure,
    Ink,
    celsius,
    chart_instants,
    local_labels,
    local_time_axis,
    short_number,
    thermal_limit_label,
    tint,
)

RANGE_LABEL = "Range of the forecast for each hour"
MEAN_LABEL = "Forecast mean"
HISTORY_LABEL = "Measured, 48 h before"
ACTUAL_LABEL = "Measured"
SUSPECT_LABEL = "Suspect, not used"
RAW_LABEL = "Weather forecast, uncorrected"
RISK_LABEL = "Risk-blocked hour"


def bound_label(allowed_probability: float) -> str:
    """The name of the day bound's mark."""
    confidence = short_number(round(100 * (1 - allowed_probability), 6))
    return f"{confidence}\u202f% bound on the day’s maximum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a chart shows beside a forecast.

    Attributes
    ----------
    marks, mark_hrefs
        Decisions and alarms in the hours of the chart, and where a click on each leads.
    compared_c : tuple of float or None
        Measured so many days earlier, in the hours before and after the issue.
    """

    marks: tuple[TimeMark, ...] = ()
    mark_hrefs: tuple[str, ...] = ()
    compare_days: int | None = None
    compared_c: Series = ()


def forecast_band(view: ForecastDayView, beside: Beside | None = None) -> Figure:
    """History, forecast with its hourly range, day bound, limit, what was measured."""
    figure = Figure()
    mean_c = padded(view.mean_c, len(view.hours_utc))
    if any(value is not None for value in mean_c):
        _add_range(figure, view)
        _add_mean(figure, view, mean_c)
        _add_risk_blocked_hours(figure, view, mean_c)
    _add_measured(figure, view)
    _add_suspect(figure, view)
    _add_raw_run(figure, view)
    _add_levels(figure, view)
    hours = (*view.history_hours_utc, *view.hours_utc)
    figure.update_yaxes(title="Temperature (°C)")
    if beside is not None:
        _add_compared(figure, view, beside)
        add_marks(figure, beside.marks, beside.mark_hrefs, view.region.time_zone)
    figure.over_time(local_time_axis(hours, view.region.time_zone, every_h=12))
    return figure


def _add_compared(figure: Figure, view: ForecastDayView, beside: Beside) -> None:
    if beside.compare_days is None:
        return
    hours = (*view.history_hours_utc, *view.hours_utc)
    figure.add_scatter(
        x=chart_instants(hours),
        y=padded(beside.compared_c, len(hours)),
        mode="lines",
        name=days_earlier(beside.compare_days),
        line={"color": Ink.MEASURED.value, "width": 1.5, "dash": "dot"},
        customdata=local_labels(hours, view.region.time_zone),
        hovertemplate="%{customdata}, "
        + days_earlier(beside.compare_days)
        + "<br>Measured %{y:.1f} °C<extra></extra>",
    )


def padded(values: Series, length: int) -> list[float | None]:
    """A series as long as its hours; a refused forecast has no values at all."""
    return [*values, *[None] * (length - len(values))]


def risk_blocked_hours(view: ForecastDayView) -> list[int]:
    """Hours whose mean is within the limit while their range passes it."""
    limit_c = view.thermal_limit_c
    pairs = zip(view.mean_c, view.upper_c, strict=False)
    return [
        hour
        for hour, (mean_c, upper_c) in enumerate(pairs)
        if mean_c is not None
        and upper_c is not None
        and mean_c <= limit_c
        and upper_c > limit_c
    ]


def _add_range(figure: Figure, view: ForecastDayView) -> None:
    x = chart_instants(view.hours_utc)
    edge = {"x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(
        **edge,
        y=padded(view.lower_c, len(x)),
        name="Lower end of the range",
        showlegend=False,
    )
    figure.add_scatter(
        **edge,
        y=padded(view.upper_c, len(x)),
        name=RANGE_LABEL,
        fill="tonexty",
        fillcolor=tint(Ink.FORECAST, 0.22),
    )


def _add_mean(
    figure: Figure, view: ForecastDayView, mean_c: list[float | None]
) -> None:
    count = len(view.hours_utc)
    lower, upper = padded(view.lower_c, count), padded(view.upper_c, count)
    figure.add_scatter(
        x=chart_instants(view.hours_utc),
        y=mean_c,
        mode="lines",
        name=MEAN_LABEL,
        line={"color": Ink.FORECAST.value, "width": 2.5},
        customdata=[
            f"{label}<br>Range {celsius(low)} to {celsius(high)}"
            for label, low, high in zip(
                local_labels(view.hours_utc, view.region.time_zone),
                lower,
                upper,
                strict=True,
            )
        ],
        hovertemplate="%{customdata}<br>Mean %{y:.1f} °C<extra></extra>",
    )


def _add_risk_blocked_hours(
    figure: Figure, view: ForecastDayView, mean_c: list[float | None]
) -> None:
    hours = risk_blocked_hours(view)
    if not hours:
        return
    x = chart_instants(view.hours_utc)
    figure.add_scatter(
        x=[x[hour] for hour in hours],
        y=[mean_c[hour] for hour in hours],
        mode="markers",
        name=RISK_LABEL,
        marker={
            "symbol": "triangle-up-open",
            "size": 10,
            "color": Ink.LIMIT.value,
            "line": {"width": 2},
        },
        hoverinfo="skip",
    )


def _add_measured(figure: Figure, view: ForecastDayView) -> None:
    zone = view.region.time_zone
    for name, hours, values, dash in (
        (HISTORY_LABEL, view.history_hours_utc, view.history_c, "solid"),
        (ACTUAL_LABEL, view.hours_utc, view.actual_c, "dot"),
    ):
        y = padded(values, len(hours))
        if all(value is None for value in y):
            continue
        figure.add_scatter(
            x=chart_instants(hours),
            y=y,
            mode="lines",
            name=name,
            line={"color": Ink.MEASURED.value, "width": 2, "dash": dash},
            customdata=local_labels(hours, zone),
            hovertemplate="%{customdata}<br>Measured %{y:.1f} °C<extra></extra>",
        )


def _add_suspect(figure: Figure, view: ForecastDayView) -> None:
    """Measured hours that are not believed."""
    measured = dict(
        zip(
            (*view.history_hours_utc, *view.hours_utc),
            (
                *padded(view.history_c, len(view.history_hours_utc)),
                *padded(view.actual_c, len(view.hours_utc)),
            ),
            strict=True,
        )
    )
    hours = [hour for hour in view.suspect_hours_utc if measured.get(hour) is not None]
    if not hours:
        return
    figure.add_scatter(
        x=chart_instants(hours),
        y=[measured[hour] for hour in hours],
        mode="markers",
        name=SUSPECT_LABEL,
        marker={
            "symbol": "x",
            "size": 9,
            "color": Ink.LIMIT.value,
        },
        customdata=local_labels(hours, view.region.time_zone),
        hovertemplate="%{customdata}<br>Suspect %{y:.1f} °C<extra></extra>",
    )


def _add_raw_run(figure: Figure, view: ForecastDayView) -> None:
    raw_c = view.run.raw_c if view.run else ()
    if all(value is None for value in raw_c):
        return
    figure.add_scatter(
        x=chart_instants(view.hours_utc),
        y=padded(raw_c, len(view.hours_utc)),
        mode="lines",
        name=RAW_LABEL,
        line={"color": Ink.AFTER_SHIFT.value, "width": 1.5, "dash": "dashdot"},
        customdata=local_labels(view.hours_utc, view.region.time_zone),
        hovertemplate="%{customdata}<br>Weather forecast %{y:.1f} °C<extra></extra>",
    )


def _add_levels(figure: Figure, view: ForecastDayView) -> None:
    """The limit across the whole chart; the bound only over the window it is for."""
    x = chart_instants((*view.history_hours_utc, *view.hours_utc))
    if not x:
        return
    figure.add_scatter(
        x=[x[0], x[-1]],
        y=[view.thermal_limit_c] * 2,
        mode="lines",
        name=thermal_limit_label(view.thermal_limit_c),
        line={"color": Ink.LIMIT.value, "width": 2, "dash": "dash"},
        hoverinfo="skip",
    )
    if view.day_bound_c is None or not view.hours_utc:
        return
    window = chart_instants((view.hours_utc[0], view.hours_utc[-1]))
    figure.add_scatter(
        x=window,
        y=[view.day_bound_c] * 2,
        mode="lines+markers",
        name=bound_label(view.allowed_probability),
        line={"color": Ink.BOUND.value, "width": 3},
        marker={"symbol": "diamond", "size": 9},
        hoverinfo="skip",
    )


def day_maximum_dots(view: ForecastDayView) -> Figure:
    """Equally likely values of the day's maximum, stacked; filled above the limit."""
    figure = Figure()
    dots = view.day_max_dots_c
    limit_c = view.thermal_limit_c
    width_c = _bin_width(dots)
    for name, symbol, ink, chosen in (
        ("At most the limit", "circle-open", Ink.FORECAST, _upto(dots, limit_c)),
        ("Above the limit", "circle", Ink.LIMIT, _above(dots, limit_c)),
    ):
        stacked = _stack(chosen, limit_c, width_c)
        figure.add_scatter(
            x=[x for x, _ in stacked],
            y=[y for _, y in stacked],
            mode="markers",
            name=name,
            marker={
                "symbol": symbol,
                "size": 11,
                "color": ink.value,
                "line": {"width": 2, "color": ink.value},
            },
            customdata=[celsius(value) for value in chosen],
            hovertemplate="%{customdata}<extra></extra>",
        )
    tallest = max((y for trace in figure["data"] for y in trace["y"]), default=1)
    figure.add_scatter(
        x=[limit_c, limit_c],
        y=[0, tallest + 1],
        mode="lines",
        name=thermal_limit_label(limit_c),
        line={"color": Ink.LIMIT.value, "width": 2, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.update_xaxes(title="Maximum of the day (°C)", range=_reach(view, width_c))
    figure.update_yaxes(
        title="Number of dots", range=[0, tallest + 1.5], dtick=max(1, tallest // 4)
    )
    return figure


def _reach(view: ForecastDayView, width_c: float) -> list[float]:
    """All dots and the limit, with room to see the limit's line beside them."""
    values = [*view.day_max_dots_c, view.thermal_limit_c]
    return [min(values) - 1.5 * width_c, max(values) + 1.5 * width_c]


def dots_summary(view: ForecastDayView) -> str:
    """The dot plot in one sentence."""
    total = len(view.day_max_dots_c)
    above = len(_above(view.day_max_dots_c, view.thermal_limit_c))
    return (
        f"Each of the {total} dots is an equally likely maximum of the day;"
        f" {above} of {total} lie above the limit."
    )


def _upto(dots: Sequence[float], limit_c: float) -> list[float]:
    return [value for value in dots if value <= limit_c]


def _above(dots: Sequence[float], limit_c: float) -> list[float]:
    return [value for value in dots if not value <= limit_c]


def _bin_width(dots: Sequence[float]) -> float:
    """About fifteen columns, in steps that a person can read."""
    span_c = max(dots) - min(dots) if dots else 0.0
    return next(
        (step for step in (0.1, 0.2, 0.5, 1.0, 2.0) if span_c / step <= 16), 5.0
    )


def _stack(
    values: Sequence[float], limit_c: float, width_c: float
) -> list[tuple[float, int]]:
    """Columns counted from the limit, so that no dot crosses it by rounding."""
    heights: Counter[int] = Counter()
    stacked = []
    for value in values:
        column = math.ceil(round((value - limit_c) / width_c, 9)) - 1
        column = max(column, 0) if value > limit_c else min(column, -1)
        heights[column] += 1
        stacked.append((limit_c + (column + 0.5) * width_c, heights[column]))
    return stacked
