"""Texas in August 2023, from the published files to the page that says BLOCKED."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from core.scheduler import Outcome, ReasonCode
from db.users import system_actor
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.views import ForecastDayView
from tests.asking import asking
from tests.conftest import PostgresForTests
from tests.e2e.people import add_people
from tests.e2e.portal_browser import PortalBrowser
from tests.e2e.real_fleet import ONTARIO, TEXAS, make_real_fleet
from tests.e2e.serving import Portal, serve
from tests.e2e.visitor import Visitor
from tests.stored_bounds import recomputed_bounds

pytestmark = [pytest.mark.e2e, pytest.mark.real_data, pytest.mark.slow]

HOT_DAY = date(2023, 8, 15)
OVER_THE_LIMIT = {ReasonCode.OVER_LIMIT, ReasonCode.NOT_RESOLVABLE}


@pytest.fixture(scope="module")
def portal(
    postgres: PostgresForTests,
    real_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Portal]:
    """The portal over Texas and Ontario, 2021 to 2023."""
    name = postgres.create(prefix="real")
    urls = postgres.urls(name)
    runtime = make_real_fleet(urls, real_data)
    add_people(urls)
    with serve(runtime, urls, tmp_path_factory.mktemp("portal")) as portal:
        yield portal
    runtime.engine.dispose()
    postgres.drop(name)


@pytest.fixture
def visitor(dash_br: PortalBrowser, portal: Portal) -> Iterator[Visitor]:
    dash_br.forget_everything(portal.url)
    yield Visitor(browser=dash_br, portal=portal)
    dash_br.forget_everything(portal.url)


def texas_on(portal: Portal, local_day: date) -> ForecastDayView:
    with portal.runtime.transaction() as session:
        return day_view(
            asking(session, system_actor(session, "cli"), now=portal.runtime.clock()),
            region_slug=TEXAS,
            local_day=local_day,
        )


def test_every_bound_of_the_hindcast_years_can_be_recomputed(portal: Portal) -> None:
    """Real weather from 2022 on; midnights of two zones, all but the first days."""
    with portal.runtime.transaction() as session:
        assert recomputed_bounds(session, TEXAS) > 365 * 2


def test_texas_is_blocked_on_most_days_of_august_because_it_is_hot(
    portal: Portal,
) -> None:
    august = [date(2023, 8, 1) + timedelta(days=i) for i in range(31)]
    days = [texas_on(portal, day) for day in august]
    reasons = Counter(day.verdict.reason_code for day in days)
    over = [day for day in days if day.verdict.reason_code in OVER_THE_LIMIT]
    assert len(over) >= 25, reasons
    for day in over:
        assert day.verdict.outcome is Outcome.BLOCKED
        assert day.day_bound_c is not None
        assert day.day_bound_c > day.thermal_limit_c == 35.0
    assert not any(day.verdict.data_problem for day in days)
    # The truth of those days, which the forecasts did not know.
    measured = [day.actual_max_c for day in days if day.actual_max_c is not None]
    assert sum(maximum > 35.0 for maximum in measured) >= 25


def test_the_page_says_blocked_over_the_limit_and_not_for_want_of_data(
    visitor: Visitor, portal: Portal
) -> None:
    visitor.come_in("olga", f"/forecast?region={TEXAS}&day={HOT_DAY}")
    visitor.sees(
        "#forecast-sentence",
        "Chance that Texas exceeds 35 °C on 15 August 2023:",
        "(allowed 5 %)",
        "■ BLOCKED",
        "simulation",
    )
    assert "no data" not in visitor.text("#forecast-sentence")
    assert "synthetic" not in visitor.text("#forecast-sentence")
    said = re.compile(r"The bound for Texas, ([\d.]+) °C, is above the limit of 35 °C")
    bound_c = float(visitor.sees_match("#forecast-panel", said)[1])
    stored_c = texas_on(portal, HOT_DAY).day_bound_c
    assert stored_c is not None
    assert bound_c > 35.0
    assert stored_c <= bound_c <= stored_c + 0.1  # rounded up, never understated
    visitor.sees("#forecast-chart", "Thermal limit (35 °C)")


def test_a_mild_day_of_the_same_region_is_approved(visitor: Visitor) -> None:
    visitor.come_in("olga", f"/forecast?region={TEXAS}&day=2023-02-14")
    visitor.sees("#forecast-sentence", "14 February 2023", "✓ APPROVED")


def test_a_shift_of_texas_to_ontario_is_judged_on_real_days(visitor: Visitor) -> None:
    visitor.come_in("olga", f"/what-if?source={TEXAS}&target={ONTARIO}&day={HOT_DAY}")
    visitor.sees("#what-if-baseline", "■ BLOCKED", "above the limit of 35 °C")
    visitor.sees("#what-if-preview-target", "Ontario: day bound")
