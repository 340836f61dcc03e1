"""From "where is trouble?" to "how likely is it?", as an operator reads it."""

from __future__ import annotations

from datetime import date

import pytest
from selenium.webdriver.common.keys import Keys

from core.days import full_hour
from core.telemetry import HOUR
from db.users import system_actor
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.region_choice import active_regions
from tests.asking import asking
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor, fleet_row
from tests.long_fleet import lengthen

pytestmark = pytest.mark.e2e

HOT_DAY = date(2025, 7, 13)
WARM_DAY = date(2025, 6, 14)


def test_fleet_shows_each_region_with_its_verdict(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "BLOCKED: Arizona.", "2 of 3 APPROVED.")
    visitor.sees(fleet_row("arizona"), "Arizona", "■ BLOCKED", "▲ Above the limit now")
    for region in ("ireland", "wyoming"):
        visitor.sees(fleet_row(region), "✓ APPROVED", "allowed 5 %", "limit 35 °C")


def test_a_hot_day_is_said_in_one_sentence_with_chance_and_verdict(
    visitor: Visitor,
) -> None:
    visitor.come_in("olga")
    visitor.follow("Forecast", fleet_row("arizona"))
    visitor.sees(
        "#forecast-sentence", "Arizona", "in the 24 hours from 20 Jul 2025", "BLOCKED"
    )
    visitor.type_into("#forecast-day", "13 Jul 2025", Keys.ENTER)
    visitor.is_at("/forecast?region=arizona&day=2025-07-13")
    visitor.sees(
        "#forecast-sentence",
        "Chance that Arizona exceeds 35 °C on 13 July 2025: 100 % (allowed 5 %)",
        "→ ■ BLOCKED",
        "simulation",
    )
    visitor.sees("#forecast-panel", "is above the limit of 35 °C")
    assert not visitor.visible("#forecast-region-search")  # three fit into the list


def test_the_sentence_says_what_the_forecast_service_says(
    visitor: Visitor, portal: Portal
) -> None:
    with portal.runtime.transaction() as session:
        view = day_view(
            asking(session, system_actor(session, "cli"), now=portal.runtime.clock()),
            region_slug="arizona",
            local_day=WARM_DAY,
        )
    chance = view.exceedance_probability
    assert chance is not None
    assert 0.05 < chance < 0.95  # a day on which the chance is worth reading
    visitor.come_in("olga", f"/forecast?region=arizona&day={WARM_DAY}")
    visitor.sees(
        "#forecast-sentence",
        f"on 14 June 2025: {100 * chance:.0f} % (allowed 5 %)",
        view.verdict.outcome.value,
    )
    visitor.sees("#forecast-panel", f"In about {round(100 * chance)} of 100 past days")


def test_another_issue_of_the_last_hours_can_be_looked_at(
    visitor: Visitor, portal: Portal
) -> None:
    now = portal.runtime.clock()
    earlier = full_hour(now) - 3 * HOUR
    with portal.runtime.transaction() as session:
        issue_live(
            asking(session, system_actor(session, "worker"), now=earlier),
            ModelCache(),
            issued_at_utc=earlier,
            stored_regions=active_regions(session),
        )
    visitor.come_in("olga", "/forecast?region=arizona")
    visitor.sees("#forecast-sentence", "in the 24 hours from")
    visitor.holds("#forecast-issue", "2025-07-20T18:00Z")
    visitor.choose("#forecast-issue", "2025-07-20T15:00Z")
    visitor.sees(
        "#forecast-sentence", "24 hours from 20 Jul 2025, 08:00 (UTC−7)", "simulation"
    )
    visitor.sees("#forecast-facts", "Issued", "20 Jul 2025, 08:00 (UTC−7)")
    visitor.is_at("/forecast?region=arizona&issued=2025-07-20T15%3A00Z")
    visitor.browser.driver.refresh()
    visitor.sees("#forecast-sentence", "24 hours from 20 Jul 2025, 08:00")
    visitor.holds("#forecast-issue", "2025-07-20T15:00Z")
    visitor.choose("#forecast-region", "ireland")
    visitor.sees("#forecast-sentence", "Ireland", "in the 24 hours from")
    visitor.is_at("/forecast?region=ireland")
    visitor.open("/forecast?region=arizona&issued=2025-07-20T11:00Z")
    visitor.sees("#forecast-panel", "No forecast was issued at 20 July 2025, 11:00 UTC")


def test_the_chart_has_its_limit_and_a_table_of_its_numbers(visitor: Visitor) -> None:
    visitor.come_in("olga", f"/forecast?region=arizona&day={HOT_DAY}")
    visitor.sees("#forecast-chart .legend", "Thermal limit (35 °C)")
    assert visitor.text("#forecast-hours table") == ""
    visitor.click("#forecast-hours details:not(.gfo-downloads) > summary")
    table = visitor.sees("#forecast-hours table", "Hour (America/Phoenix", "Measured")
    assert table.count(":00 ") == 24


def test_the_next_24_hours_are_one_click_away_from_any_day(visitor: Visitor) -> None:
    visitor.come_in("olga", f"/forecast?region=arizona&day={HOT_DAY}")
    visitor.sees("#forecast-sentence", "13 July 2025")
    visitor.click("#forecast-next-24h")
    visitor.is_at("/forecast?region=arizona")
    visitor.sees("#forecast-sentence", "in the 24 hours from")


def test_a_long_fleet_comes_in_parts_that_can_be_searched(
    visitor: Visitor, portal: Portal
) -> None:
    lengthen(portal.database_urls, 40)
    visitor.come_in("olga")
    visitor.sees("#fleet-headline", "41 BLOCKED.", "82 of 123 APPROVED.")
    visitor.sees("#fleet-pager", "1 to 40 of 123, worst first")
    visitor.follow("Next page", "#fleet-pager")
    visitor.is_at("/?page=2")
    visitor.sees("#fleet-pager", "41 to 80 of 123")
    visitor.type_into("#fleet-find", "wyoming 4", Keys.ENTER)
    visitor.is_at("/?find=wyoming+4")
    visitor.sees("#fleet-pager", "1 to 2 of 2")
    visitor.sees(fleet_row("copy-40-wyoming"), "Wyoming 40")
    visitor.choose("#fleet-verdict", "over")
    visitor.sees("#fleet-table", "No region found")
    visitor.choose("#fleet-verdict", "any")
    visitor.follow("Forecast", fleet_row("copy-4-wyoming"))
    visitor.is_at("/forecast?region=copy-4-wyoming")

    # The list of regions holds the first ones; a search brings the others into it.
    visitor.sees("#forecast-region", "Wyoming 4", "and 73 more")
    visitor.type_into("#forecast-region-search", "ireland 3")
    visitor.sees("#forecast-region-found", "11 regions found")
    visitor.choose("#forecast-region", "copy-33-ireland")
    visitor.is_at("/forecast?region=copy-33-ireland")
    visitor.holds("#forecast-region", "copy-33-ireland")
    visitor.open("/what-if?source=arizona")
    visitor.sees("#what-if-target", "and 73 more")
    visitor.type_into("#what-if-target-search", "united states")
    visitor.sees("#what-if-target-found", "82 regions found")
