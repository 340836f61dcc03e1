"""Decisions that carry out a plan replay like any other, with all the plan did."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import numpy as np
import pytest

from db import decisions
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.records import read_inputs
from orchestrator.decisions.replay import replay_rules
from orchestrator.plans import planning
from orchestrator.plans.terms import PlanTerms
from tests.asking import asking
from tests.fleet import Fleet
from tests.orchestrator.test_decision_replay import (
    change_decision,
    fields,
    replay_one,
    tamper,
)
from tests.stored_bounds import bound_after_rise_c

pytestmark = pytest.mark.slow

A_PAST_DAY = date(2025, 5, 20)


def carry_out(fleet: Fleet, day: date | None = None) -> list[int]:
    """Find and record a plan; the decisions that carry it out."""
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        plan = planning.find_plan(
            asking(session, actor, request_id=uuid4()),
            terms=PlanTerms(),
            anchor_slug="arizona",
            local_day=day,
        )
        outcome = planning.record_plan(
            asking(session, actor, request_id=uuid4()),
            plan_id=plan.plan_id,
            comment="agreed",
        )
    assert outcome.cards, outcome.changed
    return [card.decision_id for card in outcome.cards]


@pytest.mark.parametrize("day", [None, A_PAST_DAY], ids=["live", "a past day"])
def test_every_decision_of_a_plan_replays_with_its_model_and_without(
    fleet: Fleet, day: date | None
) -> None:
    for decision_id in carry_out(fleet, day):
        with fleet.runtime.transaction() as session:
            stored = decisions.decision_by_id(session, decision_id)
            rules = replay_rules(session, stored)
        plan = read_inputs(stored.facts.inputs_text).plan
        assert plan is not None
        assert plan.moved_mw.sum() > 0.0, "it carries something out"
        assert rules.is_same, rules.differences
        whole = replay_one(fleet, decision_id)
        assert whole.is_same, whole.differences


def test_the_curves_of_a_plan_decision_move_as_the_whole_plan_moves_them(
    fleet: Fleet,
) -> None:
    for decision_id in carry_out(fleet):
        with fleet.runtime.transaction() as session:
            detail = decision_detail(asking(session, fleet.actor(session)), decision_id)
            issue = decisions.decision_by_id(session, decision_id).facts
            assert len(detail.charts) == 2
            for chart in detail.charts:
                # No decision came before: the bound moves with the whole plan's rise.
                moved_c = np.subtract(chart.after_c, chart.mean_c)
                expected = bound_after_rise_c(
                    session, chart.region.slug, issue.window_start_utc, moved_c
                )
                assert moved_c.any()
                assert chart.bound_after_c == pytest.approx(expected, abs=1e-6)


def test_a_plan_decision_stays_the_same_when_the_fleet_moves_on(fleet: Fleet) -> None:
    first = carry_out(fleet)
    tamper(fleet, "region", "update region set it_capacity_mw = 1, name = 'Elsewhere'")
    assert all(replay_one(fleet, decision_id).is_same for decision_id in first)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("source_bound_after_c = source_bound_after_c - 0.1", "source_bound_after_c"),
        ("target_bound_after_c = target_bound_after_c - 0.1", "target_bound_after_c"),
        ("shift_pct = shift_pct / 2", "shift_pct"),
        (
            "impact = jsonb_set(impact, '{quantities,cost_usd,fleet_after}', '1')",
            "impact cost_usd: fleet_after",
        ),
        ("reason_text = 'All is well.'", "record"),
        ("plan_id = null", "record"),
    ],
)
def test_a_changed_plan_decision_is_named_field_by_field(
    fleet: Fleet, change: str, expected: str
) -> None:
    decision_id = carry_out(fleet)[0]
    change_decision(fleet, decision_id, change)

    found = fields(replay_one(fleet, decision_id))

    assert found == {expected, "record"}


def test_load_that_was_moved_elsewhere_is_found(fleet: Fleet) -> None:
    """The transfers are part of the record: what later decisions add up is proven."""
    decision_id = carry_out(fleet)[0]
    tamper(
        fleet,
        "decision_transfer",
        "update decision_transfer set moved_mw = moved_mw / 2,"  # noqa: S608
        f" arrived_mw = arrived_mw / 2 where decision_id = {decision_id}",
    )

    assert fields(replay_one(fleet, decision_id)) == {"record"}


def test_other_inputs_of_a_plan_are_found_by_their_hash_and_by_what_follows(
    fleet: Fleet,
) -> None:
    decision_id = carry_out(fleet)[0]
    change_decision(
        fleet,
        decision_id,
        # The first hour's change of the source's load, another digit in front.
        "inputs_text = regexp_replace(inputs_text,"
        """ '"source_change_mw":\\["-?', '"source_change_mw":["-9')""",
    )

    found = fields(replay_one(fleet, decision_id))

    assert {"inputs_sha256", "record", "reason_code"} <= found
