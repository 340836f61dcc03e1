"""The portal's own plain model: what it knows, and that it forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.conformity import quantile_rank
from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import IssuedRun, weather_runs
from models.plain_model import (
    HISTORY_H,
    MIN_ERROR_C,
    RECENT_H,
    PlainFit,
    plain_forecast,
    plain_forecasts,
    usual_shape,
    week_start,
    weekly_fits,
)

START = datetime(2022, 1, 1, tzinfo=UTC)
N_HOURS = HISTORY_H + 60 * 24
ALPHA = Decimal("0.05")


def _frame(
    values: Mapping[Quantity, np.ndarray], n_hours: int = N_HOURS
) -> TelemetryFrame:
    return TelemetryFrame(
        region_slug="aa", start_utc=START, n_hours=n_hours, values=values
    )


def weather(seed: int = 3) -> TelemetryFrame:
    """A season, a daily cycle, and weather that lasts for days."""
    random = np.random.default_rng(seed)
    hour = np.arange(N_HOURS)
    slow, value = np.empty(N_HOURS), 0.0
    for i, step in enumerate(random.normal(0, 0.5, N_HOURS)):
        value = 0.985 * value + step
        slow[i] = value
    season = 12 * np.sin(2 * np.pi * (hour - 2_500) / 8_766)
    day = -5 * np.cos(2 * np.pi * (hour - 3) / 24)
    return _frame({Quantity.TEMPERATURE_C: 15 + season + day + slow})


FRAME = weather()
LAST = FRAME.end_utc - 24 * HOUR
ISSUES = [LAST - hours * HOUR for hours in range(0, 40 * 24, 7)]


def test_it_knows_no_hour_after_the_issue() -> None:
    issue = ISSUES[3]
    changed = FRAME.column(Quantity.TEMPERATURE_C).copy()
    changed[int((issue - START) // HOUR) :] = 55.0
    (before,) = plain_forecasts(FRAME, [issue])
    (after,) = plain_forecasts(_frame({Quantity.TEMPERATURE_C: changed}), [issue])
    assert before is not None
    assert after is not None
    assert after.day_max_c == before.day_max_c
    np.testing.assert_array_equal(after.scores, before.scores)


def test_an_issue_gets_the_same_forecast_alone_as_among_others() -> None:
    among = plain_forecasts(FRAME, ISSUES)
    for number in (0, 5, 50):
        issue = ISSUES[number]
        as_live = FRAME.window(issue - HISTORY_H * HOUR, issue)
        (alone,) = plain_forecasts(as_live, [issue])
        other = among[number]
        assert alone is not None
        assert other is not None
        assert alone.day_max_c == pytest.approx(other.day_max_c, abs=1e-8)
        assert alone.bound_c(ALPHA) == pytest.approx(other.bound_c(ALPHA), abs=1e-8)


def test_it_is_better_than_the_day_before_and_its_bound_holds() -> None:
    temperature_c = FRAME.column(Quantity.TEMPERATURE_C)
    errors, persistence, held = [], [], []
    for issue, found in zip(ISSUES, plain_forecasts(FRAME, ISSUES), strict=True):
        at = int((issue - START) // HOUR)
        day_max_c = temperature_c[at : at + 24].max()
        assert found is not None
        bound_c = found.bound_c(ALPHA)
        assert bound_c is not None
        errors.append(found.day_max_c - day_max_c)
        persistence.append(temperature_c[at - 24 : at].max() - day_max_c)
        held.append(day_max_c <= bound_c)
    assert np.std(errors) < 0.95 * np.std(persistence)
    assert np.mean(held) >= 0.85


def test_its_bound_is_the_conformal_quantile_of_its_own_errors() -> None:
    (found,) = plain_forecasts(FRAME, [LAST])
    assert found is not None
    assert len(found.scores) == 365
    score = np.sort(found.scores)[quantile_rank(365, ALPHA) - 1]
    assert found.bound_c(ALPHA) == found.day_max_c + score * found.error_c


def test_with_too_few_days_it_says_nothing() -> None:
    short = FRAME.window(LAST - 80 * 24 * HOUR, LAST)
    (found,) = plain_forecasts(short, [LAST])
    assert found is None or found.bound_c(ALPHA) is None
    assert plain_forecasts(_frame({}), [LAST]) == [None]
    assert plain_forecasts(FRAME, []) == []
    longer = FRAME.window(LAST - 120 * 24 * HOUR, LAST)
    (found,) = plain_forecasts(longer, [LAST])
    assert found is not None
    assert found.bound_c(ALPHA) is not None


def test_a_gap_that_a_serving_model_bears_does_not_silence_it() -> None:
    holes = FRAME.column(Quantity.TEMPERATURE_C).copy()
    at = int((LAST - START) // HOUR)
    holes[at - 60 : at - 30] = np.nan
    holes[at - 9 : at - 7] = np.nan
    (found,) = plain_forecasts(_frame({Quantity.TEMPERATURE_C: holes}), [LAST])
    assert found is not None
    assert found.bound_c(ALPHA) is not None


def test_without_newer_hours_it_says_nothing() -> None:
    silent = FRAME.column(Quantity.TEMPERATURE_C).copy()
    at = int((LAST - START) // HOUR)
    silent[at - 20 :] = np.nan
    assert plain_forecasts(_frame({Quantity.TEMPERATURE_C: silent}), [LAST]) == [None]


def test_constant_telemetry_keeps_an_error() -> None:
    constant = _frame({Quantity.TEMPERATURE_C: np.full(N_HOURS, 21.0)})
    (found,) = plain_forecasts(constant, [LAST])
    assert found is not None
    assert found.error_c == MIN_ERROR_C
    assert found.bound_c(ALPHA) == pytest.approx(21.0, abs=1e-6)


def test_a_record_hot_day_is_expected_to_be_followed_by_heat() -> None:
    hotter = FRAME.column(Quantity.TEMPERATURE_C).copy()
    at = int((LAST - START) // HOUR)
    hotter[at - 48 : at] += 15.0
    (usual,) = plain_forecasts(FRAME, [LAST])
    (record,) = plain_forecasts(_frame({Quantity.TEMPERATURE_C: hotter}), [LAST])
    assert usual is not None
    assert record is not None
    assert record.day_max_c > usual.day_max_c + 8.0


def test_instants_may_come_in_any_order() -> None:
    forwards = plain_forecasts(FRAME, ISSUES[:30])
    backwards = plain_forecasts(FRAME, ISSUES[:30][::-1])
    first, last = forwards[0], backwards[-1]
    assert first is not None
    assert last is not None
    assert first.day_max_c == last.day_max_c
    assert timedelta(hours=7) == ISSUES[0] - ISSUES[1]


def _with_runs(frame: TelemetryFrame, last_hour: int | None = None) -> TelemetryFrame:
    """A run every six hours, known five hours later, with an error of its own."""
    truth = frame.column(Quantity.TEMPERATURE_C)
    random = np.random.default_rng(5)
    runs = []
    for hour in range(0, frame.n_hours - 60, 6):
        issued = frame.start_utc + hour * HOUR
        error = np.cumsum(random.normal(0, 0.05, 60)) + random.normal(0, 0.3)
        if last_hour is None or hour <= last_hour:
            runs.append(
                IssuedRun(
                    source="test",
                    model="a",
                    member="",
                    issued_at_utc=issued,
                    known_at_utc=issued + 5 * HOUR,
                    first_lead_h=0,
                    values={Quantity.TEMPERATURE_C: truth[hour : hour + 60] + error},
                )
            )
    return replace(frame, runs=weather_runs(runs))


def test_beside_a_model_that_used_a_weather_forecast_it_uses_that_too() -> None:
    issue = LAST - 30 * 24 * HOUR
    at = int((issue - START) // HOUR)
    frame = _with_runs(FRAME)
    (alone,) = plain_forecasts(frame, [issue], runs_used=[False])
    (informed,) = plain_forecasts(frame, [issue], runs_used=[True])
    (never,) = plain_forecasts(FRAME, [issue], runs_used=[True])
    assert alone is not None
    assert informed is not None
    assert never is not None
    assert informed.error_c < 0.7 * alone.error_c
    assert never.day_max_c == alone.day_max_c
    # A run that came after the issue changes nothing.
    (same,) = plain_forecasts(_with_runs(FRAME, at - 5), [issue], runs_used=[True])
    assert same is not None
    assert same.day_max_c == pytest.approx(informed.day_max_c, abs=1e-9)


@pytest.mark.parametrize("runs", [False, True])
def test_a_week_kept_gives_the_same_forecasts_to_the_bit(runs: bool) -> None:
    frame = _with_runs(FRAME) if runs else FRAME
    issues = [LAST - hours * HOUR for hours in (40, 41 * 24, 333)]
    whole = plain_forecasts(frame, issues, runs_used=[runs] * len(issues))
    for issue, expected in zip(issues, whole, strict=True):
        week = week_start("aa", issue)
        past = frame.window(week - HISTORY_H * HOUR, week)
        fit = weekly_fits(past, week)[issue.hour, runs]
        kept = PlainFit.from_bytes(*fit.to_bytes())
        recent = frame.window(issue - RECENT_H * HOUR, issue)
        found = plain_forecast(recent, issue, kept, uses_runs=runs)
        assert found is not None
        assert expected is not None
        assert found.day_max_c == expected.day_max_c
        assert found.error_c == expected.error_c
        np.testing.assert_array_equal(found.scores, expected.scores)
        np.testing.assert_array_equal(found.hours_c, expected.hours_c)


def test_the_hours_of_a_day_are_forecast_better_than_by_the_day_before() -> None:
    issues = [LAST - hours * HOUR for hours in range(40, 40 + 60 * 24, 24)]
    measured = FRAME.column(Quantity.TEMPERATURE_C)
    at = [int((issue - START) // HOUR) for issue in issues]
    observed = np.stack([measured[n : n + 24] for n in at])
    day_before = np.stack([measured[n - 24 : n] for n in at])
    found = np.stack([one.hours_c for one in plain_forecasts(FRAME, issues) if one])
    assert found.shape == observed.shape
    errors, others = (
        np.sqrt(np.mean((hours - observed) ** 2)) for hours in (found, day_before)
    )
    assert errors < others


def test_the_usual_course_follows_the_days_before_or_a_run_that_covers() -> None:
    issue = LAST - 30 * 24 * HOUR
    at = int((issue - START) // HOUR)
    measured = FRAME.column(Quantity.TEMPERATURE_C)
    usual = usual_shape(FRAME, issue, 1.0, uses_runs=True)
    informed = usual_shape(_with_runs(FRAME), issue, 1.0, uses_runs=True)
    assert usual is not None
    assert informed is not None
    days = measured[at - 28 * 24 : at].reshape(28, 24)
    below = days.max(axis=1)[:, None] - days
    np.testing.assert_allclose(usual.below_c, below.mean(axis=0))
    came = measured[at : at + 24]
    np.testing.assert_allclose(informed.below_c, came.max() - came, atol=1.5)
    assert (informed.spread_c == 1.0).all()
    gaps = measured.copy()
    gaps[at - 28 * 24 : at - 10 * 24] = np.nan
    holes = _frame({Quantity.TEMPERATURE_C: gaps})
    assert usual_shape(holes, issue, 1.0, uses_runs=False) is None


def test_a_weather_forecast_without_enough_past_is_left_aside() -> None:
    issue = LAST - 30 * 24 * HOUR
    frame = _with_runs(FRAME)
    assert frame.runs is not None
    (informed,) = plain_forecasts(
        frame, [issue], runs_used=[True], least_scores=100_000
    )
    (alone,) = plain_forecasts(frame, [issue])
    assert informed is not None
    assert alone is not None
    assert informed.day_max_c == alone.day_max_c


def test_a_suspect_hour_is_not_believed() -> None:
    at = int((LAST - START) // HOUR)
    hot = FRAME.column(Quantity.TEMPERATURE_C).copy()
    hot[at - 3] = 49.0
    codes = np.zeros(N_HOURS, np.int8)
    codes[at - 3] = 1
    suspect = replace(
        _frame({Quantity.TEMPERATURE_C: hot}),
        findings={Quantity.TEMPERATURE_C: codes},
    )
    (misled,) = plain_forecasts(_frame({Quantity.TEMPERATURE_C: hot}), [LAST])
    (found,) = plain_forecasts(suspect, [LAST])
    (usual,) = plain_forecasts(FRAME, [LAST])
    assert misled is not None
    assert found is not None
    assert usual is not None
    assert abs(found.day_max_c - usual.day_max_c) < 0.5
    assert misled.day_max_c > usual.day_max_c + 1.0
