"""Charts of a period: one axis for all, marks with words and links, ways further in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from plotly import graph_objects as go

from orchestrator.overview.views import (
    HistorySeries,
    HistoryView,
    MarkKind,
    TimeMark,
)
from pages.history.content import history_panels, mark_list
from pages.history.figures import BOUND_LABEL, history_chart, history_summary
from tests.pages.conftest import ARIZONA

START_UTC = datetime(2026, 7, 1, 7, tzinfo=UTC)
MARKS = (
    TimeMark(
        kind=MarkKind.ALARM,
        key=4,
        at_utc=START_UTC + timedelta(hours=30),
        words="Telemetry stale. <b>Arizona</b>: 5 h old.",
    ),
    TimeMark(
        kind=MarkKind.DECISION,
        key=9,
        at_utc=START_UTC + timedelta(hours=3),
        words="Decision 9, olga: 30.0 % of Arizona to Ireland, APPROVED",
    ),
)


def view(*, is_hourly: bool = False, n_days: int = 10) -> HistoryView:
    step = timedelta(hours=1) if is_hourly else timedelta(days=1)
    count = 24 * n_days if is_hourly else n_days
    return HistoryView(
        region=ARIZONA,
        time_zone=ARIZONA.time_zone,
        first_day=date(2026, 7, 1),
        last_day=date(2026, 7, n_days),
        is_hourly=is_hourly,
        compare_days=7,
        instants_utc=tuple(START_UTC + place * step for place in range(count)),
        series=(
            HistorySeries(
                key="temperature-c",
                name="Temperature",
                unit="°C",
                summary="maximum",
                values=(36.0, None, *[30.0] * (count - 2)),
                compared=(31.0,) * count,
                bounds=(34.0,) * count,
                limit=35.0,
            ),
            HistorySeries(
                key="it-load-mw",
                name="IT load",
                unit="MW",
                summary="mean",
                values=(None,) * count,
            ),
        ),
        marks=MARKS,
    )


def test_every_chart_of_a_period_has_the_same_axis_and_marks() -> None:
    shown = view()
    first, second = (go.Figure(history_chart(shown, series)) for series in shown.series)
    assert first.layout.xaxis.range == second.layout.xaxis.range
    assert first.layout.xaxis.tickvals == second.layout.xaxis.tickvals
    assert first.layout.dragmode == "zoom"
    for figure in (first, second):
        marks = [trace for trace in figure.data if trace.yaxis == "y2"]
        assert [trace.name for trace in marks] == ["Decision", "Alarm"]
        assert marks[1].x == ("2026-07-02T13:00:00",)
    names = [trace.name for trace in first.data]
    assert names[:2] == ["7 days earlier", BOUND_LABEL]


def test_text_of_marks_is_text_in_a_figure() -> None:
    shown = view()
    figure = go.Figure(history_chart(shown, shown.series[0]))
    alarm = next(trace for trace in figure.data if trace.name == "Alarm")
    assert "&lt;b>Arizona" in alarm.customdata[0]
    assert "<b>" not in alarm.customdata[0]


def test_a_day_leads_to_its_hours_and_an_hour_to_its_forecast() -> None:
    day = str(history_panels(view())[0])
    assert "/regions/arizona?span=dates&from=2026-07-01&to=2026-07-01" in day
    hour = str(history_panels(view(is_hourly=True, n_days=2))[0])
    assert "/forecast?region=arizona&issued=2026-07-01T07%3A00Z" in hour


def test_a_chart_of_a_period_says_what_it_shows() -> None:
    shown = view()
    known, missing = (history_summary(shown, series) for series in shown.series)
    assert known.replace("\u202f", " ") == (
        "Measured, maximum of the day: 30.0 °C to 36.0 °C. Above the limit: 1 of 10."
    )
    assert missing == "IT load was not measured in this period."


def test_marks_are_listed_with_their_links() -> None:
    listed = str(mark_list(MARKS, "UTC"))
    assert "/decisions/9" in listed
    assert "/alarms?state=all" in listed
    assert "alarm=4" in listed
    assert mark_list((), "UTC") is None
