"""The backtest's figures: right on days that can be counted by hand, and honest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from core.conformal import LimitCheck
from core.errors import InvalidInput
from core.forecasts import RefusalCode, Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.backtest import BacktestResult, BacktestSetup, run_backtest, steps
from models.backtest_figures import (
    Decisions,
    JudgedDays,
    RolledDays,
    pooled_figures,
    region_figures,
)
from models.metadata import Family
from models.rolling import RegionDays

MakeFrame = Callable[..., TelemetryFrame]

START = datetime(2023, 1, 1, tzinfo=UTC)
CONFIDENCE = Decimal("0.95")


def _days(observed: np.ndarray, mean: np.ndarray) -> RegionDays:
    n_days = len(observed)
    return RegionDays(
        issues=[START + timedelta(days=day) for day in range(n_days)],
        mean=mean,
        scale=np.ones_like(mean),
        observed=observed,
        persistence=np.zeros_like(mean),
        refused=[None] * n_days,
    )


def _check(bound: float, limit_c: float) -> LimitCheck:
    return LimitCheck(
        exceedance_probability=0.5,
        is_exceeded=bound > limit_c,
        bound=bound,
        quantile=1.0,
    )


def test_figures_of_two_days_counted_by_hand() -> None:
    observed = np.array([[1.0, 3.0], [2.0, 6.0]])
    mean = np.array([[1.0, 2.0], [2.0, 3.0]])
    tested = RolledDays(
        days=_days(observed, mean),
        half_width=np.full((2, 2), 1.0),
        judged=JudgedDays(limit_c=5.0, checks=[_check(4.0, 5.0), _check(4.5, 5.0)]),
    )
    figures = region_figures(tested, CONFIDENCE)

    assert figures.n_days == 2
    assert figures.rmse == pytest.approx(np.sqrt((0 + 1 + 0 + 9) / 4))
    assert figures.mae == pytest.approx(1.0)
    assert figures.rmse_persistence == pytest.approx(np.sqrt((1 + 9 + 4 + 36) / 4))
    assert figures.skill_frac == pytest.approx(1 - np.sqrt(10 / 50))
    assert figures.pointwise is not None
    assert figures.pointwise.coverage == 0.75
    assert figures.pointwise.coverage_by_horizon == (1.0, 0.5)
    assert figures.pointwise.mean_width == 2.0
    # One of four hours lies 2 outside: 2 + 2 / 0.05 * 2 / 4.
    assert figures.pointwise.winkler == pytest.approx(22.0)
    assert figures.pointwise.worst_30d is None
    assert figures.day_bound is not None
    assert figures.day_bound.coverage == 0.5
    assert figures.day_bound.mean_margin_c == pytest.approx((1.0 - 1.5) / 2)
    assert figures.decisions == Decisions(
        exceedance_days=1,
        approved_exceedance_days=1,
        safe_days=1,
        blocked_safe_days=0,
    )
    assert figures.unscored == {}


def test_worst_run_is_that_of_the_worst_region() -> None:
    rng = np.random.default_rng(5)
    good = _days(np.zeros((100, 2)), np.zeros((100, 2)))
    late = np.zeros((100, 2))
    late[70:85] = 9.0  # 15 days in a row outside
    bad = _days(late, np.zeros((100, 2)))
    tested = [
        RolledDays(
            days=days,
            half_width=np.full((100, 2), 1.0),
            judged=JudgedDays(limit_c=5.0, checks=[_check(2.0, 5.0)] * 100),
        )
        for days in (good, bad)
    ]
    pooled = pooled_figures([tested[i] for i in rng.permutation(2)], CONFIDENCE)
    assert pooled.pointwise is not None
    assert pooled.day_bound is not None
    assert pooled.pointwise.worst_30d == pytest.approx(0.5)
    assert pooled.day_bound.worst_30d == pytest.approx(0.5)
    assert pooled.day_bound.worst_90d == pytest.approx(75 / 90)
    assert pooled.day_bound.coverage == pytest.approx(185 / 200)


def test_a_day_without_a_bound_is_blocked_and_without_a_forecast_not_counted() -> None:
    observed = np.array([[1.0, 1.0], [9.0, 9.0], [np.nan, 1.0], [1.0, 1.0]])
    days = _days(observed, np.zeros((4, 2)))
    days = replace(days, refused=[None, None, None, RefusalCode.TELEMETRY_GAP])
    mean = days.mean.copy()
    mean[3] = np.nan
    tested = RolledDays(
        days=replace(days, mean=mean),
        half_width=np.full((4, 2), np.nan),
        judged=JudgedDays(limit_c=5.0, checks=[None] * 4),
    )
    figures = region_figures(tested, CONFIDENCE)
    assert figures.n_days == 2
    assert figures.unscored == {"observation_missing": 1, "telemetry_gap": 1}
    assert figures.pointwise is None
    assert figures.day_bound is None
    assert figures.decisions == Decisions(
        exceedance_days=1,
        approved_exceedance_days=0,
        safe_days=1,
        blocked_safe_days=1,
    )


def test_a_region_of_which_nothing_is_known_has_no_figures() -> None:
    nothing = np.full((3, 2), np.nan)
    tested = RolledDays(
        days=_days(nothing, np.zeros((3, 2))),
        half_width=np.ones((3, 2)),
        judged=None,
    )
    figures = region_figures(tested, CONFIDENCE)
    assert figures.n_days == 0
    assert figures.rmse is None
    assert figures.skill_frac is None
    assert figures.unscored == {"observation_missing": 3}


SETUP = BacktestSetup(
    train_until=date(2022, 2, 20),
    calibrate_until=date(2022, 5, 1),
    test_until=date(2022, 6, 10),
    targets=(Target.TEMPERATURE_C,),
    family=Family.RIDGE,
)


@pytest.fixture(scope="module")
def fleet(make_frame: MakeFrame) -> dict[str, tuple[TelemetryFrame, str]]:
    return {
        "aa": (make_frame("aa", n_hours=170 * 24, seed=1), "Europe/Dublin"),
        "bb": (make_frame("bb", n_hours=170 * 24, seed=2), "Asia/Kolkata"),
        # Begins after training has ended: the model has never seen it.
        "cc": (
            make_frame(
                "cc",
                n_hours=130 * 24,
                seed=3,
                start_utc=datetime(2022, 2, 10, tzinfo=UTC),
            ),
            "America/Chicago",
        ),
    }


@pytest.fixture(scope="module")
def result(fleet: dict[str, tuple[TelemetryFrame, str]]) -> BacktestResult:
    return run_backtest(fleet, SETUP)


def test_every_region_is_tested_on_every_day_the_unseen_one_too(
    result: BacktestResult,
) -> None:
    report = result.targets[Target.TEMPERATURE_C]
    assert set(report.regions) == {"aa", "bb", "cc"}
    assert {slug: figures.n_days for slug, figures in report.regions.items()} == {
        "aa": 40,
        "bb": 40,
        "cc": 40,
    }
    assert report.pooled.n_days == 120
    assert report.pooled.skill_frac is not None
    assert report.pooled.skill_frac > 0.1
    for figures in report.regions.values():
        assert figures.day_bound is not None
        assert figures.day_bound.coverage > 0.75


def test_the_same_seed_gives_the_same_figures(
    fleet: dict[str, tuple[TelemetryFrame, str]], result: BacktestResult
) -> None:
    told: list[str] = []
    again = run_backtest(fleet, SETUP, told.append)
    assert again.targets == result.targets
    assert again.limits_c == result.limits_c
    assert len(told) == steps(fleet, SETUP)


def test_what_happens_after_the_test_changes_no_figure(
    fleet: dict[str, tuple[TelemetryFrame, str]], result: BacktestResult
) -> None:
    end = int(
        (datetime(2022, 6, 10, 12, tzinfo=UTC) - datetime(2022, 1, 1, tzinfo=UTC))
        / HOUR
    )

    def absurd(frame: TelemetryFrame) -> TelemetryFrame:
        columns = {q: column.copy() for q, column in frame.values.items()}
        offset = int((frame.start_utc - datetime(2022, 1, 1, tzinfo=UTC)) / HOUR)
        columns[Quantity.TEMPERATURE_C][end - offset :] = 59.0
        return replace(frame, values=columns)

    others = {slug: (absurd(frame), zone) for slug, (frame, zone) in fleet.items()}
    assert run_backtest(others, SETUP).targets == result.targets


def test_a_given_limit_is_held_against_every_region(
    fleet: dict[str, tuple[TelemetryFrame, str]], result: BacktestResult
) -> None:
    high = run_backtest(fleet, replace(SETUP, limit_c=60.0))
    pooled = high.targets[Target.TEMPERATURE_C].pooled
    assert pooled.decisions == Decisions(
        exceedance_days=0,
        approved_exceedance_days=0,
        safe_days=120,
        blocked_safe_days=0,
    )
    assert set(high.limits_c.values()) == {60.0}
    assert len(set(result.limits_c.values())) == 3


def test_only_the_temperature_is_decided_on(
    fleet: dict[str, tuple[TelemetryFrame, str]],
) -> None:
    setup = replace(SETUP, targets=(Target.IT_LOAD_MW,))
    result = run_backtest(fleet, setup)
    pooled = result.targets[Target.IT_LOAD_MW].pooled
    assert pooled.day_bound is None
    assert pooled.decisions is None
    assert result.limits_c == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"calibrate_until": date(2022, 2, 20)}, "Training must end before"),
        ({"test_until": date(2022, 4, 1)}, "Training must end before"),
        ({"targets": ()}, "At least one target"),
    ],
)
def test_a_setup_that_tests_nothing_is_refused(
    changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        replace(SETUP, **changes)


def test_a_region_without_a_day_before_training_ends_has_no_limit_of_its_own(
    fleet: dict[str, tuple[TelemetryFrame, str]], make_frame: MakeFrame
) -> None:
    late = make_frame("dd", n_hours=24 * 90, start_utc=datetime(2022, 3, 1, tzinfo=UTC))
    with pytest.raises(InvalidInput, match="dd has no whole day of temperature before"):
        run_backtest({**fleet, "dd": (late, "UTC")}, SETUP)


def test_regions_may_be_called_anything(
    fleet: dict[str, tuple[TelemetryFrame, str]], result: BacktestResult
) -> None:
    names = {"aa": "Añasco, PR (east)", "bb": "b_b" * 20, "cc": "c/c"}
    renamed = {
        names[slug]: (replace(frame, region_slug=names[slug]), zone)
        for slug, (frame, zone) in fleet.items()
    }
    again = run_backtest(renamed, SETUP)
    assert set(again.targets[Target.TEMPERATURE_C].regions) == set(names.values())
    pooled = again.targets[Target.TEMPERATURE_C].pooled
    assert pooled.n_days == result.targets[Target.TEMPERATURE_C].pooled.n_days
    assert pooled == result.targets[Target.TEMPERATURE_C].pooled


def test_a_target_that_the_telemetry_lacks_is_refused_before_any_work(
    fleet: dict[str, tuple[TelemetryFrame, str]],
) -> None:
    blind = {
        slug: (
            replace(
                frame,
                values={
                    quantity: column
                    for quantity, column in frame.values.items()
                    if quantity is not Quantity.IT_LOAD_MW
                },
            ),
            zone,
        )
        for slug, (frame, zone) in fleet.items()
    }
    told: list[str] = []
    setup = replace(SETUP, targets=(Target.TEMPERATURE_C, Target.IT_LOAD_MW))
    with pytest.raises(InvalidInput, match="has no it_load_mw; leave it out"):
        run_backtest(blind, setup, told.append)
    assert told == []
