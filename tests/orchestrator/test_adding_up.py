"""Recorded decisions add up at both ends, whoever records them and how."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import text

from core.errors import InvalidInput
from core.scheduler import Outcome, ReasonCode
from db import decisions, policies, regions
from db.engine import make_engine
from orchestrator.decisions import recording
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.views import DecisionCard, DecisionChart, RecordOutcome
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.plans import planning
from orchestrator.plans.terms import PlanTerms
from orchestrator.regions.changes import set_region
from orchestrator.regions.policies import change_terms
from tests.asking import asking
from tests.fleet import Fleet
from tests.stored_bounds import bound_after_rise_c

pytestmark = pytest.mark.slow


def _limit(fleet: Fleet, slug: str, limit_c: float) -> None:
    with fleet.runtime.transaction() as session:
        policies.insert_policy(
            session,
            region_id=regions.region_by_slug(session, slug).region_id,
            values={"thermal_limit_c": limit_c},
            actor_id=fleet.actor(session).user_id,
            reason="test",
        )


def _limit_of(fleet: Fleet, slug: str) -> float:
    with fleet.runtime.transaction() as session:
        region_id = regions.region_by_slug(session, slug).region_id
        return policies.effective_policy(session, region_id).thermal_limit_c


def _bound(fleet: Fleet, slug: str) -> float:
    with fleet.runtime.transaction() as session:
        rows = fleet_view(asking(session, fleet.actor(session))).rows
    (bound,) = [row.day_bound_c for row in rows if row.region.slug == slug]
    assert bound is not None
    return bound


def _try(fleet: Fleet, source: str, shift_pct: float) -> DecisionCard:
    with fleet.runtime.transaction() as session:
        return recording.evaluate(
            asking(session, fleet.actor(session), request_id=uuid4()),
            source_slug=source,
            target_slug="ireland",
            local_day=None,
            shift_pct=shift_pct,
        )


def _record(fleet: Fleet, card: DecisionCard) -> RecordOutcome:
    with fleet.runtime.transaction() as session:
        return recording.record(
            asking(session, fleet.actor(session), request_id=uuid4()),
            what_if_id=card.decision_id,
            comment="",
        )


def _charts(fleet: Fleet, card: DecisionCard) -> tuple[DecisionChart, ...]:
    with fleet.runtime.transaction() as session:
        detail = decision_detail(
            asking(session, fleet.actor(session)), card.decision_id
        )
    return detail.charts


@pytest.fixture
def narrow(fleet: Fleet) -> Fleet:
    """Ireland has one degree of room, and nobody else is near a limit."""
    _limit(fleet, "ireland", _bound(fleet, "ireland") + 1.0)
    for slug in ("arizona", "wyoming"):
        _limit(fleet, slug, 80.0)
    return fleet


def _room_pct(fleet: Fleet, source: str) -> float:
    room = _try(fleet, source, 0.0).maximum_safe_shift_pct
    assert room is not None
    assert room > 1.0
    return room


def test_two_sources_cannot_both_have_more_than_half_of_the_room(
    narrow: Fleet,
) -> None:
    cards = [
        _try(narrow, source, round(0.5 * _room_pct(narrow, source) + 0.2, 1))
        for source in ("arizona", "wyoming")
    ]
    assert [card.verdict.outcome for card in cards] == [Outcome.APPROVED] * 2

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda card: _record(narrow, card), cards))

    assert sorted(outcome.card is not None for outcome in outcomes) == [False, True]
    (refused,) = [o.changed for o in outcomes if o.card is None]
    assert refused is not None
    assert refused.reason_code is ReasonCode.TARGET_OVER_LIMIT


def test_two_halves_of_the_room_fill_it_and_no_more(narrow: Fleet) -> None:
    for source in ("arizona", "wyoming"):
        half = int(10 * 0.5 * _room_pct(narrow, source)) / 10
        if source == "wyoming":
            # What is left by now is the second half of what there was.
            half = int(10 * _room_pct(narrow, source)) / 10
        assert _record(narrow, _try(narrow, source, half)).card is not None
    left = _try(narrow, "arizona", 0.0)

    limit_c = _limit_of(narrow, "ireland")
    assert left.target_bound_before_c is not None
    assert limit_c - 0.05 <= left.target_bound_before_c <= limit_c
    assert left.maximum_safe_shift_pct is not None
    assert left.maximum_safe_shift_pct <= 0.2
    assert _try(narrow, "arizona", 1.0).verdict.outcome is Outcome.BLOCKED


def test_in_two_steps_a_shift_heats_and_cools_as_in_one(narrow: Fleet) -> None:
    room = _room_pct(narrow, "arizona")
    whole = _try(narrow, "arizona", round(0.8 * room, 1))
    first = _try(narrow, "arizona", round(0.4 * room, 1))
    assert _record(narrow, first).card is not None
    second = _try(narrow, "arizona", whole.shift_pct - first.shift_pct)

    assert second.target_bound_after_c == pytest.approx(
        whole.target_bound_after_c, abs=1e-9
    )
    assert second.source_bound_after_c == pytest.approx(
        whole.source_bound_after_c, abs=1e-9
    )
    for one, other in zip(_charts(narrow, second), _charts(narrow, whole), strict=True):
        assert one.after_c == pytest.approx(other.after_c, abs=1e-9)


def test_the_curve_of_a_decision_moves_with_its_bound(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        change_terms(
            asking(session, fleet.actor(session)),
            changes={"migration_energy_frac": 0.1},
            reason="test",
        )
    card = _try(fleet, "arizona", 10.0)
    source, target = _charts(fleet, card)
    for chart in (source, target):
        moved_c = np.subtract(chart.after_c, chart.mean_c)
        with fleet.runtime.transaction() as session:
            issue = decisions.decision_by_id(session, card.decision_id).facts
            expected = bound_after_rise_c(
                session, chart.region.slug, issue.window_start_utc, moved_c
            )
        assert moved_c.any()
        assert chart.bound_after_c == pytest.approx(expected, abs=1e-9)
        assert chart.bound_after_c != chart.bound_before_c


def test_a_plan_and_a_shift_do_not_fill_the_same_room(narrow: Fleet) -> None:
    shift = _try(narrow, "wyoming", round(0.9 * _room_pct(narrow, "wyoming"), 1))
    _limit(narrow, "arizona", _bound(narrow, "arizona") - 5.0)
    # Wyoming takes what its cool hours can, and the rest goes to Ireland.
    _limit(narrow, "wyoming", _bound(narrow, "wyoming"))
    with narrow.runtime.transaction() as session:
        plan = planning.find_plan(
            asking(session, narrow.actor(session), request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=None,
        )
    assert "ireland" in {transfer.target.slug for transfer in plan.transfers}

    def record_plan() -> bool:
        with narrow.runtime.transaction() as session:
            outcome = planning.record_plan(
                asking(session, narrow.actor(session), request_id=uuid4()),
                plan_id=plan.plan_id,
                comment="",
            )
            return bool(outcome.cards)

    def record_shift() -> bool:
        return _record(narrow, shift).card is not None

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(record_plan), pool.submit(record_shift)]
        passed = [future.result() for future in futures]

    assert sorted(passed) == [False, True]
    assert _bound(narrow, "ireland") <= _limit_of(narrow, "ireland")


def test_two_kinds_of_carbon_are_not_added(fleet: Fleet) -> None:
    """A direct intensity against a life-cycle one: no emissions, and it is said."""
    owner = replace(fleet.runtime, engine=make_engine(fleet.urls.owner))
    with owner.transaction() as session:
        session.execute(
            text(
                "insert into ingest_batch (source_label, format, content_sha256,"
                " origin, quantities, rows_read, rows_inserted, rows_updated,"
                " rows_unchanged, rows_refused, actor_id, region_slugs, carbon_kind)"
                " select source_label, format, content_sha256, origin, quantities,"
                " rows_read, rows_inserted, rows_updated, rows_unchanged, rows_refused,"
                " actor_id, '{ireland}', 'direct average' from ingest_batch limit 1"
            )
        )
        session.execute(
            text(
                "update telemetry set carbon_intensity_gco2_kwh_batch_id ="
                " (select max(id) from ingest_batch) where region_id ="
                " (select id from region where slug = 'ireland')"
            )
        )

    card = _try(fleet, "arizona", 5.0)

    rows = {row.label: row for row in card.impact}
    assert rows["Carbon"].fleet_after is None
    assert rows["Facility energy"].fleet_after is not None
    assert (
        "Carbon intensity is life-cycle average in Arizona and direct average in"
        " Ireland: emissions are not compared."
    ) in card.impact_notes
    with (
        fleet.runtime.transaction() as session,
        pytest.raises(InvalidInput, match="import the same kind for all"),
    ):
        planning.find_plan(
            asking(session, fleet.actor(session), request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=None,
        )
    with owner.transaction() as session:
        session.execute(
            text(
                "update telemetry set carbon_intensity_gco2_kwh_batch_id = 1"
                " where extract(hour from hour_utc) = 3"
            )
        )
    owner.engine.dispose()

    mixed = _try(fleet, "arizona", 6.0)

    rows = {row.label: row for row in mixed.impact}
    assert rows["Carbon"].fleet_after is None
    assert rows["Carbon"].source_before is not None
    assert rows["Carbon"].target_before is None
    assert (
        "Carbon intensity of Ireland is direct average, life-cycle average in the hours"
        " that this rests on: its emissions are not added up. Import one kind for all"
        " hours."
    ) in mixed.impact_notes


def test_terms_of_moving_load_show_in_the_impact(fleet: Fleet) -> None:
    before = _try(fleet, "arizona", 5.0)
    with fleet.runtime.transaction() as session:
        change_terms(
            asking(session, fleet.actor(session)),
            changes={
                "migration_energy_frac": 0.1,
                "migration_usd_per_mwh": 2.0,
                "counts_hydro_water": True,
            },
            reason="test",
        )
        set_region(
            asking(session, fleet.actor(session)), "ireland", {"grid_hydro_frac": 0.2}
        )
    after = _try(fleet, "arizona", 5.0)

    plain, charged = ({r.label: r for r in card.impact} for card in (before, after))
    target_rise = [
        row["Facility energy"].target_after - row["Facility energy"].target_before
        for row in (plain, charged)
    ]
    assert target_rise[1] == pytest.approx(1.1 * target_rise[0])
    assert charged["Energy cost"].source_after > plain["Energy cost"].source_after
    ireland_mwh = plain["Facility energy"].target_before
    assert charged["Water off site"].target_before == pytest.approx(
        plain["Water off site"].target_before + 0.2 * 17.0 * 1000.0 * ireland_mwh
    )
    assert len([note for note in after.impact_notes if "hydropower" in note]) == 1
    assert any(note.startswith("Moving takes 10 %") for note in after.impact_notes)
    assert any("2 USD for each MWh moved" in note for note in after.impact_notes)
