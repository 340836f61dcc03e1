"""Forecast: the sentence, the chart and the evidence say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plotly import graph_objects as go

from orchestrator.forecasts.views import ForecastDayView, RunView, RunWorth
from pages.forecast.figures import (
    ACTUAL_LABEL,
    HISTORY_LABEL,
    MEAN_LABEL,
    RANGE_LABEL,
    RAW_LABEL,
    RISK_LABEL,
    SUSPECT_LABEL,
    bound_label,
    day_maximum_dots,
    dots_summary,
    forecast_band,
    risk_blocked_hours,
)
from pages.forecast.layout import chart_summary, content, issue_options, sentence_text
from pages.theme import thermal_limit_label

Walk = Callable[[object], list[Any]]
Text = Callable[[object], str]
Make = Callable[..., Any]


def traces(figure: go.Figure) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def plain(text: str) -> str:
    return text.replace("\u202f", " ")


def test_the_sentence_names_region_limit_day_and_chance(
    make_forecast_day: Make,
) -> None:
    assert plain(sentence_text(make_forecast_day())) == (
        "Chance that Arizona exceeds 35 °C on 14 July 2023: 7 % (allowed 5 %)"
    )


def test_the_sentence_names_the_issue_that_was_chosen(make_forecast_day: Make) -> None:
    issue = datetime(2023, 7, 14, 19, tzinfo=UTC)
    view = make_forecast_day(hours_utc=(issue,), is_usual_issue=False)
    assert plain(sentence_text(view)).startswith(
        "Chance that Arizona exceeds 35 °C in the 24 hours from"
        " 14 Jul 2023, 12:00 (UTC−7): 7 %"
    )


def test_issues_are_offered_on_the_clock_that_is_shown(make_forecast_day: Make) -> None:
    first, second = (datetime(2023, 7, 14, hour, tzinfo=UTC) for hour in (7, 8))
    view = make_forecast_day(issues_utc=(second, first), hours_utc=(first,))
    assert issue_options(view) == [
        {"label": "14 Jul 2023, 01:00 (UTC−7)", "value": "2023-07-14T08:00Z"},
        {"label": "14 Jul 2023, 00:00 (UTC−7)", "value": "2023-07-14T07:00Z"},
    ]
    live = replace(view, local_day=None)
    assert issue_options(live)[0]["label"].endswith(", newest")


def test_both_hours_of_a_day_that_is_set_back_can_be_chosen(
    make_forecast_day: Make,
) -> None:
    first, second = (datetime(2023, 10, 29, hour, tzinfo=UTC) for hour in (0, 1))
    view = make_forecast_day(issues_utc=(second, first), hours_utc=(first,))
    in_dublin = replace(view, region=replace(view.region, time_zone="Europe/Dublin"))
    labels = [option["label"] for option in issue_options(in_dublin)]
    assert labels == ["29 Oct 2023, 01:00 (UTC+0)", "29 Oct 2023, 01:00 (UTC+1)"]


def test_an_issue_that_is_not_stored_is_listed_as_such(make_forecast_day: Make) -> None:
    issue = datetime(2023, 7, 14, 19, tzinfo=UTC)
    view = make_forecast_day(hours_utc=(issue,), is_usual_issue=False)
    assert issue_options(view)[0]["label"].endswith(", not stored")


def test_without_a_bound_the_sentence_claims_no_chance(
    refused_forecast_day: ForecastDayView,
) -> None:
    text = sentence_text(refused_forecast_day)
    assert text.endswith("cannot be said")
    assert "%" not in text


def test_the_mean_stands_at_the_hour_it_is_for(make_forecast_day: Make) -> None:
    view = make_forecast_day()
    mean = traces(go.Figure(forecast_band(view)))[MEAN_LABEL]
    assert mean.x[0] == "2023-07-14T07:00:00"  # local midnight in Phoenix
    assert list(mean.y) == list(view.mean_c)


def test_the_chart_names_each_of_its_marks(make_forecast_day: Make) -> None:
    figure = go.Figure(forecast_band(make_forecast_day()))
    assert set(traces(figure)) >= {
        RANGE_LABEL,
        MEAN_LABEL,
        HISTORY_LABEL,
        ACTUAL_LABEL,
        RISK_LABEL,
        thermal_limit_label(35.0),
        bound_label(0.05),
    }
    assert plain(bound_label(0.05)) == "95 % bound on the day’s maximum"
    assert figure.layout.yaxis.title.text == "Temperature (°C)"


def test_the_bound_is_drawn_over_its_window_only(make_forecast_day: Make) -> None:
    view = make_forecast_day()
    bound = traces(go.Figure(forecast_band(view)))[bound_label(0.05)]
    assert bound.x[0] == "2023-07-14T07:00:00"
    assert set(bound.y) == {36.2}


def test_hours_are_risk_blocked_when_only_their_range_passes_the_limit(
    make_forecast_day: Make,
) -> None:
    view = make_forecast_day(
        mean_c=(34.0, 35.0, 35.1, 30.0, None),
        upper_c=(35.0, 35.2, 37.0, 31.0, 40.0),
        lower_c=(33.0, 34.8, 33.2, 29.0, None),
    )
    assert risk_blocked_hours(view) == [1]


def test_a_refused_forecast_draws_history_and_limit_but_no_forecast(
    refused_forecast_day: ForecastDayView,
) -> None:
    names = set(traces(go.Figure(forecast_band(refused_forecast_day))))
    assert names == {HISTORY_LABEL, thermal_limit_label(35.0)}


def test_a_refused_forecast_says_why(
    refused_forecast_day: ForecastDayView, text_of: Text
) -> None:
    text = text_of(content(refused_forecast_day))
    assert "The newest telemetry is 9 h old" in text
    assert "BLOCKED: no data" in text


def test_the_axis_is_in_local_time_and_states_zone_and_offset(
    make_forecast_day: Make,
) -> None:
    axis = go.Figure(forecast_band(make_forecast_day())).layout.xaxis
    assert axis.title.text == "Time (America/Phoenix, UTC−7)"
    assert axis.ticktext[0] == "00:00<br>12 Jul"
    assert axis.tickvals[0] == "2023-07-12T07:00:00"


def test_a_day_that_changes_its_clock_keeps_every_hour(make_forecast_day: Make) -> None:
    region = replace(make_forecast_day().region, time_zone="America/Chicago")
    start = datetime(2023, 11, 5, 5, tzinfo=UTC)  # midnight before clocks go back
    hours = tuple(start + timedelta(hours=h) for h in range(24))
    view = make_forecast_day(
        region=region, hours_utc=hours, history_hours_utc=(), history_c=()
    )
    figure = go.Figure(forecast_band(view))
    assert len(set(traces(figure)[MEAN_LABEL].x)) == 24
    assert figure.layout.xaxis.title.text.endswith("UTC−5 then UTC−6)")


def test_the_same_view_gives_the_same_figure(make_forecast_day: Make) -> None:
    view = make_forecast_day()
    assert (
        go.Figure(forecast_band(view)).to_json()
        == go.Figure(forecast_band(view)).to_json()
    )
    assert (
        go.Figure(day_maximum_dots(view)).to_json()
        == go.Figure(day_maximum_dots(view)).to_json()
    )


@pytest.mark.parametrize("limit_c", [33.0, 34.999, 35.0, 36.01])
def test_no_dot_is_drawn_across_the_limit(
    make_forecast_day: Make, limit_c: float
) -> None:
    view = make_forecast_day(thermal_limit_c=limit_c)
    found = traces(go.Figure(day_maximum_dots(view)))
    assert all(x < limit_c for x in found["At most the limit"].x)
    assert all(x > limit_c for x in found["Above the limit"].x)
    above = sum(dot > limit_c for dot in view.day_max_dots_c)
    assert len(found["Above the limit"].x) == above
    assert f"{above} of 40 lie above the limit" in dots_summary(view)


def test_a_dot_exactly_at_the_limit_does_not_exceed_it(make_forecast_day: Make) -> None:
    view = make_forecast_day(day_max_dots_c=(34.0, 35.0, 35.2))
    assert len(traces(go.Figure(day_maximum_dots(view)))["Above the limit"].x) == 1


def test_the_summary_tells_bound_limit_and_what_was_measured(
    make_forecast_day: Make,
) -> None:
    text = plain(chart_summary(make_forecast_day()))
    for part in ("36.2 °C", "Thermal limit (35 °C)", "Measured maximum 34.8 °C"):
        assert part in text


def test_a_past_day_is_marked_as_a_simulation(
    make_forecast_day: Make, text_of: Text
) -> None:
    assert "simulation" in text_of(content(make_forecast_day())[0])
    live = make_forecast_day(is_simulation=False, local_day=None)
    assert "simulation" not in text_of(content(live)[0])
    assert "in the 24 hours from 14 Jul 2023, 00:00 (UTC−7)" in sentence_text(live)


def test_an_older_issue_says_so_and_offers_the_newest(
    make_forecast_day: Make, text_of: Text, components_of: Walk
) -> None:
    newer = datetime(2023, 7, 14, 8, tzinfo=UTC)
    view = make_forecast_day(
        local_day=None, is_usual_issue=False, newer_issue_utc=newer
    )
    said = content(view)[0]
    assert "This is an older forecast." in text_of(said)
    assert "01:00 (UTC−7)" in text_of(said)
    (offer,) = [item for item in components_of(said) if getattr(item, "href", None)]
    assert offer.href == "/forecast?region=arizona&issued=2023-07-14T08%3A00Z"
    assert "older" not in text_of(content(make_forecast_day(local_day=None)))


def _with_run(make_forecast_day: Make, **changes: Any) -> ForecastDayView:
    view = make_forecast_day()
    run = RunView(
        mode="Weather forecast at most 12 h old",
        issued_at_utc=view.hours_utc[0] - timedelta(hours=7),
        age_h=7.0,
        raw_c=tuple(30.0 for _ in view.hours_utc),
        worth=RunWorth(n_days=88, rmse_c=1.4, rmse_without_c=2.9, rmse_raw_c=2.0),
    )
    return replace(view, run=replace(run, **changes))


def test_the_run_its_age_and_its_worth_stand_beside_the_forecast(
    make_forecast_day: Make, text_of: Text
) -> None:
    view = _with_run(make_forecast_day)
    raw = traces(go.Figure(forecast_band(view)))[RAW_LABEL]
    assert list(raw.y) == [30.0] * len(view.hours_utc)
    shown = plain(text_of(content(view)))
    assert "Weather forecast at most 12 h old" in shown
    assert "13 Jul 2023, 17:00 (UTC−7), 7 h before the issue" in shown
    assert (
        "1.40 °C with weather forecasts, 2.90 °C without, 2.00 °C by the weather"
        " forecast alone (RMSE, 88 days from midnight)"
    ) in shown


def test_without_a_run_the_page_says_so_and_draws_none(
    make_forecast_day: Make, text_of: Text
) -> None:
    view = _with_run(
        make_forecast_day,
        mode="Telemetry alone: no weather forecast was used",
        issued_at_utc=None,
        age_h=None,
        raw_c=(None,) * 24,
        worth=None,
    )
    assert RAW_LABEL not in traces(go.Figure(forecast_band(view)))
    shown = text_of(content(view))
    assert "Telemetry alone" in shown
    assert "Newest weather forecast used" not in shown
    plainly = text_of(content(make_forecast_day()))
    assert "Beside telemetry" not in plainly


def test_a_forecast_without_the_newest_hours_says_so(
    make_forecast_day: Make, text_of: Text
) -> None:
    late = "Telemetry of Phoenix had come in up to 06:00 UTC."
    assert late in text_of(content(make_forecast_day(late_text=late)))
    assert "Telemetry is late" not in text_of(content(make_forecast_day()))


def test_suspect_hours_are_marked_and_explained(
    make_forecast_day: Make, text_of: Text
) -> None:
    view = make_forecast_day()
    hour = view.history_hours_utc[3]
    suspect = replace(
        view, suspect_hours_utc=(hour,), suspect_text="2023-08-01 03:00 UTC (step)"
    )
    marked = [
        t for t in go.Figure(forecast_band(suspect)).data if t.name == SUSPECT_LABEL
    ]
    assert [list(trace.y) for trace in marked] == [[view.history_c[3]]]
    assert not [
        t for t in go.Figure(forecast_band(view)).data if t.name == SUSPECT_LABEL
    ]
    shown = " ".join(map(text_of, filter(None, content(suspect))))
    assert "1 Aug 2023, 03:00 UTC (step)" in shown


def test_a_forecast_says_that_its_telemetry_was_replaced_since(
    make_forecast_day: Make, text_of: Text
) -> None:
    said = "3 h that it may rest on, by imports 7 and 9"
    assert "Telemetry changed since" not in text_of(content(make_forecast_day()))
    assert said in text_of(content(make_forecast_day(revised_text=said)))
