"""The watch of serving models: seldom wrong, and soon right."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from benchmarks.model_watch import alarms, simulated, skill_delay, skill_run
from core.model_gate import COVERAGE_SLACK
from core.model_watch import (
    ALARM_DAYS,
    MOST_EVIDENCE,
    Evidence,
    combined,
    fleet_p_value,
    log_error_ratios,
    skill_evidence,
)

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


def paired(n_days: int, n_regions: int, seed: int) -> np.ndarray:
    """Ratios of errors as they are on real days: each region has a level of its own."""
    random = np.random.default_rng(seed)
    level = random.normal(0.0, 0.05, n_regions)
    return level + random.normal(0.0, 0.17, (n_days, n_regions))


def test_lost_skill_is_found_over_a_fleet_within_thirty_days() -> None:
    ratios = paired(500, 6, seed=5)
    delay = skill_delay(ratios, skill_run(ratios), 400)
    assert delay is not None
    assert delay <= 30
    alone = ratios[:, :1]
    later = skill_delay(alone, skill_run(alone), 400)
    assert later is None or later > delay


def test_a_fleet_that_does_not_change_raises_no_alarm_in_a_decade() -> None:
    n_alarms, evidence = skill_run(paired(3_650, 3, seed=6))
    assert n_alarms == 0
    assert max(evidence) < ALARM_DAYS


def test_a_bet_on_the_errors_of_a_fleet_is_not_favourable() -> None:
    ranks = np.arange(1, 367) / 366
    assert np.mean([skill_evidence(0.0, rank) for rank in ranks]) <= 1.0


def test_the_weather_s_difficulty_cancels() -> None:
    came = np.zeros((2, 24))
    hard = np.array([[1.0], [9.0]])
    ratios = log_error_ratios(came + 1.2 * hard, came - hard, came)
    np.testing.assert_allclose(ratios, np.log(1.2))
    assert np.isnan(log_error_ratios(came, came * np.nan, came)).all()
    # A perfect day says no more than a sensor's resolution.
    assert np.isfinite(log_error_ratios(came, came + 1.0, came)).all()


def test_a_region_counts_beside_its_own_past_and_once_it_has_one() -> None:
    ratios = paired(100, 3, seed=7)
    ratios[:, 2] += 1.0
    before = fleet_p_value(ratios)
    ratios[:30, 2] = np.nan
    ratios[:95, 1] = np.nan
    ratios[-1, 1] = 5.0  # five days of a past are none
    after = fleet_p_value(ratios)
    assert before is not None
    assert after is not None
    assert before > 0.02
    assert after > 0.02
    ratios[-1] = np.nan
    assert fleet_p_value(ratios) is None
    assert fleet_p_value(ratios[:5]) is None
