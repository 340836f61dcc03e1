"""Has a serving model lost its coverage? Evidence gathered window by window.

Two questions are asked of each finished window, and an alarm needs both answers. Did
its conformity score rank as high among those before it as where nothing changed? Was
the bound that was served exceeded no more often than the gate would bear? A bet on the
contrary multiplies the evidence, and a new bet is opened with each window, so that a
change is found whenever it comes: Shiryaev-Roberts e-detectors. On data that do not
change, the mean time to a false alarm is at least the threshold, in windows of one hour
of issue, that is in days. The lesser of two e-detectors, and the mean of any number,
have that property too.

A third question is asked of the whole fleet, once a day: were the errors of its hours,
beside those of the portal's plain model on the same windows, larger than they were? The
weather's difficulty is the same for both and cancels; the mean over the regions is
ranked among the same mean of the days before, which hold what dependence there is
between regions. It tells of lost skill that no region alone could show.

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
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from core.aliases import FloatArray
from core.conformity import MINIMUM_SCORES
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

SKILL_EVERY_H = 4
"""Of the issues at every so many hours of a UTC day errors are compared: those between
share most of their windows."""

SKILL_DAYS = 365
"""Days before one among which it is ranked."""

SETTLED_AFTER = timedelta(days=4)
"""A UTC day is counted so long after its start: the windows of its issues have ended,
and each is scored or was given up (`orchestrator.forecasts.scoring`)."""

SKILL_STAKE, RANK_STAKE = 0.7, 0.5
"""Powers of what bets on ranks gain. Weather lasts for days, so that following windows
say the same twice; 1 would be right for independent ones. Paired errors depend less:
those of a region and the next day's are correlated by 0.03 to 0.12."""

LEAST_ERROR_C = 0.1
"""Smaller errors are the resolution of a sensor."""


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
            scores=_after_rank(self.scores, p_value, RANK_STAKE),
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


def compares_skill(issued_at_utc: datetime) -> bool:
    """Whether a window issued at this UTC hour counts for the skill of its model."""
    return issued_at_utc.hour % SKILL_EVERY_H == 0


def log_error_ratios(
    mean_c: FloatArray, plain_c: FloatArray, observed_c: FloatArray
) -> FloatArray:
    """Logarithm of a model's error over that of the plain model, shape (n,).

    Errors are root mean squares over the hours of a window. NaN where an hour of either
    forecast, or what came, is not known.

    Parameters
    ----------
    mean_c, plain_c, observed_c : ndarray, shape (n, n_hours)

    Examples
    --------
    >>> came = np.zeros((1, 2))
    >>> log_error_ratios(came + 2.0, came + 1.0, came).round(2)
    array([0.69])
    """
    model_c, other_c = (
        np.maximum(np.sqrt(np.mean((hours - observed_c) ** 2, axis=1)), LEAST_ERROR_C)
        for hours in (mean_c, plain_c)
    )
    ratios: FloatArray = np.log(model_c / other_c)
    return ratios


def fleet_p_value(log_ratios: FloatArray) -> float | None:
    """Share of days whose errors, over the fleet, were as large as the newest day's.

    Each region counts as what it differs from its own mean of before, and with at least
    `MINIMUM_SCORES` days of before.

    Parameters
    ----------
    log_ratios : ndarray, shape (n_days, n_regions)
        Means of `log_error_ratios` by day and region, the newest day last; NaN where
        unknown.

    Returns
    -------
    float | None
        None where no region is known on the newest day with enough days before.

    Examples
    --------
    >>> days = np.tile([[0.1, -0.2], [0.0, -0.1]], (50, 1))
    >>> fleet_p_value(np.vstack((days, [[0.4, 0.2]]))) == 1 / 101
    True
    """
    known = np.isfinite(log_ratios)
    counted = known[-1] & (known[:-1].sum(axis=0) >= MINIMUM_SCORES)
    if not counted.any():
        return None
    ratios, is_known = log_ratios[:, counted], known[:, counted]
    usual = np.nanmean(ratios[:-1], axis=0)
    excess = np.where(is_known, ratios - usual, 0.0).sum(axis=1)
    n_known = is_known.sum(axis=1)
    means = excess[n_known > 0] / n_known[n_known > 0]
    return rank_p_value(float(means[-1]), sorted(means[:-1].tolist()))


def skill_evidence(before: float, p_value: float) -> float:
    """Evidence of lost skill after one more day, from that of before, >= 0.

    Parameters
    ----------
    p_value : float
        Of `fleet_p_value`.

    Examples
    --------
    >>> round(skill_evidence(0.0, 1 / 366), 1), round(skill_evidence(9.0, 0.5), 1)
    (5.3, 7.3)
    """
    return _after_rank(before, p_value, SKILL_STAKE)


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


def _after_rank(before: float, p_value: float, stake: float) -> float:
    gain: float = _rank_gain(p_value) ** stake
    return min(gain * (before + 1.0), MOST_EVIDENCE)


def _rank_gain(p_value: float) -> float:
    """What bets on high scores multiply the evidence by; at most 1 in the mean.

    The mean is that over ranks that are equally likely. A power below 1 is less.

    Examples
    --------
    >>> round(_rank_gain(1 / 366), 1), round(_rank_gain(1.0), 2)
    (10.9, 0.5)
    """
    gains = [power * p_value ** (power - 1.0) for power in POWERS]
    return math.fsum(gains) / len(gains)


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
