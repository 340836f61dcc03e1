"""Walking a model through past days: only what had ended may be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.conformal import ScoreTracker, check_limit, conformity_score
from core.forecasts import HourlyForecast, Target
from models.shadow import (
    PastWindow,
    bound_figures,
    count_unsafe,
    error_figures,
    walk_forward,
)

ALPHA = Decimal("0.05")
LIMIT_C = 30.0
START = datetime(2024, 1, 1, tzinfo=UTC)


def window(
    day: int,
    *,
    mean: float = 20.0,
    scale: float = 1.0,
    error: float = 0.0,
    hours_ahead: int = 0,
    known: bool = True,
) -> PastWindow:
    issued = START + timedelta(days=day, hours=hours_ahead)
    observed = np.full(24, mean + error)
    if not known:
        observed[5] = np.nan
    return PastWindow(
        issued_at_utc=issued,
        forecast=HourlyForecast(
            region_slug="aa",
            target=Target.TEMPERATURE_C,
            issued_at_utc=issued,
            mean=np.full(24, mean),
            scale=np.full(24, scale),
        ),
        is_model_at_fault=False,
        observed=observed,
        persistence=observed + 2.0,
    )


def weather(n_days: int) -> list[PastWindow]:
    random = np.random.default_rng(4)
    return [window(i, error=e) for i, e in enumerate(random.normal(0, 1, n_days))]


def test_a_day_is_judged_with_the_scores_of_the_days_before_it() -> None:
    windows = weather(150)
    judged = walk_forward(windows, alpha=ALPHA, limit_c=LIMIT_C)
    assert [day.issued_at_utc for day in judged] == [
        w.issued_at_utc for w in windows[60:]
    ]
    position = 100
    scores = [
        conformity_score(w.day_max, w.forecast.mean, w.forecast.scale)
        for w in windows[:position]
        if w.forecast is not None
    ]
    forecast = windows[position].forecast
    assert forecast is not None
    expected = check_limit(
        forecast.mean,
        forecast.scale,
        ScoreTracker(ALPHA, scores).calibration(),
        limit=LIMIT_C,
    )
    assert judged[position - 60].bound_c == expected.bound


def test_the_future_changes_nothing_before_it() -> None:
    windows = weather(150)
    before = walk_forward(windows, alpha=ALPHA, limit_c=LIMIT_C)
    later = [*windows[:120], *(window(i, error=50.0) for i in range(120, 150))]
    after = walk_forward(later, alpha=ALPHA, limit_c=LIMIT_C)
    assert after[:60] == before[:60]


def test_a_window_that_still_runs_lends_no_score() -> None:
    """After a day of 23 hours the window before has an hour to go."""
    windows = [window(i, error=0.1) for i in range(60)]
    early = window(60, hours_ahead=-1)
    judged = walk_forward([*windows, early], alpha=ALPHA, limit_c=LIMIT_C)
    assert judged == []
    on_time = walk_forward([*windows, window(60)], alpha=ALPHA, limit_c=LIMIT_C)
    assert len(on_time) == 1


def test_days_with_missing_hours_are_neither_scored_nor_judged() -> None:
    windows = weather(100)
    windows[70] = window(70, known=False)
    judged = walk_forward(windows, alpha=ALPHA, limit_c=LIMIT_C)
    assert START + timedelta(days=70) not in {day.issued_at_utc for day in judged}
    assert len(judged) == 39


def test_figures_count_what_the_scheduler_would_have_done() -> None:
    calm = [window(i, error=0.5 * (i % 3)) for i in range(80)]
    hot = [window(80, mean=29.5, error=0.9), window(81, mean=26.0, error=6.0)]
    judged = walk_forward([*calm, *hot], alpha=ALPHA, limit_c=LIMIT_C)
    figures = bound_figures(judged, LIMIT_C)
    assert figures.bound_days == 22
    assert figures.exceedance_days == 2
    # The first was seen coming and blocked; the second was approved and went over.
    assert figures.approved_exceedance_days == count_unsafe(judged, LIMIT_C) == 1
    # One calm day's error lies a hair above the bound, which tracking has lowered.
    assert figures.covered_days == 20


def test_errors_leave_out_hours_that_nobody_knows() -> None:
    figures = error_figures([window(0, error=1.0), window(1, error=1.0, known=False)])
    assert figures.n_hours == 47
    assert figures.rmse == pytest.approx(1.0)
    assert figures.skill_frac == pytest.approx(1 - 1.0 / 2.0)


def test_a_silent_model_is_counted_against_it() -> None:
    silent = PastWindow(
        issued_at_utc=START,
        forecast=None,
        is_model_at_fault=True,
        observed=np.zeros(24),
        persistence=np.zeros(24),
    )
    figures = error_figures([silent, window(1)])
    assert (figures.n_windows, figures.unanswered_windows) == (1, 1)
    assert walk_forward([silent], alpha=ALPHA, limit_c=LIMIT_C) == []
