"""Fleet: where is trouble in the next 24 hours?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest

from core.alarm_figures import figures
from core.alarm_kinds import AlarmKind
from core.scheduler import Outcome
from orchestrator.alarms.views import AlarmView
from orchestrator.forecasts.views import FleetPart, FleetView, Group
from orchestrator.overview.views import AgainstNothing, OverviewView
from pages.fleet.cells import breach_words
from pages.fleet.figures import sparkline, sparkline_summary
from pages.fleet.layout import (
    fleet_pager,
    layout,
    shown_of,
    table,
    trouble,
)
from pages.fleet.overview import overview_panels
from pages.theme import THIN_SPACE, Ink
from pages.times import Times

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]


def test_the_headline_tells_heat_from_missing_data(fleet: FleetView) -> None:
    assert trouble(fleet) == (
        "BLOCKED: Arizona. No verdict for want of data: Wyoming. 1 of 3 APPROVED."
    )


def test_no_trouble_is_said_only_when_all_are_approved(fleet: FleetView) -> None:
    calm = replace(fleet, rows=fleet.rows[1:2])
    assert trouble(calm) == "No trouble: all 1 regions are APPROVED."


MORE = OverviewView(
    hour_utc=datetime(2023, 7, 14, 6, tzinfo=UTC),
    totals=(),
    n_measured=3,
    n_regions=3,
    decisions=(),
    feeds={},
    against_nothing=AgainstNothing(
        n_decisions=2,
        n_of_plans=1,
        emissions_kgco2e=-1_240.0,
        water_l=None,
        cost_usd=350.4,
    ),
)


def test_a_model_that_cannot_be_used_is_an_alarm_above_everything(
    fleet: FleetView, text_of: Text, components_of: Walk
) -> None:
    sentence = "The temperature_c model cannot be used since noon: its bytes changed."
    alarm = AlarmView(
        alarm_id=1,
        kind=AlarmKind.MODEL_UNAVAILABLE,
        about="model temperature_c",
        text=sentence,
        state="active",
        since_utc=fleet.as_of_utc,
        raised_at_utc=fleet.as_of_utc,
    )
    cleared = replace(alarm, text="It was.", cleared_at_utc=fleet.as_of_utc)
    gone = replace(cleared, text="It is over.", is_acknowledged=True)
    shown = overview_panels(fleet, MORE, Times(), alarms=(alarm, cleared, gone))
    text = text_of(shown)
    said = sentence.replace("temperature_c", "temperature")
    assert text.index(said) < text.index("Where"), "it stands above the map"
    assert "It was." in text, "cleared, and nobody has seen it"
    assert "It is over." not in text
    assert "All alarms (2)" in text
    roles = [getattr(item, "role", None) for item in components_of(shown)]
    assert roles.count("alert") == 1
    calm = components_of(overview_panels(fleet, MORE, Times()))
    assert "alert" not in [getattr(item, "role", None) for item in calm]


def test_an_operator_sees_how_many_alarms_there_are(
    fleet: FleetView, text_of: Text
) -> None:
    review = figures(
        [], [], start_utc=fleet.as_of_utc - timedelta(days=30),
        end_utc=fleet.as_of_utc, n_operators=2,
    )  # fmt: skip
    text = text_of(overview_panels(fleet, MORE, Times(), review=review))
    assert "0.0 a day and operator, at most 150" in text


def test_what_stands_is_set_against_doing_nothing(
    fleet: FleetView, text_of: Text
) -> None:
    text = text_of(overview_panels(fleet, MORE, Times())).replace(THIN_SPACE, " ")
    assert "2 standing shifts" in text
    assert "1 transfer of plans not counted" in text
    assert "−1.2 t CO₂e" in text
    assert "+350 USD" in text
    none = replace(MORE.against_nothing, n_decisions=0, n_of_plans=0)
    calm = overview_panels(fleet, replace(MORE, against_nothing=none), Times())
    assert "No single shift stands." in text_of(calm)


def test_carbon_and_load_say_how_old_they_are_when_that_matters(
    fleet: FleetView, text_of: Text
) -> None:
    row = replace(fleet.rows[0], carbon_age_h=9.0, it_load_age_h=2.0)
    shown = text_of(table(replace(fleet, rows=(row,)))).replace(THIN_SPACE, " ")
    assert "9 h old" in shown
    assert "2 h old" not in shown


def test_rows_stay_in_their_places_whatever_their_verdict(
    fleet: FleetView, components_of: Walk
) -> None:
    rows = [
        component.id["region"]
        for component in components_of(table(fleet))
        if isinstance(getattr(component, "id", None), dict)
    ]
    assert rows == ["arizona", "ireland", "wyoming"]


def test_a_row_shows_every_figure_with_its_unit(
    fleet: FleetView, text_of: Text
) -> None:
    text = text_of(table(replace(fleet, rows=fleet.rows[:1])))
    for shown in (
        "BLOCKED",
        "7 %",
        "allowed 5 %",
        "36.2 °C",
        "limit 35 °C",
        "31.4 °C",
        "CRITICAL",
        "margin −1.2 °C",
        "412 g/kWh",
        "1,843 m³",
        "61.3 MW",
        "24 min",
        "synthetic",
    ):
        assert shown in text, shown


def test_only_a_data_problem_is_an_alarm(fleet: FleetView, components_of: Walk) -> None:
    def alarms(view: FleetView) -> int:
        return sum(
            "gfo-status-alarm" in (getattr(component, "className", "") or "")
            for component in components_of(table(view))
        )

    assert fleet.rows[0].verdict.outcome is Outcome.BLOCKED
    assert alarms(replace(fleet, rows=fleet.rows[:2])) == 0
    assert alarms(replace(fleet, rows=fleet.rows[2:])) == 2  # its verdict and its age


def test_each_region_links_to_its_forecast_and_its_what_if(
    fleet: FleetView, components_of: Walk
) -> None:
    hrefs = {
        getattr(component, "href", None) for component in components_of(table(fleet))
    }
    issue = "issued=2023-07-14T07%3A00Z"
    assert {
        f"/forecast?region=ireland&{issue}",
        f"/what-if?source=ireland&{issue}",
    } <= hrefs, "a link names the issue that it was seen on"
    assert "/forecast?region=wyoming" in hrefs, "where there is none, the newest"


def test_an_empty_fleet_says_what_to_do(fleet: FleetView, text_of: Text) -> None:
    assert "gfo region add" in text_of(table(replace(fleet, rows=())))


def test_the_sparkline_draws_forecast_limit_and_bound(fleet: FleetView) -> None:
    picture = unquote(sparkline(fleet.rows[0]) or "")
    assert picture.startswith("data:image/svg+xml,<svg")
    assert [ink in picture for ink in (Ink.FORECAST, Ink.LIMIT, Ink.BOUND)] == [
        True
    ] * 3


def test_no_forecast_means_no_sparkline(fleet: FleetView) -> None:
    assert sparkline(fleet.rows[2]) is None
    assert "next 24 hours not known" in sparkline_summary(fleet.rows[2])


def test_the_sparkline_leaves_a_gap_where_an_hour_is_missing(fleet: FleetView) -> None:
    row = fleet.rows[0]
    broken = replace(
        row, forecast_mean_c=(*row.forecast_mean_c[:5], None, *row.forecast_mean_c[6:])
    )
    line = unquote(sparkline(broken) or "").split('stroke="#0072B2"')[0]
    assert line.rsplit('d="', 1)[1].count("M") == 2


def test_the_page_asks_again_every_minute(components_of: Walk) -> None:
    (timer,) = [
        component
        for component in components_of(layout(may_set_up=True))
        if getattr(component, "id", None) == "fleet-refresh"
    ]
    assert timer.interval == 60_000


@pytest.mark.parametrize(
    ("temperature_c", "is_stale", "chance", "means_c", "said"),
    [
        (35.3, False, 0.01, (20.0,) * 24, "Above the limit now"),
        (35.3, True, 0.01, (20.0,) * 24, None),
        (30.0, False, 0.6, (34.0,) * 24, "Breach likely"),
        (30.0, False, 0.6, (34.0,) * 3 + (36.0,) * 21, "Breach likely, "),
        (30.0, False, 0.49, (36.0,) * 24, None),
        (None, False, None, (), None),
    ],
)
def test_only_heat_that_is_there_or_likely_is_called_a_breach(
    fleet: FleetView,
    temperature_c: float | None,
    is_stale: bool,
    chance: float | None,
    means_c: tuple[float, ...],
    said: str | None,
) -> None:
    row = replace(
        fleet.rows[0],
        thermal_limit_c=35.0,
        temperature_c=temperature_c,
        telemetry_is_stale=is_stale,
        exceedance_probability=chance,
        forecast_mean_c=means_c,
    )
    words = breach_words(row)
    assert words == said or (said == "Breach likely, " and words.startswith(said))


def test_a_page_beyond_the_last_leads_back_to_the_first(fleet: FleetView) -> None:
    part = FleetPart(counts=dict.fromkeys(Group, 100), worst=(), n_found=300, first=361)
    question, shown = shown_of("?page=10")
    said, _, first = fleet_pager(replace(fleet, rows=(), part=part), question, shown)[
        :3
    ]
    assert said == "none of 300 on this page"
    assert first.href == "/"
