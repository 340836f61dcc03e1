"""How good forecasts have been: the panel of a region, the table of the fleet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from plotly import graph_objects as go

from orchestrator.forecasts.views import (
    FleetQualityView,
    QualityRow,
    QualityStep,
    QualityView,
    ReliabilityBin,
    RunWorth,
)
from orchestrator.regions.views import RegionChoice, RegionPart
from pages.forecast_quality.content import DRIFT_TITLE, fleet_content, quality_content
from pages.forecast_quality.figures import (
    HAPPENED_LABEL,
    PROMISED_LABEL,
    STATED_LABEL,
    coverage_chart,
    over_time_chart,
    over_time_summary,
    pooled_bins,
    reliability_chart,
    reliability_summary,
    wilson_interval,
)

Text = Callable[[object], str]

VIEW = QualityView(
    region=RegionChoice(
        slug="arizona",
        name="Arizona",
        time_zone="America/Phoenix",
        is_synthetic=False,
    ),
    thermal_limit_c=35.0,
    confidence_frac=0.95,
    rows=(
        QualityRow(
            days=30,
            scored_days=30,
            coverage_frac=0.9667,
            mean_margin_c=3.1,
            mean_width_c=7.2,
        ),
        QualityRow(
            days=90,
            scored_days=0,
            coverage_frac=None,
            mean_margin_c=None,
            mean_width_c=None,
        ),
    ),
    bins=(
        ReliabilityBin(
            low=0.0, high=0.01, n_days=40, mean_probability=0.004, exceeded_days=0
        ),
        ReliabilityBin(
            low=0.05, high=0.1, n_days=20, mean_probability=0.07, exceeded_days=2
        ),
    ),
    is_drifting=False,
)


def test_a_period_is_drawn_by_week_or_month_for_each_region() -> None:
    steps = tuple(
        QualityStep(
            first_day=date(2025, month, 1),
            scored_days=30,
            coverage_frac=coverage_frac,
            mean_error_c=1.5,
        )
        for month, coverage_frac in ((5, 0.9), (6, 1.0))
    )
    part = RegionPart(n_found=2, first=1, n_shown=2)
    regions = (replace(VIEW, steps=steps), replace(VIEW, steps=()))
    view = FleetQualityView(regions=regions, part=part)
    figure = go.Figure(over_time_chart(view, "coverage"))
    arizona, empty, promised = figure.data
    assert list(arizona.x) == ["2025-05-01", "2025-06-01"]
    assert list(arizona.y) == [90.0, 100.0]
    assert list(arizona.customdata) == [30, 30]
    assert not empty.y
    assert list(promised.y) == [95.0, 95.0]
    assert over_time_summary(view, "coverage") == (
        "Within the bound: 90.0\u202f% to 100.0\u202f%."
    )
    assert over_time_chart(view, "error")["data"][0]["y"] == [1.5, 1.5]
    nothing = replace(view, regions=regions[1:])
    assert "No day" in over_time_summary(nothing, "error")


def test_the_panel_tells_coverage_room_and_width_and_a_dash_where_none_is_known(
    text_of: Text,
) -> None:
    text = text_of(quality_content(VIEW))
    assert "last 30 days 30 96.7 % 3.1 °C 7.2 °C" in text
    assert "last 90 days 0 – – –" in text
    assert "holds on about 95 % of days" in text
    assert DRIFT_TITLE not in text


def test_the_panel_says_how_often_what_was_stated_came_true(text_of: Text) -> None:
    text = text_of(quality_content(VIEW))
    assert "5–10 % 20 7.0 % 2 of 20 times" in text
    assert "0–1 %: 0 of 40 days; 5–10 %: 2 of 20 days" in text


def test_without_scored_days_the_panel_says_what_comes(text_of: Text) -> None:
    text = text_of(quality_content(replace(VIEW, bins=())))
    assert "this fills as days are scored" in text


def fleet_of(*regions: QualityView) -> FleetQualityView:
    n_regions = len(regions)
    part = RegionPart(n_found=n_regions, first=1, n_shown=n_regions)
    return FleetQualityView(regions=regions, part=part)


def test_drift_is_an_alarm_on_both_pages(text_of: Text) -> None:
    drifting = replace(VIEW, is_drifting=True)
    for content in (
        quality_content(drifting),
        fleet_content(fleet_of(VIEW, drifting)),
    ):
        assert text_of(content).count(DRIFT_TITLE) == 1


def test_the_fleet_table_has_a_row_for_each_region(text_of: Text) -> None:
    other = replace(VIEW, region=replace(VIEW.region, slug="eire", name="Ireland"))
    text = text_of(fleet_content(fleet_of(VIEW, other)))
    assert "Arizona 96.7 % – 0 – – 1 stated, 2 came" in text
    assert "Ireland 96.7 %" in text


def test_an_empty_fleet_has_an_empty_table(text_of: Text) -> None:
    assert "Every region" in text_of(fleet_content(fleet_of()))


def test_the_figure_sets_what_happened_beside_what_was_stated() -> None:
    figure = go.Figure(reliability_chart(VIEW.bins))
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces[STATED_LABEL].y) == pytest.approx([0.4, 7.0])
    assert list(traces[HAPPENED_LABEL].y) == pytest.approx([0.0, 10.0])
    errors = traces[HAPPENED_LABEL].error_y
    assert errors.arrayminus[0] == pytest.approx(0.0)
    assert errors.array[1] > errors.arrayminus[1] > 0
    assert figure == go.Figure(reliability_chart(VIEW.bins))


def test_the_summary_without_days_says_so() -> None:
    assert "No chance has been stated" in reliability_summary((), "35 °C")


def test_a_bound_stands_beside_its_promise_with_what_so_few_days_leave_open() -> None:
    """Of the second span no day was scored: no point, and no bar that would claim."""
    figure = go.Figure(coverage_chart([VIEW, VIEW], ["last 30 days", "last 90 days"]))
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["last 30 days"].x) == pytest.approx([96.67, 96.67])
    assert list(traces["last 90 days"].x) == [None, None]
    assert list(traces[PROMISED_LABEL].x) == pytest.approx([95.0, 95.0])
    assert not traces["last 30 days"].error_x.visible
    assert list(traces["last 90 days"].error_x.array) == [0.0, 0.0]
    one = go.Figure(coverage_chart([VIEW], ["last 30 days"])).data[0].error_x
    low, high = wilson_interval(29, 30)
    assert one.visible
    assert one.array[0] == pytest.approx(100 * high - 96.67)
    assert one.arrayminus[0] == pytest.approx(96.67 - 100 * low)


def test_chances_of_several_regions_are_pooled_day_by_day() -> None:
    few = ReliabilityBin(
        low=0.05, high=0.1, n_days=5, mean_probability=0.09, exceeded_days=1
    )
    first, second = pooled_bins([VIEW, replace(VIEW, bins=(few,))])
    assert first == VIEW.bins[0]
    assert (second.n_days, second.exceeded_days) == (25, 3)
    assert second.mean_probability == pytest.approx((20 * 0.07 + 5 * 0.09) / 25)


def test_the_fleet_is_drawn_once_a_day_has_been_scored(text_of: Text) -> None:
    drawn = text_of(fleet_content(fleet_of(VIEW)))
    assert "How often each bound held" in drawn
    assert "How often a limit was exceeded when this was the chance" in drawn
    unscored = replace(VIEW, rows=VIEW.rows[1:], bins=())
    assert "bound held" not in text_of(fleet_content(fleet_of(unscored)))


@pytest.mark.parametrize(
    ("hits", "trials", "expected"),
    # Agresti & Coull (1998), Amer. Statist. 52, 119 give the closed form.
    [(2, 20, (0.0279, 0.3010)), (20, 20, (0.8389, 1.0)), (0, 1, (0.0, 0.7935))],
)
def test_wilson_interval_is_the_closed_form(
    hits: int, trials: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(hits, trials) == pytest.approx(expected, abs=1e-4)


def test_the_panel_compares_errors_with_and_without_weather_forecasts(
    text_of: Text,
) -> None:
    worth = RunWorth(n_days=80, rmse_c=1.41, rmse_without_c=2.82, rmse_raw_c=None)
    text = text_of(quality_content(replace(VIEW, run_worth=worth)))
    assert (
        "Error of the last 90 days: 1.41 °C with weather forecasts, 2.82 °C without"
        " (RMSE, 80 days from midnight)."
    ) in text
    assert "weather forecasts" not in text_of(quality_content(VIEW))


def test_quality_says_how_many_days_were_scored_again(text_of: Text) -> None:
    assert "Telemetry changed since" not in text_of(quality_content(VIEW))
    for n_days, words in ((1, "1 day was"), (12, "12 days were")):
        said = text_of(quality_content(replace(VIEW, rescored_days=n_days)))
        assert f"Telemetry changed since: {words} scored again" in said
