"""Has a serving model lost its coverage? Evidence gathered window by window.

Two questions are asked of each finished window, and an alarm needs both answers. Did
its conformity score rank as high among those before it as where nothing changed? Was
the bound that was served exceeded no more often than the gate would bear? A bet on the
contrary multiplies the evidence, and a new bet is opened with each window, so that a
change is found whenever it comes: Shiryaev-Roberts e-detectors. On data that do not
change, the mean time to a false alarm is at least the threshold, in windows of one hour
of issue, that is in days. The lesser of two e-detectors, and the mean of any number,
have that property too.

Scores alone would also tell of a change that the bound's tracking makes up for, misses
alone of a run of bad luck that the scores explain.

References: Shin, Ramdas & Rinaldo (2024), E-detectors: a nonparametric framework for
sequential change detection, New England J. Stat. Data Sci. 2(2); Vovk, Nouretdinov &
Gammerman (2003), Testing exchangeability on-line, ICML (power martingales).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.model_gate import COVERAGE_SLACK

ALARM_DAYS = 3_650.0
"""Evidence that raises an alarm: one false alarm in ten years of a region at most."""

MOST_EVIDENCE = 1e12
"""Evidence is not counted further: it has to be finite."""

POWERS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Bets on ranks by which the stake is spread: small ones win most on scores above all
before, large ones on scores that are a little too high too often. Assumed."""

MISSES_MORE = (0.05, 0.15, 0.35, 0.7)
"""Bets on misses, as shares of the way from the allowed risk to a miss each day.
Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Evidence that a model has lost its coverage, by scores and by misses; >= 0."""

    scores: float = 0.0
    misses: float = 0.0

    def after(self, *, p_value: float, is_missed: bool, alpha: Decimal) -> Evidence:
        """The evidence after one more window.

        Parameters
        ----------
        p_value : float
            Of `rank_p_value`.
        is_missed : bool
            Whether the day's maximum exceeded the bound that was served.
        alpha : Decimal
            Risk at which that bound was stated.

        Examples
        --------
        >>> before = Evidence(scores=2.0, misses=2.0)
        >>> after = before.after(p_value=0.003, is_missed=True, alpha=Decimal("0.05"))
        >>> round(after.misses, 1)
        15.5
        """
        return Evidence(
            scores=min(_rank_gain(p_value) * (self.scores + 1.0), MOST_EVIDENCE),
            misses=min(
                _miss_gain(is_missed, float(alpha)) * (self.misses + 1.0), MOST_EVIDENCE
            ),
        )


def combined(found: Collection[Evidence]) -> float:
    """Evidence of several hours of issue or regions as one figure; 0 without any.

    Examples
    --------
    >>> combined([Evidence(scores=8.0, misses=0.0), Evidence(scores=2.0, misses=3.0)])
    1.5
    """
    if not found:
        return 0.0
    scores = math.fsum(one.scores for one in found) / len(found)
    return min(scores, math.fsum(one.misses for one in found) / len(found))


def rank_p_value(score: float, ordered_scores: Sequence[float]) -> float:
    """Share of the scores, this one among them, that are at least as high; (0, 1].

    Parameters
    ----------
    ordered_scores : sequence of float, length n
        Of the windows before, ascending.

    Examples
    --------
    >>> rank_p_value(2.5, [0.0, 1.0, 2.0]), rank_p_value(0.0, [0.0, 1.0, 2.0])
    (0.25, 1.0)
    """
    n_higher = len(ordered_scores) - bisect_left(ordered_scores, score)
    return (1 + n_higher) / (len(ordered_scores) + 1)


def _rank_gain(p_value: float) -> float:
    """What bets on high scores multiply the evidence by; at most 1 in the mean.

    The mean of the bets over ranks that are equally likely is at most 1. Its square
    root is less: weather lasts for days, so that following windows say the same twice.

    Examples
    --------
    >>> round(_rank_gain(1 / 366), 1), round(_rank_gain(1.0), 2)
    (3.3, 0.71)
    """
    gains = [power * p_value ** (power - 1.0) for power in POWERS]
    return math.sqrt(math.fsum(gains) / len(gains))


def _miss_gain(is_missed: bool, alpha: float) -> float:
    """What bets on misses multiply the evidence by; at most 1 in the mean.

    Misses may be as frequent as the gate bears, `COVERAGE_SLACK` above the risk.

    Examples
    --------
    >>> round(_miss_gain(True, 0.05), 1), round(_miss_gain(False, 0.05), 2)
    (5.2, 0.69)
    """
    risk = min(alpha + COVERAGE_SLACK, 0.99)
    likely = [risk + share * (1.0 - risk) for share in MISSES_MORE]
    gains = [p / risk if is_missed else (1.0 - p) / (1.0 - risk) for p in likely]
    return math.fsum(gains) / len(gains)
