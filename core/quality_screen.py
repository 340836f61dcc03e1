"""Blocks of hours in which no check against the history can find anything.

Most of telemetry is good, and a check of one block is many calls on a few hundred
hours. The same conditions, or weaker ones, hold for many blocks in one call each; what
they leave is checked block by block.
"""

from __future__ import annotations

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.daily_course import DAY_H, LONGEST_COURSE_H, SURE_FRAC, may_be_misplaced
from core.quality import (
    BLOCK_H,
    CLIMATOLOGY_MULTIPLE,
    FLAT_PROBABILITY,
    MAX_RUN_H,
    SPIKE_MULTIPLE,
    UNUSUAL_QUANTILE,
    QualityChecks,
)
from core.quality_baseline import HISTORY_H, Baseline

BEFORE_H = max(LONGEST_COURSE_H, MAX_RUN_H)
"""Hours before a block that its checks look at, besides its history."""

LOG_FLAT = float(np.log(FLAT_PROBABILITY))
LOG_UNUSUAL = float(np.log(1.0 - UNUSUAL_QUANTILE))


def blocks_to_check(
    values: FloatArray,
    trusted: FloatArray,
    first: int,
    n_blocks: int,
    checks: QualityChecks,
) -> BoolArray:
    """Which of `n_blocks` from position `first` on have to be checked by themselves.

    A block that is left out has no finding; one that is named may have none either.

    Parameters
    ----------
    values, trusted : ndarray, shape (n_hours,)
        As measured, and with what must not judge others missing.
    first : int
        Where the first block begins, at 00:00 UTC; may lie before the values.
    """
    usual = Baseline(_rows(trusted, first - HISTORY_H, first, n_blocks), checks)
    end = first + BLOCK_H
    seen = _rows(values, first - BEFORE_H, end, n_blocks)
    block = seen[:, BEFORE_H:]
    found = np.zeros(n_blocks, dtype=np.bool_)
    if checks.zero_outage:
        found |= (block == 0.0).any(axis=1)
    if checks.unit_ratio is not None:
        sizes = np.abs(seen[:, BEFORE_H - checks.unit_hours + 1 :])
        found |= unit_slips(sizes, usual.typical_size, checks).any(axis=1)
    if checks.step_limit is not None:
        departures = np.abs(_anomalies(block, usual))
        trusted_rows = _rows(trusted, first - BEFORE_H, end, n_blocks)
        if (departures > CLIMATOLOGY_MULTIPLE * checks.step_floor).any():
            far = departures > CLIMATOLOGY_MULTIPLE * usual.usual_anomaly[:, None]
            found |= far.any(axis=1)
        found |= _departs(_anomalies(trusted_rows, usual), usual)
    if checks.flat_line:
        found |= _may_be_flat(seen, usual)
    if checks.daily_course:
        for may in misplaced(values, usual, first, n_blocks).values():
            found |= usual.is_known & may
    return found


def misplaced(
    values: FloatArray, usual: Baseline, first: int, n_blocks: int
) -> dict[int, BoolArray]:
    """Blocks with a window whose daily course may be misplaced, by its hours."""
    rows = _rows(values, first - LONGEST_COURSE_H, first + BLOCK_H, n_blocks)
    return may_be_misplaced(rows, np.atleast_2d(usual.profile))


def unit_slips(
    sizes: FloatArray, typical_size: FloatArray, checks: QualityChecks
) -> BoolArray:
    """Windows of `unit_hours` whose sizes are of another unit, along the last axis.

    Hours of exactly 0 are no slip of a unit, and a single peak of several hours is none
    either.
    """
    ratio, typical = checks.unit_ratio or np.inf, typical_size[..., None]
    is_small = (sizes < typical / ratio) & (sizes > 0.0)
    windows = np.lib.stride_tricks.sliding_window_view(
        is_small, checks.unit_hours, axis=-1
    )
    found: BoolArray = np.asarray(windows.all(axis=-1))
    if checks.unit_hours == 1:
        found |= sizes > typical * ratio
    return found & (typical > 0.0)


def spikes(anomalies: FloatArray, limit: FloatArray) -> BoolArray:
    """Inner hours from which both neighbours depart by more, along the last axis."""
    steps = np.diff(anomalies)
    up, down = steps[..., :-1], -steps[..., 1:]
    least = np.minimum(np.abs(up), np.abs(down))
    found: BoolArray = (np.sign(up) == np.sign(down)) & (least > limit[..., None])
    return found


def _rows(column: FloatArray, start: int, end: int, n_blocks: int) -> FloatArray:
    """[start, end) and the same of the blocks that follow; NaN outside the column."""
    stop = end + (n_blocks - 1) * BLOCK_H
    whole = np.full(stop - start, np.nan)
    known = column[max(start, 0) : max(stop, 0)]
    first = max(-start, 0)
    whole[first : first + len(known)] = known
    windows = np.lib.stride_tricks.sliding_window_view(whole, end - start)
    return windows[::BLOCK_H]


def _anomalies(rows: FloatArray, usual: Baseline) -> FloatArray:
    """Departures from the profile; the rows begin at 00:00 UTC."""
    days = rows.reshape(len(rows), -1, DAY_H) - usual.profile[:, None]
    return days.reshape(rows.shape)


def _departs(anomalies: FloatArray, usual: Baseline) -> BoolArray:
    """Blocks with a step or a spike.

    After a gap the change of a single hour is the limit: that of more is not less.
    """
    n_hours = anomalies.shape[1]
    positions = np.where(np.isfinite(anomalies), np.arange(n_hours), 0)
    last = np.maximum.accumulate(positions, axis=1)[:, BEFORE_H - 1 : -1]
    changes = anomalies[:, BEFORE_H:] - np.take_along_axis(anomalies, last, axis=1)
    is_next = last == np.arange(BEFORE_H - 1, n_hours - 1)
    limit = np.where(is_next, usual.step_limit[:, None], usual.usual_step[:, None])
    steps = (np.abs(changes) > limit).any(axis=1)
    near = anomalies[:, BEFORE_H - 2 :]
    peaks = spikes(near, SPIKE_MULTIPLE * usual.usual_step).any(axis=1)
    found: BoolArray = steps | (usual.is_known & peaks)
    return found


def _may_be_flat(values: FloatArray, usual: Baseline) -> BoolArray:
    """Blocks with a run of equal values that the least of chances makes a finding."""
    positions = np.arange(1, values.shape[1])
    is_equal = values[:, 1:] == values[:, :-1]
    changed = np.maximum.accumulate(np.where(is_equal, 0, positions), axis=1)
    n_equal = (positions - changed)[:, BEFORE_H - 1 :].max(axis=1)
    least = usual.log_equal.min(axis=1)
    found: BoolArray = n_equal * least + LOG_UNUSUAL < SURE_FRAC * LOG_FLAT
    return found
