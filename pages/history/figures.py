"""A quantity over a period, with what people decided and what was raised marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.overview.views import (
    HistorySeries,
    HistoryView,
    MarkKind,
    TimeMark,
)
from pages.theme import (
    Figure,
    Ink,
    chart_instants,
    local_labels,
    plain_text,
    quantity,
    thermal_limit_label,
    zone_label,
)

MARKS = {
    MarkKind.DECISION: ("Decision", "diamond", Ink.AFTER_SHIFT),
    MarkKind.ALARM: ("Alarm", "triangle-down", Ink.LIMIT),
}
BOUND_LABEL = "Bound on the day’s maximum"

_MARKS_AT = 0.96
_TICKS = 8


def history_chart(
    view: HistoryView,
    series: HistorySeries,
    *,
    hrefs: Sequence[str] = (),
    mark_hrefs: Sequence[str] = (),
) -> Figure:
    """One quantity by hour or by day.

    `hrefs` are where a click on each instant leads, `mark_hrefs` on each mark.
    """
    figure = Figure()
    x = chart_instants(view.instants_utc)
    labels = instant_labels(view)
    mode = "lines" if view.is_hourly else "lines+markers"
    if series.compared and view.compare_days:
        figure.add_scatter(
            x=x,
            y=series.compared,
            mode="lines",
            name=days_earlier(view.compare_days),
            line={"color": Ink.MEASURED.value, "width": 1.5, "dash": "dot"},
            customdata=labels,
            hovertemplate=_hover("Compared", series.unit),
        )
    if any(value is not None for value in series.bounds):
        figure.add_scatter(
            x=x,
            y=series.bounds,
            mode="lines" if view.is_hourly else "markers",
            name=BOUND_LABEL,
            line={"color": Ink.BOUND.value, "width": 2, "shape": "hv"},
            marker={
                "symbol": "line-ew",
                "size": 12,
                "line": {"width": 3, "color": Ink.BOUND.value},
            },
            customdata=labels,
            hovertemplate=_hover("Bound", series.unit),
        )
    figure.add_scatter(
        x=x,
        y=series.values,
        mode=mode,
        name=value_name(view, series),
        line={"color": Ink.FORECAST.value, "width": 2},
        marker={"size": 5},
        customdata=labels,
        hovertemplate=_hover(value_name(view, series), series.unit),
        meta={"href": list(hrefs)},
    )
    if series.limit is not None and x:
        figure.add_scatter(
            x=[x[0], x[-1]],
            y=[series.limit] * 2,
            mode="lines",
            name=thermal_limit_label(series.limit),
            line={"color": Ink.LIMIT.value, "width": 1.5, "dash": "dash"},
            hoverinfo="skip",
        )
    add_marks(figure, view.marks, mark_hrefs, view.time_zone)
    figure.over_time(_axis(view))
    figure.update_yaxes(title=f"{series.name} ({series.unit})")
    figure.update_layout(legend={"font": {"size": 11}}, margin={"t": 8})
    return figure


def value_name(view: HistoryView, series: HistorySeries) -> str:
    """What a point of the curve is: an hour, or what a day's hours come to."""
    return "Measured" if view.is_hourly else f"Measured, {series.summary} of the day"


def days_earlier(days: int) -> str:
    """How many days earlier another curve is."""
    return "1 day earlier" if days == 1 else f"{days} days earlier"


def instant_labels(view: HistoryView) -> list[str]:
    """Each hour or day in words."""
    zone = view.region.time_zone if view.region else view.time_zone
    if view.is_hourly:
        return local_labels(view.instants_utc, zone)
    own = ZoneInfo(view.time_zone)
    return [
        f"{day:%a} {day.day} {day:%b %Y}"
        for day in (instant.astimezone(own) for instant in view.instants_utc)
    ]


def history_summary(view: HistoryView, series: HistorySeries) -> str:
    """The chart in words."""
    known = [value for value in series.values if value is not None]
    if not known:
        return f"{series.name} was not measured in this period."
    digits = 1 if max(known) < 1000 else 0
    low, high = (quantity(edge(known), series.unit, digits) for edge in (min, max))
    said = f"{value_name(view, series)}: {low} to {high}."
    over = _days_over(series)
    return f"{said} {over}".strip()


def add_marks(
    figure: Figure,
    marks: Sequence[TimeMark],
    hrefs: Sequence[str],
    time_zone: str,
) -> None:
    """Decisions and alarms at the upper edge: words on hover, their page on a click."""
    if not marks:
        return
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "range": [0, 1],
            "visible": False,
            "fixedrange": True,
        }
    )
    paired = list(zip(marks, hrefs, strict=True)) if hrefs else [(m, "") for m in marks]
    for kind, (name, symbol, ink) in MARKS.items():
        own = [(mark, href) for mark, href in paired if mark.kind is kind]
        if not own:
            continue
        instants = [mark.at_utc for mark, _ in own]
        figure.add_scatter(
            x=chart_instants(instants),
            y=[_MARKS_AT] * len(own),
            yaxis="y2",
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 10, "color": ink.value},
            customdata=[
                f"{label}<br>{_wrapped(mark.words)}"
                for label, (mark, _) in zip(
                    local_labels(instants, time_zone), own, strict=True
                )
            ],
            hovertemplate="%{customdata}<extra></extra>",
            meta={"href": [href for _, href in own]},
        )


def _wrapped(words: str, columns: int = 60) -> str:
    """Lines of a hover box; Plotly wraps none."""
    lines = [""]
    for word in plain_text(words).split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > columns:
            lines.append(word)
        else:
            lines[-1] = longer
    return "<br>".join(lines)


def _hover(name: str, unit: str) -> str:
    return f"%{{customdata}}<br>{name} %{{y:,.1f}} {unit}<extra></extra>"


def _days_over(series: HistorySeries) -> str:
    if series.limit is None:
        return ""
    over = sum(value is not None and value > series.limit for value in series.values)
    return f"Above the limit: {over} of {len(series.values)}."


def _axis(view: HistoryView) -> dict[str, Any]:
    """Ticks that a clock or a calendar of the zone shows; the same for every chart."""
    instants = view.instants_utc
    x = chart_instants(instants)
    step = -(-len(x) // _TICKS)
    if view.is_hourly:
        step = next(hours for hours in (3, 6, 12, 24) if len(x) <= hours * _TICKS)
    places = range(0, len(x), step)
    labels = _tick_labels(view, places)
    zone = view.region.time_zone if view.region else view.time_zone
    each = timedelta(hours=1) if view.is_hourly else timedelta(days=1)
    # To the end of the last hour or day, where its marks are.
    edges = chart_instants((instants[0] - each / 2, instants[-1] + each))
    return {
        "type": "date",
        "tickmode": "array",
        "tickvals": [x[place] for place in places],
        "ticktext": labels,
        "tickangle": 0,
        "range": edges,
        "title": f"Time ({zone_label(instants, zone)})" if view.is_hourly else None,
    }


def _tick_labels(view: HistoryView, places: Sequence[int]) -> list[str]:
    zone = ZoneInfo(
        view.region.time_zone if view.region and view.is_hourly else view.time_zone
    )
    local = [view.instants_utc[place].astimezone(zone) for place in places]
    if not view.is_hourly:
        # Short ones, that fit on a phone: a month stands once, where it begins.
        months = ["", *(f"{day:%b %Y}" for day in local)]
        return [
            f"{day.day}" if month == f"{day:%b %Y}" else f"{day.day}<br>{day:%b}"
            for month, day in zip(months, local, strict=False)
        ]
    return [
        f"00:{hour:%M}<br>{hour.day} {hour:%b}" if hour.hour == 0 else f"{hour:%H:%M}"
        for hour in local
    ]
