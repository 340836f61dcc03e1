"""Walking a model through past days: only what had ended may be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from core.conformal import check_limit
from core.conformity import ScoreTracker, conformity_score
from core.forecasts import RefusalCode
from models.rolling import RegionDays
from models.shadow import (
    JudgedDay,
    bound_figures,
    count_unsafe,
    error_figures,
    judged_days,
)

ALPHA = Decimal("0.05")
LIMIT_C = 30.0
START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A day with a forecast, or the refusal of one."""

    issued_at_utc: datetime
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    observed: NDArray[np.float64]
    persistence: NDArray[np.float64]
    refused: RefusalCode | None = None


def window(
    day: int,
    *,
    mean: float = 20.0,
    scale: float = 1.0,
    error: float = 0.0,
    hours_ahead: int = 0,
    known: bool = True,
) -> Window:
    observed = np.full(24, mean + error)
    if not known:
        observed[5] = np.nan
    return Window(
        issued_at_utc=START + timedelta(days=day, hours=hours_ahead),
        mean=np.full(24, mean),
        scale=np.full(24, scale),
        observed=observed,
        persistence=observed + 2.0,
    )


def days_of(windows: Sequence[Window]) -> RegionDays:
    return RegionDays(
        issues=[w.issued_at_utc for w in windows],
        mean=np.stack([w.mean for w in windows]),
        scale=np.stack([w.scale for w in windows]),
        observed=np.stack([w.observed for w in windows]),
        persistence=np.stack([w.persistence for w in windows]),
        refused=[w.refused for w in windows],
    )


def judge(windows: Sequence[Window]) -> list[JudgedDay]:
    return judged_days(days_of(windows), confidence=1 - ALPHA, limit_c=LIMIT_C)


def weather(n_days: int) -> list[Window]:
    random = np.random.default_rng(4)
    return [window(i, error=e) for i, e in enumerate(random.normal(0, 1, n_days))]


def test_a_day_is_judged_with_the_scores_of_the_days_before_it() -> None:
    windows = weather(150)
    judged = judge(windows)
    assert [day.issued_at_utc for day in judged] == [
        w.issued_at_utc for w in windows[60:]
    ]
    position = 100
    scores = [
        conformity_score(float(w.observed.max()), w.mean, w.scale)
        for w in windows[:position]
    ]
    expected = check_limit(
        windows[position].mean,
        windows[position].scale,
        ScoreTracker(ALPHA, scores).calibration(),
        limit=LIMIT_C,
    )
    assert judged[position - 60].bound_c == expected.bound


def test_the_future_changes_nothing_before_it() -> None:
    windows = weather(150)
    before = judge(windows)
    later = [*windows[:120], *(window(i, error=50.0) for i in range(120, 150))]
    after = judge(later)
    assert after[:60] == before[:60]


def test_a_window_that_still_runs_lends_no_score() -> None:
    """After a day of 23 hours the window before has an hour to go."""
    windows = [window(i, error=0.1) for i in range(60)]
    early = window(60, hours_ahead=-1)
    judged = judge([*windows, early])
    assert judged == []
    on_time = judge([*windows, window(60)])
    assert len(on_time) == 1


def test_days_with_missing_hours_are_neither_scored_nor_judged() -> None:
    windows = weather(100)
    windows[70] = window(70, known=False)
    judged = judge(windows)
    assert START + timedelta(days=70) not in {day.issued_at_utc for day in judged}
    assert len(judged) == 39


def test_figures_count_what_the_scheduler_would_have_done() -> None:
    calm = [window(i, error=0.5 * (i % 3)) for i in range(80)]
    hot = [window(80, mean=29.5, error=0.9), window(81, mean=26.0, error=6.0)]
    judged = judge([*calm, *hot])
    figures = bound_figures(judged, LIMIT_C)
    assert figures.bound_days == 22
    assert figures.exceedance_days == 2
    # The first was seen coming and blocked; the second was approved and went over.
    assert figures.approved_exceedance_days == count_unsafe(judged, LIMIT_C) == 1
    # One calm day's error lies a hair above the bound, which tracking has lowered.
    assert figures.covered_days == 20


def test_errors_leave_out_hours_that_nobody_knows() -> None:
    figures = error_figures(
        days_of([window(0, error=1.0), window(1, error=1.0, known=False)])
    )
    assert figures.n_hours == 47
    assert figures.rmse == pytest.approx(1.0)
    assert figures.skill_frac == pytest.approx(1 - 1.0 / 2.0)


def test_a_silent_model_is_counted_against_it() -> None:
    nothing = np.full(24, np.nan)
    silent = replace(
        window(0),
        mean=nothing,
        scale=nothing,
        refused=RefusalCode.FORECAST_NOT_FINITE,
    )
    figures = error_figures(days_of([silent, window(1)]))
    assert (figures.n_windows, figures.unanswered_windows) == (1, 1)
    assert judge([silent]) == []
