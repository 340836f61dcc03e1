"""Pages that stay open follow each issue; links say what was seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from core.days import full_hour
from core.telemetry import HOUR
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.region_choice import active_regions
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.asking import NOW, asking
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.serving import serve
from tests.e2e.visitor import Visitor
from tests.fleet import SEED, Fleet

pytestmark = pytest.mark.e2e

START = NOW + HOUR / 3
"""So near to the next issue that a login outlasts it."""
FIRST, SECOND = "issued=2025-07-20T18%3A00Z", "issued=2025-07-20T19%3A00Z"


@dataclass
class Day:
    """A visitor's day, whose hours pass when a test says so."""

    visitor: Visitor
    fleet: Fleet
    clock: list[datetime] = field(default_factory=lambda: [START])

    def next_hour(self) -> None:
        """The hour ends; telemetry comes in and every region is issued."""
        begun_utc = full_hour(self.clock[0])
        self.clock[0] = begun_utc + HOUR
        with self.fleet.runtime.transaction() as session:
            actor = self.fleet.actor(session, "worker")
            request = asking(session, actor, now=self.clock[0])
            generate_telemetry(
                request,
                first_demo_profiles(3),
                start_utc=begun_utc,
                end_utc=begun_utc + HOUR,
                seed=SEED,
            )
            issue_live(
                request,
                ModelCache(),
                issued_at_utc=begun_utc + HOUR,
                stored_regions=active_regions(session),
            )

    def minute_passes(self, page: str) -> None:
        """The page asks again by itself, which it does each minute."""
        self.visitor.browser.driver.execute_script(
            "dash_clientside.set_props(arguments[0], {n_intervals: Date.now()});",
            f"{page}-refresh",
        )


@pytest.fixture
def day(
    dash_br: PortalBrowser, fleet: Fleet, tmp_path: Path, free_port: int
) -> Iterator[Day]:
    clock = [START]
    runtime = replace(fleet.runtime, clock=lambda: clock[0])
    with serve(runtime, fleet.urls, tmp_path, port=free_port) as portal:
        dash_br.forget_everything(portal.url)
        yield Day(Visitor(browser=dash_br, portal=portal), fleet, clock)
        dash_br.forget_everything(portal.url)


def test_an_open_forecast_follows_and_an_old_link_shows_what_was_seen(day: Day) -> None:
    visitor = day.visitor
    visitor.come_in("olga", "/forecast?region=ireland")
    visitor.sees("#forecast-sentence", "24 hours from 20 Jul 2025, 19:00 (UTC+1)")
    seen = f"/forecast?region=ireland&{FIRST}"
    visitor.is_at(seen)

    day.next_hour()
    day.minute_passes("forecast")
    visitor.sees("#forecast-sentence", "24 hours from 20 Jul 2025, 20:00 (UTC+1)")
    visitor.is_at(f"/forecast?region=ireland&{SECOND}")
    visitor.sees_no("#older-issue")

    visitor.open(seen)
    visitor.sees("#forecast-sentence", "24 hours from 20 Jul 2025, 19:00 (UTC+1)")
    visitor.sees("#older-issue", "This is an older forecast.", "20 Jul 2025, 20:00")
    visitor.is_at(seen)
    visitor.follow("Open the newest", "#older-issue")
    visitor.sees("#forecast-sentence", "24 hours from 20 Jul 2025, 20:00 (UTC+1)")
    visitor.sees_no("#older-issue")


def test_a_verdict_of_an_older_issue_is_gone_from_an_open_what_if(day: Day) -> None:
    visitor = day.visitor
    path = "/what-if?source=arizona&target=ireland"
    visitor.come_in("olga", path)
    visitor.type_into("#what-if-number", "20")
    visitor.sees("#what-if-verdict", "shift 20 %", "24 hours from 20 Jul 2025, 11:00")
    visitor.waits_for_enabled("#what-if-record")
    seen = f"{path}&{FIRST}&shift=20"
    visitor.is_at(seen)

    day.next_hour()
    day.minute_passes("what-if")
    visitor.sees("#what-if-notice", "24 hours from 20 Jul 2025, 12:00 (UTC−7)")
    visitor.sees_no("#what-if-verdict")
    assert not visitor.enabled("#what-if-record")
    assert visitor.value("#what-if-number") == "20", "what is tried stays"
    visitor.click("#what-if-evaluate")
    visitor.sees("#what-if-verdict", "shift 20 %", "24 hours from 20 Jul 2025, 12:00")
    visitor.waits_for_enabled("#what-if-record")

    visitor.open(seen)
    visitor.sees("#older-issue", "Nothing can be decided on an older one.")
    visitor.sees("#what-if-preview", "Preview at 20 %")
    assert not visitor.enabled("#what-if-evaluate")
    visitor.follow("Open the newest", "#older-issue")
    visitor.sees("#what-if-notice", "24 hours from 20 Jul 2025, 12:00")
    visitor.sees_no("#older-issue")
    visitor.rest()
    visitor.waits_for_enabled("#what-if-evaluate")


def test_a_verdict_on_a_newer_issue_shows_that_issue(day: Day) -> None:
    visitor = day.visitor
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-notice", "24 hours from 20 Jul 2025, 11:00")
    day.next_hour()
    visitor.type_into("#what-if-number", "20")
    visitor.sees("#what-if-verdict", "24 hours from 20 Jul 2025, 12:00")
    visitor.sees("#what-if-notice", "24 hours from 20 Jul 2025, 12:00")
    visitor.waits_for_enabled("#what-if-record")


@pytest.mark.parametrize("page", ["what-if", "forecast", "trade-offs", "fleet"])
def test_a_page_that_no_longer_refreshes_is_grey_and_decides_nothing(
    day: Day, page: str
) -> None:
    visitor = day.visitor
    path = "" if page == "fleet" else page
    visitor.come_in("olga", f"/{path}")
    visitor.sees("#main", "As of 20 Jul 2025, 18:45:00 UTC")
    driver = visitor.browser.driver
    visitor.pause(5.5)  # it has been seen by now
    driver.execute_script(
        "const now = Date.now; Date.now = () => now() + 2 * 60 * 1000;"
    )
    visitor.waits_until(
        lambda: driver.execute_script(
            "return document.documentElement.hasAttribute('data-gfo-old')"
        ),
        lambda: "the page is not old",
    )
    if page == "what-if":
        visitor.callbacks_posted()
        visitor.click("#what-if-evaluate")
        visitor.pause(0.5)
        assert visitor.callbacks_posted() == []
    day.clock[0] += HOUR / 60
    day.minute_passes(page)
    visitor.sees("#main", "As of 20 Jul 2025, 18:46:00 UTC")
    visitor.waits_until(
        lambda: (
            not driver.execute_script(
                "return document.documentElement.hasAttribute('data-gfo-old')"
            )
        ),
        lambda: "the page stays old",
    )
