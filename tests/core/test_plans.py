"""Transfers, several targets, and the agreement of plan, scheduler and shift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, NotFound
from core.hindsight import true_flows, true_totals
from core.optimizer import best_plan
from core.outcomes import ReasonCode
from core.placement import PlanPrices, PlanRules, placement, totals
from core.plans import PlanTransfer, judge_plan, spread, transfers
from core.scheduler import decide
from tests.core.conformal_cases import worst_hour_bound
from tests.core.outlook_cases import an_hour_at, an_outlook
from tests.core.placement_cases import a_fleet

FLOWS = st.lists(
    st.one_of(st.just(0.0), st.floats(0.01, 50.0)), min_size=4, max_size=4
).map(np.array)


@given(net=st.lists(FLOWS, min_size=3, max_size=3), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_transfers_give_and_get_what_the_plan_says(
    net: list[np.ndarray], seed: int
) -> None:
    """Any balanced flows come back, hour by hour, and nothing is lost on the way."""
    out = np.array(net).T
    in_mw = np.random.default_rng(seed).permuted(out, axis=0)
    slugs = ("a", "b", "c", "d")
    sent, received = np.zeros_like(out), np.zeros_like(out)
    for move in transfers(slugs, out, in_mw):
        sent[slugs.index(move.source)] += move.moved_mw
        received[slugs.index(move.target)] += move.moved_mw
    assert np.abs(sent - out).max() <= 1e-9
    assert np.abs(received - in_mw).max() <= 1e-9


@given(
    shift_pct=st.floats(0.1, 60.0),
    bound_c=st.floats(30.0, 38.0),
    target_bound_c=st.floats(30.0, 36.0),
    hour_mw=st.floats(5.0, 80.0),
)
@settings(max_examples=80, deadline=None)
def test_plan_and_scheduler_and_bound_agree_on_one_shift(
    shift_pct: float, bound_c: float, target_bound_c: float, hour_mw: float
) -> None:
    """One bound for all: a plan of one transfer is judged as the shift that it is."""
    source = an_outlook("texas", bound_c=bound_c, load_mw=an_hour_at(hour_mw))
    target = an_outlook("dublin", bound_c=target_bound_c, load_mw=30.0)
    verdict = decide(source, target, shift_pct)
    assert verdict.shift is not None
    move = PlanTransfer(
        source="texas", target="dublin", moved_mw=verdict.shift.moved_mw
    )

    judged = judge_plan([source, target], [move])

    part = judged.parts[0].verdict
    assert part.shift_pct == pytest.approx(shift_pct)
    for end, change in zip((source, target), judged.changes, strict=True):
        assert change.after is not None
        assert change.before is not None
        expected = worst_hour_bound(change.before.bound, change.rise_c)
        assert change.after.bound == pytest.approx(expected, abs=1e-9)
        assert change.outlook is end
    if abs((verdict.source_after or part.source_after).bound - 35.0) > 1e-9:  # type: ignore[union-attr]
        assert part.outcome is verdict.outcome
        assert part.reason_code is verdict.reason_code


def test_several_targets_get_their_shares_and_load_is_conserved() -> None:
    source = an_outlook("texas", bound_c=36.0, load_mw=an_hour_at(60.0))
    targets = [an_outlook(slug, bound_c=20.0) for slug in ("dublin", "oslo", "paris")]
    moves = spread(source, 20.0, {"dublin": 0.5, "oslo": 0.3, "paris": 0.2})

    judged = judge_plan([source, *targets], moves)

    left = source.it_load_mw - judged.change("texas").load_after_mw
    arrived = sum(
        judged.change(slug).load_after_mw - 40.0 for slug in ("dublin", "oslo", "paris")
    )
    assert np.abs(left - arrived).max() <= 1e-9
    assert left == pytest.approx(0.2 * source.it_load_mw, abs=1e-12)
    shares = [move.moved_mw.sum() / left.sum() for move in moves]
    assert shares == pytest.approx([0.5, 0.3, 0.2])
    assert all(part.verdict.is_approved for part in judged.parts)
    assert judged.change("texas").blocked_by_c == 0.0


def test_each_target_is_judged_after_all_that_it_gets() -> None:
    """Two sources that a target could take one by one, but not together."""
    sources = [an_outlook(slug, bound_c=36.0) for slug in ("texas", "phoenix")]
    target = an_outlook("dublin", bound_c=33.0)
    one = spread(sources[0], 30.0, {"dublin": 1.0})
    other = spread(sources[1], 30.0, {"dublin": 1.0})

    alone = judge_plan([*sources, target], one)
    both = judge_plan([*sources, target], [*one, *other])

    assert alone.parts[0].verdict.is_approved
    assert {part.verdict.reason_code for part in both.parts} == {
        ReasonCode.TARGET_OVER_LIMIT
    }


def test_migration_energy_heats_and_fills_the_target() -> None:
    source = an_outlook("texas", bound_c=36.0)
    target = an_outlook("dublin", bound_c=20.0, capacity_mw=50.5)
    move = spread(source, 25.0, {"dublin": 1.0})
    without = judge_plan([source, target], move)
    with_energy = judge_plan([source, target], move, migration_energy_frac=0.1)

    assert without.parts[0].verdict.is_approved
    assert with_energy.change("dublin").in_mw == pytest.approx(np.full(24, 11.0))
    assert with_energy.change("dublin").rise_c[0] == pytest.approx(0.05 * 27.5)
    assert with_energy.parts[0].verdict.reason_code is ReasonCode.TARGET_OVER_CAPACITY


def test_no_hour_gives_more_than_may_leave() -> None:
    source = an_outlook("texas", bound_c=30.0, flexible_frac=0.5)
    target = an_outlook("dublin", bound_c=20.0)
    moved = np.zeros(24)
    moved[3] = 21.0
    judged = judge_plan(
        [source, target],
        [PlanTransfer(source="texas", target="dublin", moved_mw=moved)],
    )
    verdict = judged.parts[0].verdict
    assert verdict.reason_code is ReasonCode.SHIFT_EXCEEDS_FLEXIBLE
    assert "in some hour" in verdict.reason_text


@pytest.mark.parametrize(
    ("shares", "shift_pct", "sentence"),
    [
        ({}, 10.0, "Each target needs a share"),
        ({"dublin": 0.4}, 10.0, "sum to 0.4"),
        ({"dublin": 1.5, "oslo": -0.5}, 10.0, "between 0 and 1"),
        ({"dublin": float("nan")}, 10.0, "between 0 and 1"),
        ({"dublin": 1.0}, 101.0, "outside 0 to 100"),
        ({"dublin": 1.0}, float("nan"), "outside 0 to 100"),
    ],
)
def test_impossible_shares_are_refused(
    shares: dict[str, float], shift_pct: float, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        spread(an_outlook("texas"), shift_pct, shares)


def test_impossible_transfers_are_refused() -> None:
    texas, dublin = an_outlook("texas"), an_outlook("dublin")
    blind = replace(dublin, it_load_mw=an_hour_at(np.nan))

    def move(source: str, target: str, moved: np.ndarray) -> PlanTransfer:
        return PlanTransfer(source=source, target=target, moved_mw=moved)

    ones = np.ones(24)
    for outlooks, transfer, error, sentence in (
        ([texas, dublin], move("texas", "texas", ones), InvalidInput, "to itself"),
        ([texas, dublin], move("texas", "oslo", ones), NotFound, "oslo"),
        ([texas, dublin], move("texas", "dublin", -ones), InvalidInput, "-1 MW"),
        ([texas, dublin], move("texas", "dublin", ones[:3]), InvalidInput, "hours"),
        ([texas, blind], move("texas", "dublin", ones), InvalidInput, "not known"),
    ):
        with pytest.raises(error, match=sentence):
            judge_plan(outlooks, [transfer])


def test_hindsight_keeps_shares_and_conserves_load() -> None:
    fleet = a_fleet(3, seed=5, hot_frac=0.0)
    known = placement(fleet)
    roomy = replace(known, capacity_mw=known.capacity_mw + 100.0)
    truth = replace(roomy, load_mw=known.load_mw * 1.1)
    out = 0.1 * known.load_mw
    out[1:] = 0.0
    in_mw = np.zeros_like(out)
    in_mw[1:] = out[0] / 2.0

    same = true_totals(known, roomy, out, in_mw)
    came = true_totals(known, truth, out, in_mw)

    expected = totals(known, known.load_mw - out + in_mw, float(in_mw.sum()))
    assert same.carbon_t == pytest.approx(expected.carbon_t)
    assert came.moved_mwh == pytest.approx(1.1 * same.moved_mwh)
    assert came.carbon_t == pytest.approx(1.1 * same.carbon_t)
    with pytest.raises(InvalidInput, match="same regions"):
        true_totals(known, placement(fleet[:2]), out, in_mw)


@pytest.mark.parametrize("frac", [0.0, 0.05])
def test_in_hindsight_nobody_gets_more_than_there_was_room_for(frac: float) -> None:
    fleet = a_fleet(4, seed=7, hot_frac=0.0)
    known = placement(fleet)
    plan = best_plan(known, PlanPrices(), PlanRules(migration_energy_frac=frac))
    truth = replace(known, load_mw=known.load_mw * 1.04)
    out, inward = true_flows(
        known, truth, plan.out_mw, plan.in_mw, migration_energy_frac=frac
    )

    assert np.abs(out.sum(axis=0) - inward.sum(axis=0)).max() <= 1e-9
    load = truth.load_mw - out + (1.0 + frac) * inward
    taken = inward > 0.0
    capacity = np.broadcast_to(truth.capacity_mw[:, None], load.shape)
    assert taken.any()
    assert (load[taken] <= capacity[taken] + 1e-9).all()
    assert ((1.0 + frac) * inward <= np.maximum(truth.room_mw, 0.0) + 1e-9).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_pair_that_can_exchange_most_comes_first(seed: int) -> None:
    """As by looking at every pair before each step."""
    random = np.random.default_rng(seed)
    net = np.round(random.normal(size=(9, 4)) * random.integers(0, 2, (9, 4)), 1)
    out, inward = np.maximum(-net, 0.0), np.maximum(net, 0.0)
    left, room = out.copy(), inward.copy()
    expected: dict[tuple[str, str], np.ndarray] = {}
    while True:
        exchanged = np.array([np.minimum(row, room).sum(axis=1) for row in left])
        giver, taker = np.unravel_index(exchanged.argmax(), exchanged.shape)
        if exchanged[giver, taker] == 0.0:
            break
        amount = np.minimum(left[giver], room[taker])
        expected[f"r{giver}", f"r{taker}"] = amount
        left[giver] -= amount
        room[taker] -= amount

    moves = transfers([f"r{row}" for row in range(9)], out, inward)

    assert {(move.source, move.target) for move in moves} == set(expected)
    for move in moves:
        np.testing.assert_array_equal(move.moved_mw, expected[move.source, move.target])


def test_a_long_fleet_exchanges_in_parts_and_then_what_they_leave() -> None:
    """All that is given is sent, all that is taken arrives, in few pairs."""
    random = np.random.default_rng(3)
    net = np.round(random.normal(size=(700, 4)), 3)
    net -= net.mean(axis=0)
    out, inward = np.maximum(-net, 0.0), np.maximum(net, 0.0)
    slugs = [f"r{row}" for row in range(len(net))]
    rows = {slug: row for row, slug in enumerate(slugs)}

    moves = transfers(slugs, out, inward)

    sent, received = np.zeros_like(out), np.zeros_like(out)
    for move in moves:
        sent[rows[move.source]] += move.moved_mw
        received[rows[move.target]] += move.moved_mw
    assert np.abs(sent - out).max() <= 1e-9
    assert np.abs(received - inward).max() <= 1e-9
    assert len({(move.source, move.target) for move in moves}) == len(moves)
    assert len(moves) <= 3 * len(slugs)
