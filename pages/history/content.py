"""A period on the page: charts on one axis of time, their numbers, what happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from dash import html
from dash.development.base_component import Component

from orchestrator.overview.views import (
    HistorySeries,
    HistoryView,
    MarkKind,
    TimeMark,
)
from pages import addresses
from pages.components import Child, chart, data_table, disclosure, link, moment, panel
from pages.history.figures import (
    MARKS,
    history_chart,
    history_summary,
    instant_labels,
    value_name,
)
from pages.still import still
from pages.theme import number
from pages.time_range import DATES
from pages.words import day_name, typeset

MARKS_SHOWN = 8


def period_words(view: HistoryView) -> str:
    """The period's days in words."""
    if view.first_day == view.last_day:
        return day_name(view.first_day)
    return f"{day_name(view.first_day)} to {day_name(view.last_day)}"


def history_panels(view: HistoryView) -> list[Component]:
    """Charts of the period, and its decisions and alarms."""
    hrefs = list(_hrefs(view))
    mark_hrefs = [mark_href(mark) for mark in view.marks]
    zone = view.region.time_zone if view.region else view.time_zone
    charts = [
        html.Section(
            [
                html.H3(f"{series.name}, {series.unit}"),
                chart(
                    f"history-{series.key}",
                    history_chart(view, series, hrefs=hrefs, mark_hrefs=mark_hrefs),
                    history_summary(view, series),
                    height_px=250,
                    caption=_caption(view, series),
                ),
            ]
        )
        for series in view.series
    ]
    return [
        panel(
            period_words(view),
            html.Div(charts, className="gfo-history"),
            disclosure("The numbers of these charts", _numbers(view, hrefs)),
            id="history",
            hint="Click a day to see its hours, an hour for the forecast issued then."
            " Draw across a chart to zoom all of them in; a double click ends it."
            if view.region
            else "Click a day to see its hours. Draw across a chart to zoom all of them"
            " in; a double click ends it.",
        ),
        panel(
            "Decisions and alarms",
            mark_list(view.marks, zone)
            or html.P("None in this period.", className="gfo-muted"),
            id="history-marks",
        ),
    ]


def mark_href(mark: TimeMark) -> str:
    """The page of a mark."""
    if mark.kind is MarkKind.DECISION:
        return addresses.decision_href(mark.key)
    return addresses.alarm_href(mark.key)


def _hrefs(view: HistoryView) -> Iterator[str]:
    """Where each instant leads: a day to its hours, an hour to its forecast."""
    own = ZoneInfo(view.time_zone)
    for instant in view.instants_utc:
        if not view.is_hourly:
            yield day_href(view, instant.astimezone(own).date())
        elif view.region is not None:
            yield addresses.forecast_href(view.region.slug, issued_at_utc=instant)
        else:
            yield ""


def day_href(view: HistoryView, day: date) -> str:
    """The same page on one day."""
    path = addresses.region_href(view.region.slug) if view.region else addresses.FLEET
    return addresses.with_query(path, {"span": DATES, "from": str(day), "to": str(day)})


def _caption(view: HistoryView, series: HistorySeries) -> str:
    where = view.region.name if view.region else "Sums of the fleet"
    return (
        f"{where}, {period_words(view)} ({view.time_zone} days):"
        f" {value_name(view, series).lower()}."
    )


def _numbers(view: HistoryView, hrefs: list[str]) -> Component:
    labels = instant_labels(view)
    rows: list[list[Child]] = [
        [
            link(label, href) if href else label,
            *(number(series.values[place], 1) for series in view.series),
        ]
        for place, (label, href) in enumerate(zip(labels, hrefs, strict=True))
    ]
    return data_table(
        "What was measured in the period",
        (
            "Hour" if view.is_hourly else "Day",
            *(f"{series.name}, {series.unit}" for series in view.series),
        ),
        rows,
        id="history-numbers",
    )


def mark_list(marks: Sequence[TimeMark], zone: str) -> Component | None:
    """What is marked on charts, in words and with its link; None without any."""
    if not marks:
        return None
    items = [_mark(mark, zone) for mark in marks]
    shown = still(html.Ul(items[:MARKS_SHOWN], className="gfo-feed"))
    if len(items) <= MARKS_SHOWN:
        return html.Div(shown)
    more = still(html.Ul(items[MARKS_SHOWN:], className="gfo-feed"))
    return html.Div(
        [shown, disclosure(f"{len(items) - MARKS_SHOWN} more", html.Div(more))]
    )


def _mark(mark: TimeMark, zone: str) -> Component:
    name, _, _ = MARKS[mark.kind]
    title = f"{name} {mark.key}"
    words = mark.words.removeprefix(f"{title}, ")  # which its hover box needs
    return html.Li(
        [
            link(title, mark_href(mark)),
            html.Span(typeset(words), className="gfo-grow"),
            html.Span(moment(mark.at_utc, zone), className="gfo-muted"),
        ]
    )
