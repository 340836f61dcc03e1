"""Model inputs from telemetry: only hours that ended by the issue instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.forecasts import InputMode, Refusal, Target
from core.regions import require_time_zone
from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    hours_between,
    require_full_utc_hour,
)
from core.weather_runs import MAX_RUN_AGE_H
from models.catalogue import (
    HOUR_HARMONICS,
    STAND_INS,
    YEAR_HARMONICS,
    Feature,
    features_named,
    hour_harmonic_names,
    weekday_names,
    year_harmonic_names,
)
from models.gaps import MEAN_WINDOW_H, LookBack, bridged, held
from models.run_features import input_mode, put_runs

YEAR_H = 8_766
_YEAR_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


DAY_MAX_RUNG_H = MAX_RUN_AGE_H + 1
RUN_RUNGS_H = (0, 13, 25, DAY_MAX_RUNG_H, None)
"""Ages from which runs are used: all; without those of the mode before; daily maxima
alone, which have no age to fall back by; none."""


class FeatureRows(NamedTuple):
    """Inputs of N issue instants.

    Attributes
    ----------
    features : ndarray of float32, shape (N, F)
        NaN in every column of a row that has a problem.
    problems : list of Refusal | None, length N
        Why no forecast may be made from the row; None when one may.
    modes : list of InputMode, length N
    run_issued_at_utc : list of datetime | None, length N
        Issue of the newest weather forecast used; None without any.
    """

    features: NDArray[np.float32]
    problems: list[Refusal | None]
    modes: list[InputMode]
    run_issued_at_utc: list[datetime | None]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """True for rows from which a forecast may be made, shape (N,)."""
        return np.array([problem is None for problem in self.problems], dtype=np.bool_)

    def part(self, rows: slice) -> FeatureRows:
        """Some of the rows."""
        return FeatureRows(
            self.features[rows],
            self.problems[rows],
            self.modes[rows],
            self.run_issued_at_utc[rows],
        )


class RegionIssues(NamedTuple):
    """Issue instants of one region, and the telemetry that its forecasts may use.

    Attributes
    ----------
    frame : TelemetryFrame
        Hours outside it count as missing, hours at or after an instant are not used for
        it.
    time_zone : str
        IANA zone of the region, for the calendar features.
    instants : sequence of datetime
        Full UTC hours, in any order.
    """

    frame: TelemetryFrame
    time_zone: str
    instants: Sequence[datetime]


def feature_matrix(
    frame: TelemetryFrame,
    time_zone: str,
    issue_instants: Sequence[datetime],
    feature_names: Sequence[str],
    *,
    target: Target,
    youngest_run_h: int | None = 0,
) -> FeatureRows:
    """Inputs for forecasts of one region; see `feature_rows`."""
    return feature_rows(
        [RegionIssues(frame, time_zone, issue_instants)],
        feature_names,
        target=target,
        youngest_run_h=youngest_run_h,
    )


def feature_rows(
    asked: Sequence[RegionIssues],
    feature_names: Sequence[str],
    *,
    target: Target,
    youngest_run_h: int | None = 0,
) -> FeatureRows:
    """Inputs for forecasts of `target`, one region's after the other's.

    What each region gets does not depend, even in the last digit, on the others.

    Parameters
    ----------
    feature_names : sequence of str, length F
        Names in the catalogue, in the model's order.
    target : Target
        Its own hours decide whether a row may be used (docs/model-contract.md, Gaps).
    youngest_run_h : int | None
        Age from which on weather forecasts are used: as if newer ones had not come;
        None for none at all.

    Raises
    ------
    InvalidInput
        For an unknown feature, an unknown zone or an instant that is not a full hour.
    """
    chosen = features_named(feature_names)
    zones = [require_time_zone(region.time_zone) for region in asked]
    for region in asked:
        for instant in region.instants:
            require_full_utc_hour(instant)
    reach_h = max((f.lag_h for f in chosen if f.lag_h), default=1) + MEAN_WINDOW_H
    histories, asked_rows, n_hours = _histories(asked, reach_h)
    n_rows = len(asked_rows)
    features = np.empty((n_rows, len(chosen)), dtype=np.float32)
    if not n_rows:
        return FeatureRows(features, [], [], [])
    look_back_h = _look_back_h(chosen, target)
    problems = _problems(histories, asked_rows, target.quantity, look_back_h)
    _put_lags(features, chosen, histories, n_hours, asked_rows, target)
    local = [
        instant.astimezone(zone)
        for region, zone in zip(asked, zones, strict=True)
        for instant in region.instants
    ]
    _put_calendar(features, chosen, local)
    modes = [InputMode.TELEMETRY] * n_rows
    newest_run_utc: list[datetime | None] = [None] * n_rows
    if any(feature.statistic is not None for feature in chosen):
        for history in histories:
            rows, region = history.rows, history.region
            guiding = put_runs(
                features[rows], chosen, region.frame, region.instants, youngest_run_h
            )
            modes[rows] = [
                input_mode(age_h, has_day_max=bool(has_day_max))
                for age_h, has_day_max in zip(*guiding, strict=True)
            ]
            newest_run_utc[rows] = [
                None
                if np.isnan(age_h).all()
                else instant - float(np.ceil(np.nanmin(age_h))) * HOUR
                for instant, age_h in zip(region.instants, guiding.age_h, strict=True)
            ]
    features[[problem is not None for problem in problems]] = np.nan
    return FeatureRows(features, problems, modes, newest_run_utc)


class _History(NamedTuple):
    """The hours that the rows of a region may use, up to its newest issue instant.

    Attributes
    ----------
    first, n_hours : int
        Hours of the frame, from the one with this number on; it may have fewer.
    rows : slice
        Of the rows of all regions.
    """

    region: RegionIssues
    first: int
    n_hours: int
    rows: slice

    def column(self, quantity: Quantity) -> FloatArray:
        """Trusted values, shape (n_hours,); NaN where missing."""
        frame = self.region.frame
        column = frame.values.get(quantity)
        if column is None:
            return np.full(self.n_hours, np.nan)
        if quantity in frame.findings:
            column = np.where(frame.findings[quantity] == 0, column, np.nan)
        end = self.first + self.n_hours
        if self.first >= 0 and end <= frame.n_hours:
            return column[self.first : end]
        padded = np.full(self.n_hours, np.nan)
        low, high = max(self.first, 0), min(end, frame.n_hours)
        if high > low:
            padded[low - self.first : high - self.first] = column[low:high]
        return padded


def _histories(
    asked: Sequence[RegionIssues], reach_h: int
) -> tuple[list[_History], IntArray, int]:
    """The history of each region, and each row's issue as an hour of all of them.

    Returns
    -------
    histories, positions, n_hours
        One history after the other makes hours 0 to `n_hours`.
    """
    histories: list[_History] = []
    positions: list[int] = []
    n_hours = 0
    for region in asked:
        if not region.instants:
            continue
        issues = [hours_between(region.frame.start_utc, t) for t in region.instants]
        first = min(issues) - reach_h
        rows = slice(len(positions), len(positions) + len(issues))
        histories.append(_History(region, first, max(issues) - first, rows))
        positions += [n_hours + issue - first for issue in issues]
        n_hours += histories[-1].n_hours
    return histories, np.array(positions, dtype=np.int64), n_hours


def _look_back_h(chosen: Sequence[Feature], target: Target) -> int:
    quantity = target.quantity
    own = [f.lag_h for f in chosen if f.quantity is quantity and f.lag_h]
    return max(own, default=1)


def _problems(
    histories: Sequence[_History],
    positions: IntArray,
    quantity: Quantity,
    look_back_h: int,
) -> list[Refusal | None]:
    """Why rows may not be used; only regions with a gap are looked at one by one."""
    unknown = ~np.isfinite(
        np.concatenate([history.column(quantity) for history in histories])
    )
    n_unknown = np.concatenate(([0], np.cumsum(unknown)))
    has_gap = n_unknown[positions] > n_unknown[positions - look_back_h]
    problems: list[Refusal | None] = [None] * len(positions)
    start = 0
    for history in histories:
        if has_gap[history.rows].any():
            frame = history.region.frame
            start_utc = frame.start_utc + history.first * HOUR
            hours = frame.window(start_utc, start_utc + history.n_hours * HOUR)
            look_back = LookBack.over(hours, quantity, look_back_h)
            own = positions[history.rows] - start
            problems[history.rows] = [
                None if accepted else look_back.refusal(int(position))
                for position, accepted in zip(own, look_back.accepted(own), strict=True)
            ]
        start += history.n_hours
    return problems


def _put_lags(
    features: NDArray[np.float32],
    chosen: Sequence[Feature],
    histories: Sequence[_History],
    n_hours: int,
    positions: IntArray,
    target: Target,
) -> None:
    complete = np.empty(n_hours)
    for quantity, stand_in in STAND_INS.items():
        places = [
            (column, feature.lag_h)
            for column, feature in enumerate(chosen)
            if feature.quantity is quantity and feature.lag_h
        ]
        if not places:
            continue
        is_own, start = quantity is target.quantity, 0
        for history in histories:
            measured, end = history.column(quantity), start + history.n_hours
            if not np.isfinite(measured).all():
                measured = bridged(measured) if is_own else held(measured, stand_in)
            complete[start:end] = measured
            start = end
        columns, lags = np.array(places, dtype=np.int64).T
        features[:, columns] = complete[positions[:, None] - lags]


def _put_calendar(
    features: NDArray[np.float32],
    chosen: Sequence[Feature],
    local_issues: Sequence[datetime],
) -> None:
    calendar = _calendar_columns(local_issues)
    for column, feature in enumerate(chosen):
        if feature.quantity is None:
            features[:, column] = calendar[feature.name]


def _calendar_columns(local_issues: Sequence[datetime]) -> dict[str, FloatArray]:
    hour = np.array([moment.hour + moment.minute / 60.0 for moment in local_issues])
    weekday = np.array([moment.weekday() for moment in local_issues])
    year_hour = np.array([hours_between(_YEAR_EPOCH, t) for t in local_issues])
    columns = {"local_hour": hour}
    columns |= _waves(hour_harmonic_names(), hour / 24.0, HOUR_HARMONICS)
    columns |= _waves(year_harmonic_names(), year_hour / YEAR_H, YEAR_HARMONICS)
    columns |= {
        name: (weekday == number).astype(np.float64)
        for number, name in enumerate(weekday_names())
    }
    return columns


def _waves(
    names: Sequence[str], turns: FloatArray, harmonics: int
) -> dict[str, FloatArray]:
    waves: list[FloatArray] = []
    for order in range(1, harmonics + 1):
        phase = 2.0 * np.pi * order * turns
        waves += [np.sin(phase), np.cos(phase)]
    return dict(zip(names, waves, strict=True))
