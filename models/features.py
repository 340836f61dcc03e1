"""Model inputs from telemetry: only hours that ended by the issue instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

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


def feature_matrix(
    frame: TelemetryFrame,
    time_zone: str,
    issue_instants: Sequence[datetime],
    feature_names: Sequence[str],
    *,
    target: Target,
    youngest_run_h: int | None = 0,
) -> FeatureRows:
    """Inputs for forecasts of `target` issued at `issue_instants`.

    Parameters
    ----------
    frame : TelemetryFrame
        Telemetry of one region; hours outside it count as missing, hours at or after
        an issue instant are not used for it.
    time_zone : str
        IANA zone of the region, for the calendar features.
    issue_instants : sequence of datetime, length N
        Full UTC hours, in any order.
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
    zone = require_time_zone(time_zone)
    for instant in issue_instants:
        require_full_utc_hour(instant)
    if not issue_instants:
        return FeatureRows(np.empty((0, len(chosen)), dtype=np.float32), [], [], [])
    look_back_h = _look_back_h(chosen, target)
    history = _history_for(frame, issue_instants, chosen)
    positions = np.array(
        [hours_between(history.start_utc, t) for t in issue_instants], dtype=np.int64
    )
    problems = _problems(history, target.quantity, look_back_h, positions)
    features = np.empty((len(positions), len(chosen)), dtype=np.float32)
    _put_lags(features, chosen, history, positions, target)
    _put_calendar(features, chosen, issue_instants, zone)
    guiding = put_runs(features, chosen, frame, issue_instants, youngest_run_h)
    features[[problem is not None for problem in problems]] = np.nan
    return FeatureRows(
        features,
        problems,
        [
            input_mode(age_h, has_day_max=bool(has_day_max))
            for age_h, has_day_max in zip(*guiding, strict=True)
        ],
        [
            None
            if np.isnan(age_h).all()
            else instant - float(np.ceil(np.nanmin(age_h))) * HOUR
            for instant, age_h in zip(issue_instants, guiding.age_h, strict=True)
        ],
    )


def _look_back_h(chosen: Sequence[Feature], target: Target) -> int:
    own = [f.lag_h for f in chosen if f.quantity is target.quantity and f.lag_h]
    return max(own, default=1)


def _history_for(
    frame: TelemetryFrame, issue_instants: Sequence[datetime], chosen: Sequence[Feature]
) -> TelemetryFrame:
    """The hours that any row may use, up to the newest issue instant."""
    reach_h = max((f.lag_h for f in chosen if f.lag_h), default=1) + MEAN_WINDOW_H
    return frame.window(min(issue_instants) - reach_h * HOUR, max(issue_instants))


def _problems(
    history: TelemetryFrame, quantity: Quantity, look_back_h: int, positions: IntArray
) -> list[Refusal | None]:
    look_back = LookBack.over(history, quantity, look_back_h)
    return [
        None if accepted else look_back.refusal(int(position))
        for position, accepted in zip(
            positions, look_back.accepted(positions), strict=True
        )
    ]


def _put_lags(
    features: NDArray[np.float32],
    chosen: Sequence[Feature],
    history: TelemetryFrame,
    positions: IntArray,
    target: Target,
) -> None:
    trusted = history.trusted()
    for quantity, stand_in in STAND_INS.items():
        places = [
            (column, feature.lag_h)
            for column, feature in enumerate(chosen)
            if feature.quantity is quantity and feature.lag_h
        ]
        if not places:
            continue
        measured = trusted.column(quantity)
        complete = (
            bridged(measured)
            if quantity is target.quantity
            else held(measured, stand_in)
        )
        columns, lags = np.array(places, dtype=np.int64).T
        features[:, columns] = complete[positions[:, None] - lags]


def _put_calendar(
    features: NDArray[np.float32],
    chosen: Sequence[Feature],
    issue_instants: Sequence[datetime],
    zone: ZoneInfo,
) -> None:
    calendar = _calendar_columns(issue_instants, zone)
    for column, feature in enumerate(chosen):
        if feature.quantity is None:
            features[:, column] = calendar[feature.name]


def _calendar_columns(
    issue_instants: Sequence[datetime], zone: ZoneInfo
) -> dict[str, FloatArray]:
    local = [instant.astimezone(zone) for instant in issue_instants]
    hour = np.array([moment.hour + moment.minute / 60.0 for moment in local])
    weekday = np.array([moment.weekday() for moment in local])
    year_hour = np.array([hours_between(_YEAR_EPOCH, t) for t in issue_instants])
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
