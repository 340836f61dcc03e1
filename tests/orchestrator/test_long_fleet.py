"""A fleet longer than a page: counted whole, shown in parts, the worst first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.outcomes import Outcome
from db import policies
from orchestrator.forecasts.fleet import PAGE_ROWS, FleetQuestion, fleet_view
from orchestrator.forecasts.views import FleetPart, FleetView, Group
from tests.asking import NOW, asking
from tests.fleet import Fleet
from tests.long_fleet import lengthen

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
