"""Pages that stay open follow each issue, through a day of decisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from core.days import full_hour
from core.telemetry import HOUR
from db import decisions
from orchestrator.cycle.issuance import issue_live
from orchestrator.decisions.replay import replay_rules
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.views import FleetRow
from orchestrator.regions.region_choice import active_regions
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from pages.fleet.cells import RECORDED_SHOWN
from pages.standing import WITH_RECORDED
from pages.words import bound
from tests.asking import NOW, asking
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.serving import serve
from tests.e2e.test_decision_states import RECORDED
from tests.e2e.test_what_if import set_arizonas_limit
from tests.e2e.visitor import Visitor, fleet_row
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
    cache: ModelCache = field(default_factory=ModelCache)

    def next_hour(self) -> None:
        """The hour ends; telemetry comes in and every region is issued."""
        self.pass_until(full_hour(self.clock[0]) + HOUR)

    def pass_until(self, end_utc: datetime) -> None:
        """Hours end; their telemetry comes in and every region is issued at the end."""
        begun_utc = full_hour(self.clock[0])
        self.clock[0] = end_utc
        with self.fleet.runtime.transaction() as session:
            actor = self.fleet.actor(session, "worker")
            request = asking(session, actor, now=self.clock[0])
            generate_telemetry(
                request,
                first_demo_profiles(3),
                start_utc=begun_utc,
                end_utc=end_utc,
                seed=SEED,
            )
            issue_live(
                request,
                self.cache,
                issued_at_utc=end_utc,
                stored_regions=active_regions(session),
            )

    def minute_passes(self, page: str) -> None:
        """The page asks again by itself, which it does each minute."""
        self.visitor.browser.driver.execute_script(
            "dash_clientside.set_props(arguments[0], {n_intervals: Date.now()});",
            f"{page}-refresh",
        )

    def rows(self) -> tuple[FleetRow, ...]:
        """What is known of each region at this minute."""
        with self.fleet.runtime.transaction() as session:
            actor = self.fleet.actor(session)
            return fleet_view(asking(session, actor, now=self.clock[0])).rows

    def fleet_is_true(self, *, same_hour: bool = False) -> None:
        """Each row says what is known now, on both grounds; a login lasts no hour."""
        if same_hour:
            self.visitor.open("/")
        else:
            self.visitor.browser.forget_everything(self.visitor.portal.url)
            self.visitor.come_in("olga")
        for row in self.rows():
            now = [row.verdict.outcome.value, shown_bound(row.day_bound_c)]
            selector = fleet_row(row.region.slug)
            if row.recorded is None:
                assert WITH_RECORDED not in self.visitor.sees(selector, *now)
                continue
            promised = row.recorded.bounded
            outcome = promised.verdict.outcome.value
            said = self.visitor.sees(selector, *now, f"{WITH_RECORDED}: ")
            after = said.split(WITH_RECORDED)[1]
            assert f"{outcome} bound {shown_bound(promised.day_bound_c)}" in after
            named = row.recorded.decisions[:RECORDED_SHOWN]
            for item in named:
                assert f"{item.source_name} → {item.target_name}" in after
            n_more = len(row.recorded.decisions) - len(named)
            assert (f"; and {n_more} more" in after) == (n_more > 0)


def shown_bound(bound_c: float | None) -> str:
    return " ".join(bound(bound_c).split())


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


EIGHT_UTC = datetime(2025, 7, 21, 15, tzinfo=UTC)
"""8:00 in Arizona."""


def test_a_day_of_decisions_from_8_to_20(day: Day) -> None:
    """Record for chosen hours, renew, plan, take back; each page true at each step."""
    visitor = day.visitor
    day.pass_until(EIGHT_UTC)
    bound_c = next(r.day_bound_c for r in day.rows() if r.region.slug == "arizona")
    assert bound_c is not None
    set_arizonas_limit(visitor.portal, round(bound_c - 0.3, 1), "The hall was rebuilt.")
    first_id = _record_from_8_to_20(visitor)
    day.fleet_is_true(same_hour=True)
    visitor.open(f"/decisions/{first_id}")
    visitor.sees("#decision-standing", "until 21 Jul 2025, 20:00")
    visitor.click("#state-in_effect")
    visitor.sees("#decision-standing", "State: in effect.")
    day.fleet_is_true(same_hour=True)
    for _ in range(9):
        day.next_hour()
    day.fleet_is_true()
    _renew_at_17(visitor)
    day.next_hour()
    day.fleet_is_true()
    visitor.sees_no("#ending-soon")
    plan = _plan_at_18(visitor)
    day.next_hour()
    day.fleet_is_true()
    changed = _change_at_19(visitor, plan)
    day.next_hour()
    day.fleet_is_true()
    visitor.open(changed)
    visitor.type_into("#plan-undo-reason", "The link is down.")
    visitor.click("#plan-undo")
    visitor.sees("#plan-undone", "Taken back")
    day.fleet_is_true(same_hour=True)
    visitor.sees(fleet_row("arizona"), "45 %, 08:00 to 20:00", "until taken back")
    visitor.open("/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-notice", "24 hours from 21 Jul 2025, 20:00")
    visitor.sees("#what-if-baseline", "45 %, 08:00 to 20:00 Arizona → Ireland")
    visitor.rest()
    assert visitor.browser.console_errors() == []
    with day.fleet.runtime.transaction() as session:
        ids = session.scalars(text("select id from decision where kind = 'recorded'"))
        for decision_id in list(ids):
            stored = decisions.decision_by_id(session, decision_id)
            assert replay_rules(session, stored).differences == ()


def _record_from_8_to_20(visitor: Visitor) -> str:
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland&hours=8-24")
    visitor.sees("#what-if-safe", "08:00 to 24:00 on the clock of Arizona")
    visitor.rest()
    visitor.choose("#what-if-until", "20")
    visitor.sees("#what-if-safe", "Load moves in 12 of the 24 hours: 08:00 to 20:00")
    visitor.type_into("#what-if-number", "30")
    visitor.sees("#what-if-verdict", "shift 30 %, 08:00 to 20:00", "✓ APPROVED")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", "The afternoon is hot.")
    visitor.click("#what-if-record-confirm")
    return visitor.sees_match("#what-if-recorded", RECORDED)[1]


def _renew_at_17(visitor: Visitor) -> None:
    """It ends at 20:00; more is moved until it is taken back."""
    visitor.sees("#ending-soon", "30 %, 08:00 to 20:00 Arizona → Ireland", "in 3 h")
    visitor.follow("Renew it", "#ending-soon")
    visitor.holds("#supersede-shift", "30")
    visitor.type_into("#supersede-shift", "45")  # the bound has risen since
    visitor.click("#supersede-evaluate")
    visitor.sees("#supersede-verdict", "shift 45 %, 08:00 to 20:00", "✓ APPROVED")
    visitor.choose("#supersede-term", "open")
    visitor.type_into("#supersede-reason", "It stays hot.")
    visitor.click("#supersede-record")
    visitor.sees("#supersede-record-status", "Recorded in its place.")
    visitor.open("/trade-offs?source=arizona&target=ireland")
    visitor.sees("#trade-offs-grounds", "As load is now", "With what is recorded")


def _plan_at_18(visitor: Visitor) -> str:
    """A plan starts from what is recorded; returns its address."""
    visitor.open("/plan?region=arizona")
    visitor.sees("#plan-window", "24 hours from 21 Jul 2025, 18:00")
    visitor.click("#plan-find")
    visitor.sees("#plan-transfers", "APPROVED", timeout_s=60)
    address = visitor.address
    visitor.type_into("#plan-comment", "Cheaper at night.")
    visitor.click("#plan-record")
    visitor.sees("#plan-recorded", "Recorded")
    return address


def _change_at_19(visitor: Visitor, plan: str) -> str:
    """Another plan in its place, on the newest issue; returns its address."""
    visitor.open(plan)
    visitor.rest()
    visitor.type_into("#plan-carbon-usd-per-t", "300")
    visitor.click("#plan-replace")
    visitor.sees("#plan-replaces", "Made to replace plan", timeout_s=60)
    visitor.type_into("#plan-comment", "Carbon got dearer.")
    visitor.click("#plan-record")
    visitor.sees("#plan-recorded", "Recorded")
    return visitor.address
