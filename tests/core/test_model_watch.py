"""The watch of serving models: seldom wrong, and soon right."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from benchmarks.model_watch import alarms, simulated
from core.model_gate import COVERAGE_SLACK
from core.model_watch import ALARM_DAYS, MOST_EVIDENCE, Evidence, combined

ALPHA = Decimal("0.05")


@pytest.mark.parametrize("n_scores", [60, 365, 10_000])
def test_a_bet_is_not_favourable_while_nothing_changes(n_scores: int) -> None:
    """From no evidence the next is what the bet gains."""
    ranks = np.arange(1, n_scores + 2) / (n_scores + 1)
    gains = [
        Evidence().after(p_value=float(rank), is_missed=False, alpha=ALPHA).scores
        for rank in ranks
    ]
    assert np.mean(np.square(gains)) <= 1.0


@pytest.mark.parametrize("alpha", [Decimal("0.01"), ALPHA, Decimal("0.5")])
def test_misses_as_frequent_as_the_gate_bears_gain_nothing(alpha: Decimal) -> None:
    missed, kept = (
        Evidence().after(p_value=1.0, is_missed=is_missed, alpha=alpha).misses
        for is_missed in (True, False)
    )
    risk = float(alpha) + COVERAGE_SLACK
    assert risk * missed + (1 - risk) * kept == pytest.approx(1.0)
    assert missed > 1.0 > kept


def test_a_decade_that_does_not_change_raises_no_alarm() -> None:
    random = np.random.default_rng(3)
    for lasting in (0.0, 0.3):
        scores = simulated(3_650, lasting=lasting, random=random)
        n_alarms, _, largest = alarms(scores, since=0, every_h=8)
        assert n_alarms == 0
        assert largest < ALARM_DAYS


def test_scores_above_all_before_are_found_within_ten_days() -> None:
    scores = simulated(500, lasting=0.3, random=np.random.default_rng(4))
    scores[400 * 24 :] += 8.0
    n_alarms, first, _ = alarms(scores, since=400 * 24, every_h=4)
    assert n_alarms >= 1
    assert first is not None
    assert first <= 410 * 24


def test_evidence_stays_finite_and_needs_both() -> None:
    most = Evidence(scores=MOST_EVIDENCE, misses=MOST_EVIDENCE)
    assert most.after(p_value=0.001, is_missed=True, alpha=ALPHA) == most
    assert combined([]) == 0.0
    assert combined([Evidence(scores=1e6)]) == 0.0
    assert combined([Evidence(misses=1e6)]) == 0.0
