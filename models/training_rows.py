"""Training rows: complete windows that ended by the end of the training span."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from core.days import WINDOW_H
from core.errors import InvalidInput
from core.forecasts import InputMode, Target
from core.telemetry import HOUR, hours_between, require_full_utc_hour
from models.features import feature_matrix
from models.fleet_telemetry import RegionTelemetry, spans_of
from models.observations import observed_windows

MIN_WINDOWS = 28 * 24
"""Fewest complete windows, four weeks of hourly issues, for weights of its own."""

MAX_ROWS = 1_000_000
"""Rows held in memory over all regions (about 0.6 GB); more are thinned evenly."""

MAX_POOLED_ROWS = 40_000

_WITHOUT_WHOLE_RUNS = {InputMode.RUN_PARTIAL, InputMode.TELEMETRY}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TooFewWindows(InvalidInput):
    """No region has enough complete windows to train on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """Inputs and outcomes of one region, in order of time.

    Attributes
    ----------
    issue_hours : ndarray of int, shape (n,)
        Issue instants, hours since 1970.
    features : ndarray of float32, shape (n, F)
    observed : ndarray of float64, shape (n, H)
        What happened in each window, in the target's unit; all known.
    """

    slug: str
    issue_hours: NDArray[np.int64]
    features: NDArray[np.float32]
    observed: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.issue_hours)

    @property
    def span_h(self) -> int:
        """Hours from the first to the last issue."""
        return int(self.issue_hours[-1] - self.issue_hours[0]) if len(self) else 0

    def where(self, rows: NDArray[np.bool_] | slice) -> TrainingRows:
        """The chosen rows."""
        return TrainingRows(
            slug=self.slug,
            issue_hours=self.issue_hours[rows],
            features=self.features[rows],
            observed=self.observed[rows],
        )

    def with_features(self, columns: Sequence[int]) -> TrainingRows:
        """The same rows with these columns only, in this order."""
        return TrainingRows(
            slug=self.slug,
            issue_hours=self.issue_hours,
            features=self.features[:, columns],
            observed=self.observed,
        )


def collect_rows(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    feature_names: Sequence[str],
    until_utc: datetime,
    *,
    whole_runs: bool = False,
) -> list[TrainingRows]:
    """Rows of every region that has enough of them, in order of slug.

    Parameters
    ----------
    whole_runs : bool
        Only rows for which weather forecasts have every hour.

    Raises
    ------
    TooFewWindows
        When no region has `MIN_WINDOWS` complete windows that ended by `until_utc`.
    """
    require_full_utc_hour(until_utc)
    stride = hour_stride(
        sum(n_hours for _, n_hours in spans_of(frames).values()), MAX_ROWS
    )
    most = 0
    kept: list[TrainingRows] = []
    for slug in sorted(frames):
        rows = region_rows(
            slug,
            frames[slug],
            target,
            feature_names,
            until_utc,
            stride,
            whole_runs=whole_runs,
        )
        most = max(most, len(rows) * stride)
        if len(rows) * stride >= MIN_WINDOWS:
            kept.append(rows)
    if not kept:
        message = (
            f"No region has enough {target}: at least {MIN_WINDOWS} complete hourly "
            f"windows must end by {until_utc:%Y-%m-%d %H:%M} UTC, the most found "
            f"is {most}."
        )
        raise TooFewWindows(message)
    return kept


def region_rows(
    slug: str,
    region: RegionTelemetry,
    target: Target,
    feature_names: Sequence[str],
    until_utc: datetime,
    stride: int,
    *,
    whole_runs: bool,
) -> TrainingRows:
    """The complete rows of one region, of every `stride`-th hour."""
    frame, time_zone = region
    end_utc = min(frame.end_utc, until_utc)
    n_issues = max(hours_between(frame.start_utc, end_utc) - WINDOW_H + 1, 0)
    issues = [frame.start_utc + hour * HOUR for hour in range(0, n_issues, stride)]
    inputs = feature_matrix(frame, time_zone, issues, feature_names, target=target)
    observed = observed_windows(frame, target.quantity, issues, WINDOW_H)
    kept_rows = inputs.usable & np.isfinite(observed).all(axis=1)
    if whole_runs:
        kept_rows &= [mode not in _WITHOUT_WHOLE_RUNS for mode in inputs.modes]
    return TrainingRows(
        slug=slug,
        issue_hours=np.array([hours_between(EPOCH, t) for t in issues], np.int64),
        features=inputs.features,
        observed=observed,
    ).where(kept_rows)


def pooled_rows(regions: Sequence[TrainingRows]) -> TrainingRows:
    """Rows of all regions together, thinned evenly."""
    stride = hour_stride(sum(len(rows) for rows in regions), MAX_POOLED_ROWS)
    parts = [rows.where(slice(None, None, stride)) for rows in regions]
    return TrainingRows(
        slug="pooled",
        issue_hours=np.concatenate([part.issue_hours for part in parts]),
        features=np.concatenate([part.features for part in parts]),
        observed=np.concatenate([part.observed for part in parts]),
    )


def hour_stride(n_rows: int, most: int) -> int:
    """Smallest stride that keeps at most `most` rows and still visits every hour.

    Hourly rows taken at a stride that shares no factor with 24 pass through all issue
    hours of the day.

    Examples
    --------
    >>> hour_stride(100, 100), hour_stride(101, 100), hour_stride(600, 100)
    (1, 5, 7)
    """
    stride = max(math.ceil(n_rows / most), 1)
    while math.gcd(stride, 24) != 1:
        stride += 1
    return stride
