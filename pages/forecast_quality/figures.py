"""How often bounds held, also over time, and whether stated chances came true."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from orchestrator.forecasts.views import (
    FleetQualityView,
    QualityStep,
    QualityView,
    ReliabilityBin,
)
from pages.theme import (
    THIN_SPACE,
    Figure,
    Ink,
    plain_text,
    short_number,
)
from pages.words import percent

STATED_LABEL = "Stated chance"
HAPPENED_LABEL = "Days on which it happened"
PROMISED_LABEL = "Promised"
_Z_95 = 1.96
_SPAN_MARKS = (
    ("circle-open", Ink.MEASURED),
    ("square-open", Ink.AFTER_SHIFT),
    ("diamond", Ink.FORECAST),
)
"""Of spans, shortest first; the longest is the one that says most."""


def bin_label(reliability: ReliabilityBin) -> str:
    """The range of stated chances.

    Examples
    --------
    >>> bin_label(
    ...     ReliabilityBin(
    ...         low=0.05, high=0.1, n_days=9, mean_probability=0.07, exceeded_days=1
    ...     )
    ... )
    '5–10\\u202f%'
    """
    low, high = (
        short_number(round(100 * edge, 6))
        for edge in (reliability.low, reliability.high)
    )
    return f"{low}–{high}{THIN_SPACE}%"


def coverage_chart(views: Sequence[QualityView], spans: Sequence[str]) -> Figure:
    """How often each region's bound held, beside how often it promised to.

    `spans` name the rows of the views. The bars are the 95 % range that the days of
    the longest span leave open.
    """
    figure = Figure()
    names = [plain_text(view.region.name) for view in views]
    for place, span in enumerate(spans):
        rows = [view.rows[place] for view in views]
        symbol, ink = _SPAN_MARKS[max(place - len(spans), -len(_SPAN_MARKS))]
        shares = [row.coverage_frac for row in rows]
        figure.add_scatter(
            x=[None if share is None else 100 * share for share in shares],
            y=names,
            mode="markers",
            name=span,
            marker={"symbol": symbol, "color": ink.value, "size": 10},
            error_x=_error_bars(
                shares,
                [row.scored_days for row in rows],
                ink,
                is_shown=place == len(spans) - 1,
            ),
            customdata=[row.scored_days for row in rows],
            hovertemplate="%{y}: %{x:.1f} % of %{customdata} days<extra></extra>",
        )
    figure.add_scatter(
        x=[100 * view.confidence_frac for view in views],
        y=names,
        mode="markers",
        name=PROMISED_LABEL,
        marker={
            "symbol": "line-ns",
            "size": 18,
            "line": {"width": 3, "color": Ink.LIMIT.value},
        },
        hovertemplate="%{y}: %{x:.0f} % promised<extra></extra>",
    )
    figure.update_xaxes(title="Days within the bound (%)")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def _error_bars(
    shares: Sequence[float | None], days: Sequence[int], ink: Ink, *, is_shown: bool
) -> dict[str, object]:
    """How far the share could lie from that of so few days, in percent."""
    ranges = [
        (share, *wilson_interval(round(share * n_days), n_days))
        if share is not None and n_days
        else (0.0, 0.0, 0.0)
        for share, n_days in zip(shares, days, strict=True)
    ]
    return {
        "type": "data",
        "visible": is_shown,
        "symmetric": False,
        "array": [100 * (high - share) for share, _, high in ranges],
        "arrayminus": [100 * (share - low) for share, low, _ in ranges],
        "color": ink.value,
        "thickness": 1.5,
    }


def coverage_summary(views: Sequence[QualityView]) -> str:
    """The figure in words: the longest span of each region."""
    parts = [
        f"{view.region.name} {percent(100 * row.coverage_frac, 1)}"
        for view in views
        for row in view.rows[-1:]
        if row.coverage_frac is not None
    ]
    return f"Within the bound over the longest span: {', '.join(parts)}."


def pooled_bins(views: Sequence[QualityView]) -> tuple[ReliabilityBin, ...]:
    """The chances stated for several regions, as if they were one's."""
    every = sorted((item for view in views for item in view.bins), key=_edges)
    pooled = []
    for (low, high), group in groupby(every, key=_edges):
        same = list(group)
        n_days = sum(item.n_days for item in same)
        stated = sum(item.n_days * item.mean_probability for item in same)
        pooled.append(
            ReliabilityBin(
                low=low,
                high=high,
                n_days=n_days,
                mean_probability=stated / n_days,
                exceeded_days=sum(item.exceeded_days for item in same),
            )
        )
    return tuple(pooled)


def _edges(item: ReliabilityBin) -> tuple[float, float]:
    return item.low, item.high


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Figure:
    """For each range of stated chances its mean beside how often it came true.

    The bars are the 95 % range that so few days leave open (Wilson 1927, J. Amer.
    Statist. Assoc. 22, 209).
    """
    figure = Figure()
    labels = [bin_label(item) for item in bins]
    shares = [item.exceeded_days / item.n_days for item in bins]
    figure.add_scatter(
        x=labels,
        y=[100 * share for share in shares],
        mode="markers",
        cliponaxis=False,
        name=HAPPENED_LABEL,
        marker={"color": Ink.MEASURED.value, "size": 11},
        error_y=_error_bars(
            shares, [item.n_days for item in bins], Ink.MEASURED, is_shown=True
        ),
        customdata=[[item.exceeded_days, item.n_days] for item in bins],
        hovertemplate="%{customdata[0]} of %{customdata[1]} days (%{y:.1f} %)"
        "<extra></extra>",
    )
    figure.add_scatter(
        x=labels,
        y=[100 * item.mean_probability for item in bins],
        mode="markers",
        cliponaxis=False,
        name=STATED_LABEL,
        marker={
            "color": Ink.FORECAST.value,
            "size": 11,
            "symbol": "diamond-open",
            "line": {"width": 2},
        },
        hovertemplate="stated %{y:.1f} % on average<extra></extra>",
    )
    figure.update_xaxes(title="Stated chance of exceeding the limit", type="category")
    figure.update_yaxes(title="Share of days (%)", rangemode="tozero")
    return figure


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """95 % range of a share that was seen `hits` times in `trials`.

    Examples
    --------
    >>> low, high = wilson_interval(0, 20)
    >>> round(low, 6), round(high, 3)
    (0.0, 0.161)
    """
    share, square = hits / trials, _Z_95**2
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    reach = (
        _Z_95
        / (1 + square / trials)
        * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    )
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def reliability_summary(bins: Sequence[ReliabilityBin], limit: str) -> str:
    """The figure in words; `limit` says what was exceeded."""
    if not bins:
        return "No chance has been stated for a day that has ended."
    parts = [
        f"{bin_label(item)}: {item.exceeded_days} of {item.n_days} days"
        for item in bins
    ]
    return (
        f"How often {limit} was exceeded when this was the chance. {'; '.join(parts)}."
    )


OVER_TIME: Mapping[str, tuple[str, str, Callable[[QualityStep], float]]] = {
    "coverage": ("Within the bound", "%", lambda step: 100 * step.coverage_frac),
    "error": ("Error of the day’s maximum", "°C", lambda step: step.mean_error_c),
}
"""What is drawn over time: its name, unit and value of a week or month."""

_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
_INKS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")


def over_time_chart(view: FleetQualityView, measure: str) -> Figure:
    """One measure of each region, week by week or month by month."""
    name, unit, value_of = OVER_TIME[measure]
    figure = Figure()
    for place, region in enumerate(view.regions):
        figure.add_scatter(
            x=[step.first_day.isoformat() for step in region.steps],
            y=[value_of(step) for step in region.steps],
            mode="lines+markers",
            name=plain_text(region.region.name),
            line={"color": _INKS[place % len(_INKS)], "width": 1.5},
            marker={"symbol": _SYMBOLS[place % len(_SYMBOLS)], "size": 8},
            customdata=[step.scored_days for step in region.steps],
            hovertemplate=f"{plain_text(region.region.name)}<br>%{{y:.1f}} {unit}"
            " of %{customdata} days<extra></extra>",
        )
    first_days = [step.first_day for step in steps_of(view)]
    if measure == "coverage" and first_days:
        promised = 100 * min(region.confidence_frac for region in view.regions)
        figure.add_scatter(
            x=[day.isoformat() for day in (first_days[0], first_days[-1])],
            y=[promised] * 2,
            mode="lines",
            name=f"Promised, {short_number(promised)}{THIN_SPACE}%",
            line={"color": Ink.MEASURED.value, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    figure.over_time({"type": "date", "tickformat": "%-d %b %Y", "nticks": 8})
    figure.update_yaxes(title=f"{name} ({unit})", rangemode="tozero")
    if measure == "coverage":
        figure.update_yaxes(range=[min(60.0, *_values(view, measure), 100.0), 101.0])
    return figure


def steps_of(view: FleetQualityView) -> list[QualityStep]:
    """The steps of all regions, oldest first."""
    found = [step for region in view.regions for step in region.steps]
    return sorted(found, key=lambda step: step.first_day)


def over_time_summary(view: FleetQualityView, measure: str) -> str:
    """The figure in words."""
    name, unit, _ = OVER_TIME[measure]
    values = _values(view, measure)
    if not values:
        return "No day has been scored in this period."
    low, high = (f"{edge(values):.1f}{THIN_SPACE}{unit}" for edge in (min, max))
    return f"{name}: {low} to {high}."


def _values(view: FleetQualityView, measure: str) -> list[float]:
    value_of = OVER_TIME[measure][2]
    return [value_of(step) for step in steps_of(view)]
