"""The animated trade-offs: from a copied link, played, paused, read by anybody."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

LINK = "/trade-offs?source=arizona&target=ireland&day=2025-06-14&shift=40"
DRAWN_X = """
const chart = document.querySelector("#trade-offs-chart .js-plotly-plot");
return Array.from(chart.data.at(-1).x);
"""
WANTED_X = """
const chart = document.querySelector("#trade-offs-chart .js-plotly-plot");
return Array.from(chart._transitionData._frames[arguments[0]].data.at(-1).x);
"""


def drawn_hour(visitor: Visitor, hour: int) -> None:
    """Wait until the bubbles stand where they belong in this hour."""
    driver = visitor.browser.driver
    visitor.waits_until(
        lambda: driver.execute_script(DRAWN_X) == driver.execute_script(WANTED_X, hour),
        lambda: f"the bubbles are not those of hour {hour}",
    )


def test_an_auditor_reads_before_and_after_from_a_link(visitor: Visitor) -> None:
    visitor.come_in("anton", LINK)
    visitor.sees(
        "#trade-offs-notice",
        "Window: 14 June 2025, actual values.",
        "40 % of the load of Arizona moves to Ireland.",
        "simulation",
    )
    visitor.sees("#trade-offs-chart .legend", "Before the shift", "After the shift")
    visitor.sees("#trade-offs-efficiency-table", "Arizona", "→", "Fleet")
    visitor.holds("#trade-offs-shift", "40")
    assert "Trade-offs: Arizona, 14 June 2025" in visitor.browser.driver.title


def test_it_plays_and_pauses_without_asking_the_server(visitor: Visitor) -> None:
    visitor.come_in("olga", LINK)
    visitor.sees("#trade-offs-hour-label", "00:00")
    drawn_hour(visitor, 0)
    visitor.rest()
    visitor.callbacks_posted()
    visitor.click("#trade-offs-play")
    visitor.sees("#trade-offs-hour-label", "02:00")
    visitor.click("#trade-offs-play")
    visitor.sees("#trade-offs-play", "Play")
    hour = int(visitor.value("#trade-offs-hour"))
    drawn_hour(visitor, hour)
    visitor.pause(1.2)  # longer than a step
    assert visitor.value("#trade-offs-hour") == str(hour)
    assert visitor.callbacks_posted() == []
    assert visitor.address == f"{LINK}&hour={hour}"


def test_the_hour_follows_the_keys_and_is_in_the_link(visitor: Visitor) -> None:
    visitor.come_in("olga", f"{LINK}&hour=7")
    visitor.sees("#trade-offs-hour-label", "07:00")
    drawn_hour(visitor, 7)
    visitor.tab_to("trade-offs-hour")
    visitor.press(Keys.ARROW_RIGHT)
    visitor.sees("#trade-offs-hour-label", "08:00")
    drawn_hour(visitor, 8)
    visitor.is_at(f"{LINK}&hour=8")


def test_another_shift_is_another_address_and_back_returns(visitor: Visitor) -> None:
    visitor.come_in("olga", LINK)
    visitor.sees("#trade-offs-notice", "40 % of the load")
    visitor.type_into("#trade-offs-shift", "10", Keys.ENTER)
    visitor.sees("#trade-offs-notice", "10 % of the load")
    visitor.choose("#trade-offs-water", "total")
    visitor.sees("#trade-offs-chart .ytitle", "on site and for electricity")
    visitor.browser.driver.back()
    visitor.browser.driver.back()
    visitor.is_at(LINK)
    visitor.sees("#trade-offs-notice", "40 % of the load")
    visitor.holds("#trade-offs-shift", "40")


def test_what_if_leads_here_with_the_shift_under_the_slider(visitor: Visitor) -> None:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland&day=2025-06-14")
    visitor.type_into("#what-if-number", "25")
    visitor.sees("#what-if-preview", "Preview at 25 %")
    visitor.follow("See its carbon and water")
    visitor.sees("#trade-offs-notice", "25 % of the load of Arizona")
    visitor.follow("Judge it in What-if")
    visitor.sees("#what-if-preview", "Preview at 25 %")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("source=atlantis", "no active region 'atlantis'"),
        ("source=arizona&target=arizona", "must be different"),
        ("shift=lots", "not a number from 0 to 100"),
        ("water=holy", "use on_site or total"),
    ],
)
def test_an_address_that_cannot_be_shown_explains_itself(
    visitor: Visitor, query: str, said: str
) -> None:
    visitor.come_in("olga", f"/trade-offs?{query}")
    visitor.sees("#trade-offs-notice", said)
