"""The portal's plain model beside weather forecasts: the corrected run itself.

A model that knows of a cold front rightly lies far below a model of telemetry alone.
So where a weather forecast of the whole window was known, the plain model is its
largest corrected hour, and its errors are those of the same hour of issue before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from core.aliases import FloatArray, IntArray
from core.conformal import MINIMUM_SCORES
from core.days import WINDOW_H
from core.telemetry import Quantity, TelemetryFrame
from core.weather_runs import WeatherRuns, hours_since_1970
from models.observations import observed_windows
from models.plain_model import MIN_ERROR_C, PlainForecast, plain_forecasts

SCORE_DAYS = 120
"""Finished days whose errors calibrate it, enough for a bound at 99 %."""

RUN_HISTORY_H = SCORE_DAYS * WINDOW_H
"""How long before an issue the runs of issues are needed."""


def best_plain_forecasts(
    frame: TelemetryFrame, issue_instants: Sequence[datetime]
) -> list[PlainForecast | None]:
    """Of telemetry, or of the weather forecast where that has been more accurate.

    Parameters
    ----------
    frame : TelemetryFrame
        As `plain_forecasts`, with runs for the `RUN_HISTORY_H` before each issue.
    """
    answers = plain_forecasts(frame, issue_instants)
    if frame.runs is None or not issue_instants:
        return answers
    of_runs = _run_forecasts(frame, frame.runs, issue_instants)
    return [
        run if run and (plain is None or run.error_c < plain.error_c) else plain
        for plain, run in zip(answers, of_runs, strict=True)
    ]


def _run_forecasts(
    frame: TelemetryFrame, runs: WeatherRuns, issue_instants: Sequence[datetime]
) -> list[PlainForecast | None]:
    hours = np.array([round(hours_since_1970(t)) for t in issue_instants], np.int64)
    days = np.arange(SCORE_DAYS + 1)
    every, place = np.unique(hours[:, None] - 24 * days, return_inverse=True)
    place = place.reshape(len(hours), -1)
    expected_c, came_c = _maxima(frame, runs, every)
    answers: list[PlainForecast | None] = []
    for own in place:
        missed_c = (came_c - expected_c)[own[1:]]
        missed_c = missed_c[np.isfinite(missed_c)]
        if len(missed_c) < MINIMUM_SCORES or not np.isfinite(expected_c[own[0]]):
            answers.append(None)
            continue
        error_c = max(float(np.abs(missed_c).mean()), MIN_ERROR_C)
        answers.append(
            PlainForecast(
                day_max_c=float(expected_c[own[0]]),
                error_c=error_c,
                scores=missed_c / error_c,
            )
        )
    return answers


def _maxima(
    frame: TelemetryFrame, runs: WeatherRuns, hours: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Largest corrected and largest measured hour of windows; NaN unless all known."""
    first_hour = round(hours_since_1970(frame.start_utc))
    measured = frame.column(Quantity.TEMPERATURE_C)
    said = runs.around(
        Quantity.TEMPERATURE_C, measured, first_hour, hours, horizon_h=WINDOW_H
    )
    instants = [frame.start_utc + timedelta(hours=int(h - first_hour)) for h in hours]
    came = observed_windows(frame, Quantity.TEMPERATURE_C, instants, WINDOW_H)
    return (said.mean + said.bias).max(axis=1), came.max(axis=1)
