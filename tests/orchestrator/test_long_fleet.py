"""A fleet longer than a page: counted whole, shown in parts, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.outcomes import Outcome
from db import policies
from db.engine import make_engine
from orchestrator.decisions.lists import decision_page
from orchestrator.decisions.what_if import what_if_view
from orchestrator.feeds.feed_list import list_feed_views
from orchestrator.forecasts.fleet import FleetQuestion, fleet_view
from orchestrator.forecasts.quality_page import FLEET_ROWS, fleet_quality_view
from orchestrator.forecasts.views import FleetPart, FleetView, Group
from orchestrator.plans.planning import plan_window
from orchestrator.regions.region_choice import PAGE_ROWS
from orchestrator.regions.regions_page import regions_view
from orchestrator.regions.views import RegionPart, RegionQuestion
from orchestrator.trade_offs.page import MOST_SHOWN, trade_off_view
from orchestrator.use_cases import Request
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.long_fleet import copied_columns, lengthen
from tests.orchestrator.test_cycle_cost import recorded

pytestmark = pytest.mark.slow

N_COPIES = 20


def _shown(
    fleet: Fleet, question: FleetQuestion | None = None, *, later_h: float = 0.0
) -> tuple[FleetView, FleetPart]:
    with fleet.runtime.transaction() as session:
        request = asking(
            session, fleet.actor(session), now=NOW + timedelta(hours=later_h)
        )
        view = fleet_view(request, question or FleetQuestion())
    assert view.part is not None
    return view, view.part


def test_a_long_fleet_is_counted_found_and_shown_in_parts(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        whole = fleet_view(asking(session, fleet.actor(session)))
    assert whole.part is None
    over = [row for row in whole.rows if row.verdict.outcome is Outcome.BLOCKED]
    assert 0 < len(over) < len(whole.rows)
    lengthen(fleet.urls, N_COPIES)
    n_over = len(over) * (N_COPIES + 1)
    n_regions = len(whole.rows) * (N_COPIES + 1)

    view, part = _shown(fleet)
    assert part.counts[Group.OVER] == n_over
    assert part.counts[Group.APPROVED] == n_regions - n_over
    assert (part.n_regions, part.n_found, part.first) == (n_regions, n_regions, 1)
    assert len(view.rows) == PAGE_ROWS
    over_names = {row.region.name for row in over}
    assert all(
        any(row.region.name.startswith(name) for name in over_names)
        for row in view.rows[:n_over]
    )
    assert part.worst[0] in over_names

    shown: list[str] = []
    for page in range(1, 3):
        shown += [
            row.region.slug for row in _shown(fleet, FleetQuestion(page=page))[0].rows
        ]
    assert len(set(shown)) == n_regions
    beyond, _ = _shown(fleet, FleetQuestion(page=3))
    assert beyond.rows == ()

    name = over[0].region.name
    view, part = _shown(fleet, FleetQuestion(search=f"{name} 1".upper()))
    assert {row.region.name for row in view.rows} == {
        f"{name} {number}" for number in range(1, N_COPIES + 1) if f"{number}"[0] == "1"
    }
    assert part.counts[Group.OVER] == n_over  # of the whole fleet all the same
    view, part = _shown(fleet, FleetQuestion(group=Group.APPROVED, search=name))
    assert (view.rows, part.n_found) == ((), 0)


def test_old_telemetry_and_other_terms_are_no_verdict(fleet: Fleet) -> None:
    lengthen(fleet.urls, N_COPIES)
    _, part = _shown(fleet, later_h=24.0)
    assert part.counts[Group.UNJUDGED] == part.n_regions

    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        values = policies.own_values(session, None)
        assert values is not None
        policies.insert_policy(
            session,
            region_id=None,
            values=values | {"thermal_limit_c": 100.0},
            actor_id=actor.user_id,
            reason="raised for the test",
        )
    _, part = _shown(fleet)
    # Copies and originals alike, by the limit in force.
    assert part.counts[Group.APPROVED] == part.n_regions
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        policies.insert_policy(
            session,
            region_id=None,
            values=values | {"confidence": "0.9"},
            actor_id=actor.user_id,
            reason="lowered for the test",
        )
    _, part = _shown(fleet)
    assert part.counts[Group.UNJUDGED] == part.n_regions


PAGES: Mapping[str, Callable[[Request], object]] = {
    "fleet": fleet_view,
    "regions": lambda request: regions_view(request, slug="arizona"),
    "quality": fleet_quality_view,
    "trade_offs": lambda request: trade_off_view(
        request, source_slug=None, target_slug=None, local_day=None, shift_pct=20.0
    ),
    "what_if": lambda request: what_if_view(
        request, source_slug=None, target_slug=None, local_day=None, shift_pct=20.0
    ),
    "plan": lambda request: plan_window(request, anchor_slug=None, local_day=None),
    "decisions": decision_page,
    "feeds": list_feed_views,
}


def _costs(fleet: Fleet) -> dict[str, tuple[int, int]]:
    """Statements and bytes of the view of each page."""
    found = {}
    for name, look in PAGES.items():
        with fleet.runtime.transaction() as session:
            request = asking(session, fleet.actor(session))
            with recorded() as statements:
                view = look(request)
        found[name] = (len(statements), len(repr(view)))
    return found


def test_a_page_costs_the_same_however_long_the_fleet_is(fleet: Fleet) -> None:
    lengthen(fleet.urls, N_COPIES)
    before = _costs(fleet)
    _copy_again(fleet)
    after = _costs(fleet)
    for name, (statements, size) in before.items():
        assert after[name][0] == statements <= 80, name
        # Counts of the fleet have more digits, and other names are on the page.
        assert after[name][1] <= 1.2 * size, name


def _copy_again(fleet: Fleet) -> None:
    """Five times as many regions, of which nothing else is known."""
    engine = make_engine(fleet.urls.owner)
    with engine.begin() as connection:
        kept, values = copied_columns(
            connection, "region", {"slug": "t.slug || '-' || c", "name": "t.name || c"}
        )
        connection.execute(
            text(
                f"insert into region ({kept}) select {values} from region t"  # noqa: S608 -- columns
                " cross join generate_series(1, 4) c"
            )
        )
    engine.dispose()


def test_lists_of_regions_are_searched_and_paged(fleet: Fleet) -> None:
    lengthen(fleet.urls, N_COPIES)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        n_regions = 3 * (N_COPIES + 1)

        def shown(**asked: Any) -> tuple[RegionPart, list[str]]:
            view = regions_view(request, slug=None, question=RegionQuestion(**asked))
            return view.part, [item.choice.slug for item in view.regions]

        first, on_first = shown()
        assert (first.n_found, first.first, first.n_shown) == (n_regions, 1, PAGE_ROWS)
        second, on_second = shown(page=2)
        assert (second.first, second.n_shown) == (PAGE_ROWS + 1, n_regions - PAGE_ROWS)
        assert len({*on_first, *on_second}) == n_regions
        assert shown(page=3)[1] == []
        found, slugs = shown(search=" ARIZONA 1 ")
        assert found.is_whole
        assert "copy-1-arizona" in slugs
        # A country is searched by its time zones.
        assert all("ireland" in slug for slug in shown(search="ireland")[1])

        quality = fleet_quality_view(request, RegionQuestion(search="arizona", page=2))
        assert quality.part.n_found == N_COPIES + 1
        assert len(quality.regions) == quality.part.n_shown == FLEET_ROWS

        trade_offs = trade_off_view(
            request,
            source_slug="copy-20-wyoming",
            target_slug="copy-19-ireland",
            local_day=None,
            shift_pct=20.0,
        )
    names = {item.region.slug for item in trade_offs.shown}
    assert {"copy-20-wyoming", "copy-19-ireland", "arizona"} <= names
    assert len(names) == MOST_SHOWN
    assert trade_offs.n_regions == n_regions
    assert trade_offs.sums.name == f"These {MOST_SHOWN} regions"
