"""What forecasts are compared with: simpler ones, and the way of the predecessor.

Each gives `RegionDays` or checks of the same days: one set of figures judges all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from core.aliases import FloatArray
from core.conformal import LimitCheck
from core.telemetry import HOUR, Quantity, TelemetryFrame, hours_between
from models.backtest import BacktestSetup, issues_of
from models.backtest_figures import JudgedDays, RolledDays
from models.fleet_telemetry import RegionTelemetry
from models.observations import observed_windows, persistence_windows
from models.rolling import RegionDays, rolling_half_width

T = Quantity.TEMPERATURE_C
HORIZON_H = 24
YEAR_H = 8_766.0
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def _waves(turns: FloatArray, orders: int) -> FloatArray:
    angles = 2 * np.pi * np.outer(turns, np.arange(1, orders + 1))
    return np.concatenate((np.sin(angles), np.cos(angles)), axis=1)


def _season(issues: Sequence[datetime], orders: int = 1) -> FloatArray:
    hours = np.array([hours_between(EPOCH, issue) for issue in issues])
    return np.concatenate(
        (np.ones((len(issues), 1)), _waves(hours / YEAR_H, orders)), 1
    )


def _training_issues(region: RegionTelemetry, until: date) -> list[datetime]:
    frame, time_zone = region
    first = frame.start_utc.date() + timedelta(days=4)
    return list(issues_of(time_zone, first, until))[:-1]


def _known(*arrays: FloatArray) -> NDArray[np.bool_]:
    return np.logical_and.reduce([np.isfinite(a).all(axis=1) for a in arrays])


def _days(
    region: RegionTelemetry,
    issues: Sequence[datetime],
    mean: FloatArray,
    scale: FloatArray,
) -> RegionDays:
    frame, _ = region
    return RegionDays(
        issues=issues,
        mean=mean,
        scale=np.where(np.isfinite(mean), scale, np.nan),
        observed=observed_windows(frame, T, issues, HORIZON_H),
        persistence=persistence_windows(frame, T, issues, HORIZON_H),
        refused=[None] * len(issues),
    )


def persistence(region: RegionTelemetry, setup: BacktestSetup) -> RegionDays:
    """The same hour of the day before; scale: its mean error per hour in training."""
    frame, time_zone = region
    past = _training_issues(region, setup.train_until)
    missed = np.abs(
        observed_windows(frame, T, past, HORIZON_H)
        - persistence_windows(frame, T, past, HORIZON_H)
    )
    issues = issues_of(time_zone, setup.train_until, setup.test_until)
    mean = persistence_windows(frame, T, issues, HORIZON_H)
    return _days(region, issues, mean, np.nanmean(missed, axis=0) * np.ones_like(mean))


def climatology(region: RegionTelemetry, setup: BacktestSetup) -> RegionDays:
    """Two harmonics of the year for each hour of the day, least squares on training."""
    frame, time_zone = region
    past = _training_issues(region, setup.train_until)
    observed = observed_windows(frame, T, past, HORIZON_H)
    kept = _known(observed)
    design = _season(past, 2)[kept]
    weights, *_ = np.linalg.lstsq(design, observed[kept], rcond=None)
    missed = np.abs(observed[kept] - design @ weights).mean(axis=0)
    issues = issues_of(time_zone, setup.train_until, setup.test_until)
    mean = _season(issues, 2) @ weights
    return _days(region, issues, mean, missed * np.ones_like(mean))


def plain_ridge(region: RegionTelemetry, setup: BacktestSetup) -> RegionDays:
    """Ridge per region and hour on 48 lags and the season, with seasonal scales.

    Trained on windows issued within two hours of local midnight; its penalty is the
    best on the last 30 % of training; scales from five held-out blocks.
    """
    frame, time_zone = region
    past = [
        issue + shift * HOUR
        for issue in _training_issues(region, setup.train_until)
        for shift in range(-2, 3)
    ]
    inputs, observed = _lags(frame, past), observed_windows(frame, T, past, HORIZON_H)
    kept = _known(inputs, observed)
    season = _season(past)[kept]
    design, outcome = np.concatenate((inputs[kept], season[:, 1:]), 1), observed[kept]
    split = int(0.7 * len(design))
    penalty = min(
        (3.0, 30.0, 300.0, 3000.0),
        key=lambda alpha: float(
            np.mean(
                (
                    Ridge(alpha=alpha)
                    .fit(design[:split], outcome[:split])
                    .predict(design[split:])
                    - outcome[split:]
                )
                ** 2
            )
        ),
    )
    missed = np.empty_like(outcome)
    for block in np.array_split(np.arange(len(design)), 5):
        others = np.setdiff1d(
            np.arange(len(design)), np.arange(block[0] - 15, block[-1] + 16)
        )
        fitted = Ridge(alpha=penalty).fit(design[others], outcome[others])
        missed[block] = np.abs(outcome[block] - fitted.predict(design[block]))
    scale_weights, *_ = np.linalg.lstsq(season, missed, rcond=None)
    model = Ridge(alpha=penalty).fit(design, outcome)
    issues = issues_of(time_zone, setup.train_until, setup.test_until)
    now, today = _lags(frame, issues), _season(issues)
    mean = np.full((len(issues), HORIZON_H), np.nan)
    usable = _known(now)
    mean[usable] = model.predict(np.concatenate((now, today[:, 1:]), 1)[usable])
    scale = np.maximum(today @ scale_weights, 0.3 * missed.mean(axis=0))
    return _days(region, issues, mean, scale)


def _lags(
    frame: TelemetryFrame, issues: Sequence[datetime], count: int = 48
) -> FloatArray:
    earlier = [issue - count * HOUR for issue in issues]
    return observed_windows(frame, T, earlier, count)


def predecessor(
    frames: Mapping[str, RegionTelemetry],
    setup: BacktestSetup,
    limits_c: Mapping[str, float],
    order: Sequence[str],
) -> dict[str, RolledDays]:
    """Histogram gradient boosting on region, hour and temperature, split by row order.

    Rows of the regions stand one after the other in `order`; the first 60 % train, the
    next 20 % calibrate one absolute quantile, the last 20 % would have been its test.
    It decides on the largest of the hourly upper bounds.
    """
    tables = [_rows(frames[slug], code, setup) for code, slug in enumerate(order)]
    inputs = np.concatenate([table[0] for table in tables])
    outcome = np.concatenate([table[1] for table in tables])
    train, calibrate = int(0.6 * len(inputs)), int(0.8 * len(inputs))
    model = HistGradientBoostingRegressor(random_state=0).fit(
        inputs[:train], outcome[:train]
    )
    residuals = np.sort(
        np.abs(outcome[train:calibrate] - model.predict(inputs[train:calibrate]))
    )
    confidence = float(setup.confidence)
    rank = int(np.ceil((len(residuals) + 1) * confidence))
    half_width = residuals[min(rank, len(residuals)) - 1]
    return {
        slug: _predecessor_days(
            frames[slug], code, model, half_width, setup, limits_c[slug]
        )
        for code, slug in enumerate(order)
    }


def _rows(
    region: RegionTelemetry, code: int, setup: BacktestSetup
) -> tuple[FloatArray, FloatArray]:
    """Every hour before the test: (region, hour, temperature) and 24 h later."""
    frame, time_zone = region
    end = issues_of(time_zone, setup.calibrate_until, setup.test_until)[0]
    column = frame.window(frame.start_utc, end).column(T)
    hour = (frame.start_utc.hour + np.arange(len(column))) % 24
    now, later = column[:-HORIZON_H], column[HORIZON_H:]
    kept = np.isfinite(now) & np.isfinite(later)
    inputs = np.column_stack((np.full(len(now), code), hour[:-HORIZON_H], now))
    return inputs[kept], later[kept]


def _predecessor_days(
    region: RegionTelemetry,
    code: int,
    model: HistGradientBoostingRegressor,
    half_width: float,
    setup: BacktestSetup,
    limit_c: float,
) -> RolledDays:
    frame, time_zone = region
    issues = issues_of(time_zone, setup.calibrate_until, setup.test_until)
    day_before = persistence_windows(frame, T, issues, HORIZON_H)
    hours = np.array(
        [[(issue.hour + h) % 24 for h in range(HORIZON_H)] for issue in issues]
    )
    rows = np.column_stack(
        (np.full(day_before.size, code), hours.ravel(), day_before.ravel())
    )
    mean = model.predict(rows).reshape(day_before.shape)
    mean[~np.isfinite(day_before)] = np.nan
    days = _days(region, issues, mean, np.ones_like(mean))
    widths = np.full(mean.shape, half_width)
    return RolledDays(
        days=days, half_width=widths, judged=_largest_hour(days, widths, limit_c)
    )


def pointwise_decisions(
    days: RegionDays, setup: BacktestSetup, limit_c: float, *, one_sided: bool
) -> RolledDays:
    """Our own forecast, but decided on the largest of 24 hourly upper bounds."""
    half_width = rolling_half_width(days, setup.confidence)
    upper = (
        rolling_half_width(days, 1 - 2 * (1 - setup.confidence))
        if one_sided
        else half_width
    )
    first_test = (
        issues_of("UTC", setup.calibrate_until, setup.test_until)[0] - 15 * HOUR
    )
    first = sum(issue < first_test for issue in days.issues)
    tested = days.since(first)
    return RolledDays(
        days=tested,
        half_width=half_width[first:],
        judged=_largest_hour(tested, upper[first:], limit_c),
    )


def _largest_hour(days: RegionDays, upper: FloatArray, limit_c: float) -> JudgedDays:
    bounds = (days.mean + upper).max(axis=1)
    return JudgedDays(
        limit_c=limit_c,
        checks=[
            LimitCheck(
                exceedance_probability=float("nan"),
                is_exceeded=not bound <= limit_c,
                bound=float(bound),
            )
            if np.isfinite(bound)
            else None
            for bound in bounds
        ],
    )
