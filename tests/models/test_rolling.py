"""Rolling through the days: only the past is visible, and nothing is scored twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.conformal import check_limit
from core.conformity import ScoreTracker, conformity_score
from core.days import issue_at_local_midnight
from core.forecasts import RefusalCode, Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.export import export_onnx
from models.intervals import interval_quantile
from models.onnx_model import OnnxModel
from models.ridge_training import train_ridge
from models.rolling import (
    OBSERVATION_MISSING,
    RegionDays,
    forecast_days,
    rolling_checks,
    rolling_half_width,
)

MakeFrame = Callable[..., TelemetryFrame]

ZONE = "Europe/Dublin"
CONFIDENCE = Decimal("0.95")
N_DAYS = 240


@pytest.fixture(scope="module")
def frame(make_frame: MakeFrame) -> TelemetryFrame:
    return make_frame("aa", n_hours=N_DAYS * 24)


@pytest.fixture(scope="module")
def runtime(frame: TelemetryFrame) -> OnnxModel:
    trained = train_ridge(
        {"aa": (frame, ZONE)}, Target.TEMPERATURE_C, frame.start_utc + 40 * 24 * HOUR
    )
    exported = export_onnx(trained)
    return OnnxModel(exported, hashlib.sha256(exported).hexdigest())


@pytest.fixture(scope="module")
def issues() -> Sequence[datetime]:
    first = date(2022, 2, 12)
    return [
        issue_at_local_midnight(ZONE, first + timedelta(days=i)) for i in range(190)
    ]


@pytest.fixture(scope="module")
def days(
    runtime: OnnxModel, frame: TelemetryFrame, issues: Sequence[datetime]
) -> RegionDays:
    return forecast_days(runtime, frame, ZONE, issues)


def _with_future(frame: TelemetryFrame, from_utc: datetime) -> TelemetryFrame:
    """The same past, and a future that nobody could have expected."""
    position = int((from_utc - frame.start_utc) // HOUR)
    columns = {quantity: column.copy() for quantity, column in frame.values.items()}
    columns[Quantity.TEMPERATURE_C][position:] += 25.0
    for quantity in (Quantity.RELATIVE_HUMIDITY_PCT, Quantity.WIND_SPEED_KMH):
        columns[quantity][position:] = 1.0
    return replace(frame, values=columns)


def test_a_planted_future_changes_nothing_that_was_issued_before_it(
    runtime: OnnxModel,
    frame: TelemetryFrame,
    issues: Sequence[datetime],
    days: RegionDays,
) -> None:
    changed_at = issues[150]
    other = forecast_days(runtime, _with_future(frame, changed_at), ZONE, issues)
    known = slice(0, 151)  # the forecast issued at that very instant too
    np.testing.assert_array_equal(other.mean[known], days.mean[known])
    np.testing.assert_array_equal(other.scale[known], days.scale[known])
    assert not np.array_equal(other.mean[151:], days.mean[151:])

    limit = {"confidence": CONFIDENCE, "limit_c": 20.0}
    assert rolling_checks(other, **limit)[known] == rolling_checks(days, **limit)[known]
    np.testing.assert_array_equal(
        rolling_half_width(other, CONFIDENCE)[known],
        rolling_half_width(days, CONFIDENCE)[known],
    )


def test_checks_are_those_of_a_tracker_fed_day_by_day(days: RegionDays) -> None:
    tracker = ScoreTracker(1 - CONFIDENCE)
    checks = rolling_checks(days, confidence=CONFIDENCE, limit_c=20.0)
    finished = 0
    for day, check in enumerate(checks):
        # On the day after the clocks went forward, the last window is still open.
        while days.issues[finished] + 24 * HOUR <= days.issues[day]:
            if finished == day:
                break
            score = conformity_score(
                days.observed[finished].max(), days.mean[finished], days.scale[finished]
            )
            tracker.add(score)
            finished += 1
        if tracker.n_scores < 60:
            assert check is None
            continue
        assert check == check_limit(
            days.mean[day], days.scale[day], tracker.calibration(), limit=20.0
        )
    assert sum(check is not None for check in checks) > 120


def test_the_window_of_a_23_hour_day_is_open_at_the_next_midnight(
    days: RegionDays,
) -> None:
    spring = issue_at_local_midnight(ZONE, date(2022, 3, 28))
    day = list(days.issues).index(spring)
    assert days.issues[day] - days.issues[day - 1] == timedelta(hours=23)

    scores = np.full(len(days.issues), np.nan)
    scores[: day - 1] = 1.0
    limit = {"confidence": CONFIDENCE, "limit_c": 20.0}
    # Were yesterday's window known, changing what happened in it would change today.
    observed = days.observed.copy()
    observed[day - 1] += 30.0
    other = replace(days, observed=observed)
    assert (
        rolling_checks(other, **limit)[: day + 1]
        == rolling_checks(days, **limit)[: day + 1]
    )


def test_interval_is_calibrated_each_month_on_the_days_that_had_ended(
    days: RegionDays,
) -> None:
    half_width = rolling_half_width(days, CONFIDENCE)
    known = np.isfinite(half_width).all(axis=1)
    assert not known[: [i.month for i in days.issues].index(5)].any()
    assert known[-100:].all()

    june = [day for day, issue in enumerate(days.issues) if issue.month == 6]
    # Local midnight of 1 June is 23:00 UTC of 31 May: the month begins a day later.
    first_june_utc = datetime(2022, 6, 1, tzinfo=UTC)
    finished = [
        day
        for day, issue in enumerate(days.issues)
        if issue + 24 * HOUR <= first_june_utc
    ]
    quantile = interval_quantile(
        days.observed[finished], days.mean[finished], days.scale[finished], CONFIDENCE
    ).quantile
    for day in (june[0], june[-1]):
        assert half_width[day] == pytest.approx(quantile * days.scale[day])


def test_refused_and_unfinished_days_are_told_apart(
    runtime: OnnxModel, frame: TelemetryFrame, issues: Sequence[datetime]
) -> None:
    temperature = frame.column(Quantity.TEMPERATURE_C).copy()
    position = int((issues[5] - frame.start_utc) // HOUR)
    temperature[position - 1] = np.nan  # newest hour of day 5, an hour of day 4
    gap = replace(frame, values={**frame.values, Quantity.TEMPERATURE_C: temperature})
    days = forecast_days(runtime, gap, ZONE, issues[:8])
    assert days.is_scored.tolist() == [True] * 4 + [False, False] + [True] * 2
    assert days.why_unscored(4) == OBSERVATION_MISSING
    assert days.why_unscored(5) == RefusalCode.TELEMETRY_STALE


def test_issue_instants_are_utc(days: RegionDays) -> None:
    assert all(issue.tzinfo is UTC for issue in days.issues)
