"""Trade-offs of the small fleet: load is conserved, sums agree with the what-if."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import numpy as np
import pytest

from core.errors import InvalidInput, NotFound
from orchestrator.decisions import recording
from orchestrator.regions.changes import set_region
from orchestrator.regions.policies import change_terms
from orchestrator.trade_offs.page import trade_off_view
from orchestrator.trade_offs.views import ShiftRole, TradeOffView, WaterScope
from orchestrator.windows.views import Ground
from tests.asking import asking
from tests.fleet import Fleet
from tests.orchestrator.test_older_issues import evaluated, recorded, set_limit

pytestmark = pytest.mark.slow

DAY = date(2025, 6, 14)


def view_of(fleet: Fleet, **asked: object) -> TradeOffView:
    wanted = {
        "source_slug": "arizona",
        "target_slug": "ireland",
        "local_day": DAY,
        "shift_pct": 40.0,
        **asked,
    }
    with fleet.runtime.transaction() as session:
        return trade_off_view(
            asking(session, fleet.actor(session), now=fleet.runtime.clock()), **wanted
        )


def test_load_leaves_the_source_and_all_of_it_arrives(fleet: Fleet) -> None:
    view = view_of(fleet)
    roles = {item.role: item for item in view.shown}
    source, target = roles[ShiftRole.SOURCE], roles[ShiftRole.TARGET]
    left = np.subtract(source.it_load_before_mw, source.it_load_after_mw)
    came = np.subtract(target.it_load_after_mw, target.it_load_before_mw)
    np.testing.assert_allclose(left, came)
    np.testing.assert_allclose(left, 0.4 * np.array(source.it_load_before_mw))
    other = roles[ShiftRole.OTHER]
    assert other.it_load_before_mw == other.it_load_after_mw
    assert other.water_before_l == other.water_after_l


def test_the_table_says_what_the_stored_decision_says(fleet: Fleet) -> None:
    view = view_of(fleet)
    with fleet.runtime.transaction() as session:
        card = recording.evaluate(
            asking(
                session,
                fleet.actor(session),
                now=fleet.runtime.clock(),
                request_id=uuid4(),
            ),
            source_slug="arizona",
            target_slug="ireland",
            local_day=DAY,
            shift_pct=40.0,
        )
    (carbon,) = [row for row in card.impact if "arbon" in row.label]
    arizona, ireland = (
        next(row for row in view.efficiency if row.name == name)
        for name in ("Arizona", "Ireland")
    )
    scale = {"kg CO₂e": 1.0, "t CO₂e": 1000.0}[carbon.unit]
    assert arizona.emissions_before_kgco2e == pytest.approx(
        scale * (carbon.source_before or 0)
    )
    assert arizona.emissions_after_kgco2e == pytest.approx(
        scale * (carbon.source_after or 0)
    )
    assert ireland.emissions_after_kgco2e == pytest.approx(
        scale * (carbon.target_after or 0)
    )


def test_the_hours_add_up_to_the_table(fleet: Fleet) -> None:
    view = view_of(fleet)
    for item, row in zip(view.shown, view.efficiency, strict=True):
        total = sum(value or 0.0 for value in item.water_after_l.of(WaterScope.TOTAL))
        assert row.water_after_l == pytest.approx(total)
    fleet_water = sum(row.water_after_l or 0.0 for row in view.efficiency)
    assert view.sums.water_after_l == pytest.approx(fleet_water)


def test_the_hours_add_up_to_the_table_with_the_water_of_hydropower(
    fleet: Fleet,
) -> None:
    without = view_of(fleet)
    with fleet.runtime.transaction() as session:
        change_terms(
            asking(session, fleet.actor(session)),
            changes={"counts_hydro_water": True},
            reason="Reservoirs evaporate.",
        )
        set_region(
            asking(session, fleet.actor(session)), "arizona", {"grid_hydro_frac": 0.2}
        )
    view = view_of(fleet)
    before, after = (
        next(row for row in found.efficiency if row.name == "Arizona")
        for found in (without, view)
    )
    assert (after.water_before_l or 0.0) > (before.water_before_l or 0.0)
    for item, row in zip(view.shown, view.efficiency, strict=True):
        total = sum(value or 0.0 for value in item.water_after_l.of(WaterScope.TOTAL))
        assert row.water_after_l == pytest.approx(total)


def test_without_a_shift_nothing_changes(fleet: Fleet) -> None:
    view = view_of(fleet, shift_pct=0.0)
    for row in (*view.efficiency, view.sums):
        assert row.water_before_l == row.water_after_l
        assert row.emissions_before_kgco2e == row.emissions_after_kgco2e


def test_regions_that_cannot_be_are_refused(fleet: Fleet) -> None:
    with pytest.raises(NotFound, match="atlantis"):
        view_of(fleet, source_slug="atlantis")
    with pytest.raises(InvalidInput, match="different"):
        view_of(fleet, target_slug="arizona")


def test_the_load_as_it_is_now_stands_beside_that_with_what_is_recorded(
    fleet: Fleet,
) -> None:
    for slug in ("arizona", "ireland"):
        set_limit(fleet, slug, 80.0)
    card = evaluated(fleet)
    assert recorded(fleet, card, fleet.runtime.clock()).card is not None

    promised = view_of(fleet, local_day=None, shift_pct=10.0)
    now = view_of(fleet, local_day=None, shift_pct=10.0, ground=Ground.NOW)

    assert [sums.ground for sums in promised.grounds] == list(Ground)
    assert promised.grounds == now.grounds
    source, as_now = (
        next(x for x in view.shown if x.role is ShiftRole.SOURCE)
        for view in (promised, now)
    )
    np.testing.assert_allclose(
        source.it_load_before_mw, 0.8 * np.array(as_now.it_load_before_mw)
    )
    # A share is of the load before all decisions on both grounds.
    moved = [
        np.subtract(item.it_load_before_mw, item.it_load_after_mw)
        for item in (source, as_now)
    ]
    np.testing.assert_allclose(*moved)
    assert view_of(fleet).grounds == ()
