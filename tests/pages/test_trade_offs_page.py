"""Trade-offs: bubbles stand where the numbers say, zero included, in every hour."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from plotly import graph_objects as go

from orchestrator.regions.views import RegionChoices
from orchestrator.trade_offs.views import (
    EfficiencyRow,
    GroundSums,
    ShiftRole,
    TradeOffRegion,
    TradeOffView,
    WaterScope,
    WaterSeries,
)
from orchestrator.windows.views import Ground
from pages.trade_offs import content
from pages.trade_offs.figures import (
    AFTER_NAME,
    BEFORE_NAME,
    STANDING_NAME,
    scatter_summary,
    water_axis,
)
from pages.trade_offs.figures import (
    trade_off_scatter as plain_scatter,
)
from tests.pages.conftest import ARIZONA, HOURS_UTC, IRELAND, ISSUED_UTC, WYOMING

Text = Callable[[object], str]
HOURS = 24


def trade_off_scatter(view: TradeOffView, scope: WaterScope) -> go.Figure:
    """The figure through Plotly's objects, which check every value of it."""
    return go.Figure(plain_scatter(view, scope))


def water(litres: float) -> WaterSeries:
    return WaterSeries(on_site_l=(litres,) * HOURS, total_l=(litres + 5e4,) * HOURS)


def region(choice: Any, role: ShiftRole, **values: Any) -> TradeOffRegion:
    facts: dict[str, Any] = {
        "region": choice,
        "colour": "#0072B2",
        "role": role,
        "carbon_intensity_gco2_kwh": tuple(400.0 + hour for hour in range(HOURS)),
        "it_load_before_mw": (60.0,) * HOURS,
        "it_load_after_mw": (60.0,) * HOURS,
        "water_before_l": water(1e5),
        "water_after_l": water(1e5),
    }
    return TradeOffRegion(**{**facts, **values})


def row(name: str, **values: Any) -> EfficiencyRow:
    facts: dict[str, Any] = {
        "name": name,
        "mean_temperature_c": -3.25,
        "mean_carbon_intensity_gco2_kwh": 411.5,
        "mean_it_load_before_mw": 60.0,
        "mean_it_load_after_mw": 36.0,
        "facility_energy_before_mwh": 1_800.0,
        "facility_energy_after_mwh": 1_080.0,
        "emissions_before_kgco2e": 720_000.0,
        "emissions_after_kgco2e": 432_000.0,
        "water_before_l": 3.6e6,
        "water_after_l": 2.16e6,
    }
    return EfficiencyRow(**{**facts, **values})


@pytest.fixture
def view() -> TradeOffView:
    shown = (
        region(
            ARIZONA,
            ShiftRole.SOURCE,
            it_load_after_mw=(36.0,) * HOURS,
            water_after_l=water(6e4),
        ),
        region(IRELAND, ShiftRole.TARGET, it_load_after_mw=(84.0,) * HOURS),
        region(
            WYOMING,
            ShiftRole.OTHER,
            water_before_l=water(0.0),
            water_after_l=water(0.0),
        ),
    )
    return TradeOffView(
        regions=RegionChoices(shown=(ARIZONA, IRELAND, WYOMING), count=3),
        as_of_utc=ISSUED_UTC,
        source=ARIZONA,
        target=IRELAND,
        local_day=date(2023, 7, 14),
        is_issued=True,
        newer_issue_utc=None,
        is_simulation=True,
        shift_pct=40.0,
        flexible_pct=80.0,
        hours_of_day=None,
        ground=Ground.RECORDED,
        grounds=(),
        hours_utc=HOURS_UTC,
        shown=shown,
        efficiency=tuple(row(name) for name in ("Arizona", "Ireland", "Wyoming")),
        n_regions=len(shown),
        sums=row("Fleet", mean_temperature_c=None),
        inputs_basis="actual",
        notes=(),
        first_day=date(2023, 1, 1),
        last_day=date(2023, 12, 30),
        missing_days=(),
    )


def test_there_is_a_frame_for_every_hour_with_that_hours_numbers(
    view: TradeOffView,
) -> None:
    figure = trade_off_scatter(view, WaterScope.ON_SITE)
    assert [frame.name for frame in figure.frames] == [str(h) for h in range(HOURS)]
    after = figure.frames[7].data[-1]
    assert after.name == AFTER_NAME
    assert list(after.x) == [407.0] * 3
    assert list(after.marker.size) == [36.0, 84.0, 60.0]
    assert after.y[0] == pytest.approx(math.log10(60.0))


def test_the_shift_shows_as_before_and_after(view: TradeOffView) -> None:
    before, after = trade_off_scatter(view, WaterScope.ON_SITE).data
    assert (before.name, after.name) == (BEFORE_NAME, AFTER_NAME)
    assert list(before.ids) == ["arizona", "ireland"]
    assert before.y[0] > after.y[0]
    (alone,) = trade_off_scatter(replace(view, shift_pct=0.0), WaterScope.ON_SITE).data
    assert alone.name == STANDING_NAME


def test_zero_has_a_place_of_its_own_that_says_zero(view: TradeOffView) -> None:
    figure = trade_off_scatter(view, WaterScope.ON_SITE)
    zero_at = figure.data[-1].y[2]
    axis = figure.layout.yaxis
    assert axis.ticktext[list(axis.tickvals).index(zero_at)] == "0"
    assert zero_at < min(value for value in figure.data[-1].y if value != zero_at)
    assert axis.range[0] < zero_at
    with_electricity = trade_off_scatter(view, WaterScope.TOTAL)
    assert "0" not in with_electricity.layout.yaxis.ticktext


def test_the_axes_hold_every_hour_and_do_not_move(view: TradeOffView) -> None:
    figure = trade_off_scatter(view, WaterScope.ON_SITE)
    low, high = figure.layout.yaxis.range
    for frame in figure.frames:
        assert "layout" not in frame or not frame.layout.to_plotly_json()
        for trace in frame.data:
            assert all(low < y < high for y in trace.y)
            assert all(0 <= x < figure.layout.xaxis.range[1] for x in trace.x)


def test_an_unknown_amount_has_no_place(view: TradeOffView) -> None:
    gap = WaterSeries(on_site_l=(None,) * HOURS, total_l=(None,) * HOURS)
    shown = (replace(view.shown[0], water_after_l=gap), *view.shown[1:])
    figure = trade_off_scatter(replace(view, shown=shown), WaterScope.ON_SITE)
    assert figure.data[-1].y[0] is None
    assert "Arizona: not known." in scatter_summary(
        replace(view, shown=shown), WaterScope.ON_SITE
    )


@pytest.mark.parametrize("amounts", [[], [0.0], [5.0], [1e-3, 1e6], [0.0, 3.0]])
def test_any_amounts_give_an_axis(amounts: list[float]) -> None:
    axis = water_axis(amounts)
    low, high = axis.layout("Water")["range"]  # type: ignore[misc]
    assert low < high
    for amount in amounts:
        place = axis.place(amount)
        assert place is not None
        assert low <= place <= high


def test_the_table_shows_before_and_after_with_true_signs(
    view: TradeOffView, text_of: Text
) -> None:
    text = text_of(content.efficiency_table(view))
    for shown in ("−3.2", "720.0  →   to  432.0", "3,600", "2,160", "2.00", "Fleet"):
        assert shown in text, shown
    still = text_of(content.efficiency_table(replace(view, shift_pct=0.0)))
    assert "→" not in still


def test_more_than_the_flexible_load_is_said(view: TradeOffView, text_of: Text) -> None:
    assert "More than may be moved" in text_of(
        content.window_notice(replace(view, shift_pct=90.0))
    )
    assert "More than" not in text_of(content.window_notice(view))


def test_the_hours_of_a_shift_are_named_and_go_on_to_what_if(
    view: TradeOffView, text_of: Text, components_of: Callable[[object], list[Any]]
) -> None:
    shown = content.window_notice(replace(view, hours_of_day="22-6"))
    assert "From 22:00 to 06:00, 40 % of the load of Arizona moves" in text_of(shown)
    links = [getattr(item, "href", "") or "" for item in components_of(shown)]
    assert any("hours=22-6" in href for href in links)


def test_both_grounds_stand_side_by_side_and_the_other_can_be_shown(
    view: TradeOffView, text_of: Text
) -> None:
    sums = [
        GroundSums(
            ground=ground,
            facility_energy_mwh=energy_mwh,
            emissions_kgco2e=400_000.0,
            water_l=2_000_000.0,
        )
        for ground, energy_mwh in ((Ground.NOW, 2000.0), (Ground.RECORDED, 1900.0))
    ]
    shown = replace(view, grounds=tuple(sums))
    text = text_of(content.window_notice(shown))
    assert "As load is now, without a shift: 2,000 MWh, 400.0 t CO₂e, 2,000 m³." in text
    assert "With what is recorded, without a shift: 1,900 MWh" in text
    assert text.count("(shown)") == 1
    assert ", with what is recorded;" in content.caption(shown)
    assert "As load is now" not in text_of(content.window_notice(view))
