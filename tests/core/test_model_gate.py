"""The gate: what lets a model serve, and each reason that stops it."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.model_gate import (
    GateVerdict,
    HourComparison,
    ModelFigures,
    RegionComparison,
    coverage_tolerance,
    judge_bounds,
    judge_errors,
    pooled,
)

ALPHA = Decimal("0.05")
ALPHAS = {"aa": ALPHA, "bb": ALPHA}

GOOD = ModelFigures(
    n_windows=365,
    n_hours=365 * 24,
    squared_error_sum=365 * 24 * 4.0,
    absolute_error_sum=365 * 24 * 1.5,
    persistence_squared_sum=365 * 24 * 9.0,
    bound_days=365,
    covered_days=347,
    margin_sum_c=365 * 3.5,
    exceedance_days=40,
    approved_exceedance_days=2,
    blocked_safe_days=50,
)


def region(slug: str = "aa", **changes: object) -> RegionComparison:
    base = RegionComparison(
        region_slug=slug,
        new=GOOD,
        active=GOOD,
        common_days=365,
        common_unsafe_new=2,
        common_unsafe_active=2,
        complete_days=700,
        limit_c=35.0,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_figures_are_ratios_of_their_sums() -> None:
    assert GOOD.rmse == 2.0
    assert GOOD.mae == 1.5
    assert GOOD.skill_frac == pytest.approx(1 - 2 / 3)
    assert GOOD.coverage_frac == pytest.approx(347 / 365)
    assert GOOD.mean_margin_c == pytest.approx(3.5)
    assert GOOD.safe_days == 325


def test_pooled_figures_weigh_by_days_not_by_region() -> None:
    small = replace(GOOD, n_hours=24, squared_error_sum=24 * 100.0)
    both = pooled([GOOD, small])
    expected = (GOOD.squared_error_sum + small.squared_error_sum) / (366 * 24)
    assert both.rmse == pytest.approx(math.sqrt(expected))


def test_nothing_judged_gives_no_numbers_rather_than_wrong_ones() -> None:
    empty = ModelFigures()
    for value in (empty.rmse, empty.skill_frac, empty.coverage_frac):
        assert math.isnan(value)


@pytest.mark.parametrize(("n_days", "least"), [(365, 0.9272), (100, 0.9064)])
def test_fewer_days_are_given_more_room(n_days: int, least: float) -> None:
    assert coverage_tolerance(n_days, ALPHA) == pytest.approx(least, abs=1e-4)


def test_many_days_keep_two_points_of_slack() -> None:
    assert coverage_tolerance(100_000, ALPHA) == pytest.approx(0.93)


def test_a_good_model_passes_without_findings() -> None:
    verdict = judge_bounds([region("aa"), region("bb")], ALPHAS)
    assert (verdict.passed, verdict.findings) == (True, ())


def test_one_region_below_its_tolerance_stops_it() -> None:
    low = replace(GOOD, covered_days=338)
    verdict = judge_bounds([region("aa"), region("bb", new=low)], ALPHAS)
    assert not verdict.passed
    assert verdict.findings == (
        "bb: the bound held on 92.6% of 365 days; at least 92.7% is required.",
    )


def test_just_at_the_tolerance_it_passes() -> None:
    at_least = math.ceil(365 * coverage_tolerance(365, ALPHA))
    enough = replace(GOOD, covered_days=at_least)
    assert judge_bounds([region(new=enough)], ALPHAS).passed
    one_less = replace(GOOD, covered_days=at_least - 1)
    assert not judge_bounds([region(new=one_less)], ALPHAS).passed


def test_unsafe_approvals_may_not_rise_over_all_regions() -> None:
    more = region("aa", common_unsafe_new=4)
    fewer = region("bb", common_unsafe_new=0)
    assert judge_bounds([more, fewer], ALPHAS).passed
    verdict = judge_bounds([more, region("bb", common_unsafe_new=1)], ALPHAS)
    assert "would have approved 5 days" in verdict.findings[0]
    assert "approved 4 of the same 730 days" in verdict.findings[0]


def hours(*, low: int = -1, unsafe: int = -1) -> tuple[HourComparison, ...]:
    """24 hours of issue, one of them with a low coverage or unsafe approvals."""
    return tuple(
        HourComparison(
            local_hour=hour,
            bound_days=365,
            covered_days=330 if hour == low else 347,
            common_unsafe_new=6 if hour == unsafe else 2,
            common_unsafe_active=2,
        )
        for hour in range(24)
    )


def at_all_hours(by_hour: tuple[HourComparison, ...]) -> RegionComparison:
    new = replace(
        GOOD,
        bound_days=sum(hour.bound_days for hour in by_hour),
        covered_days=sum(hour.covered_days for hour in by_hour),
    )
    return region(
        new=new,
        common_days=new.bound_days,
        common_unsafe_new=sum(hour.common_unsafe_new for hour in by_hour),
        common_unsafe_active=sum(hour.common_unsafe_active for hour in by_hour),
        by_hour=by_hour,
    )


def test_every_hour_of_issue_is_judged_not_the_mean_alone() -> None:
    assert judge_bounds([at_all_hours(hours())], ALPHAS) == GateVerdict(
        passed=True, findings=()
    )
    verdict = judge_bounds([at_all_hours(hours(low=15))], ALPHAS)
    assert verdict.findings == (
        (
            "aa: issued at 15:00 the bound held on 90.4% of 365 days; at least 91.6% is"
            " required of every hour (1 of 24 lie below)."
        ),
    )
    verdict = judge_bounds([at_all_hours(hours(unsafe=16))], ALPHAS)
    assert verdict.findings == (
        (
            "Issued at 16:00 it would have approved 6 days that exceeded the limit; the"
            " model that serves approved 2."
        ),
    )


def test_a_day_more_in_the_mean_of_the_hours_is_too_much() -> None:
    some = [replace(hour, common_unsafe_new=3) for hour in hours()]
    verdict = judge_bounds([at_all_hours(tuple(some))], ALPHAS)
    assert "approved 3 days that exceeded the limit, in the mean" in verdict.findings[0]
    some[0] = replace(some[0], common_unsafe_new=2)
    assert judge_bounds([at_all_hours(tuple(some))], ALPHAS).passed


def test_days_of_a_region_are_counted_once_not_once_an_hour() -> None:
    few = [replace(hour, bound_days=29, covered_days=29) for hour in hours()]
    verdict = judge_bounds([at_all_hours(tuple(few))], ALPHAS)
    assert "only 29 days with a bound lie after" in verdict.findings[0]


def test_a_window_without_an_answer_stops_it() -> None:
    silent = replace(GOOD, unanswered_windows=1)
    for judge in (lambda r: judge_bounds(r, ALPHAS), judge_errors):
        verdict = judge([region(new=silent)])
        assert not verdict.passed
        assert "no usable forecast for 1 windows" in verdict.findings[0]


def test_a_region_with_little_telemetry_is_named_but_does_not_stop_it() -> None:
    fresh = region("bb", complete_days=40, new=replace(GOOD, bound_days=0))
    verdict = judge_bounds([region("aa"), fresh], ALPHAS)
    assert verdict.passed
    assert "bb was not judged" in verdict.findings[0]


def test_little_history_after_training_stops_it_when_telemetry_has_more() -> None:
    short = replace(GOOD, bound_days=29, covered_days=29)
    verdict = judge_bounds([region(new=short)], ALPHAS)
    assert not verdict.passed
    assert "only 29 days with a bound lie after" in verdict.findings[0]


@pytest.mark.parametrize("regions", [[], [region(complete_days=3)]])
def test_without_any_judged_region_nothing_passes(
    regions: list[RegionComparison],
) -> None:
    for verdict in (judge_bounds(regions, ALPHAS), judge_errors(regions)):
        assert not verdict.passed
        assert "No region has enough telemetry" in verdict.findings[0]


def test_coverage_that_is_not_a_number_does_not_pass() -> None:
    broken = replace(GOOD, covered_days=0)
    assert not judge_bounds([region(new=broken)], ALPHAS).passed


def test_errors_may_rise_by_a_tenth_at_most() -> None:
    tenth = replace(GOOD, squared_error_sum=GOOD.squared_error_sum * 1.2)
    assert judge_errors([region(new=tenth)]).passed
    fifth = replace(GOOD, squared_error_sum=GOOD.squared_error_sum * 1.44)
    verdict = judge_errors([region(new=fifth)])
    assert "the RMSE rises from 2 to 2.4" in verdict.findings[0]


def test_a_first_model_must_beat_persistence() -> None:
    bad = replace(GOOD, squared_error_sum=GOOD.persistence_squared_sum)
    verdict = judge_errors([region(new=bad, active=None)])
    assert "no better than persistence" in verdict.findings[0]
    assert judge_errors([region(active=None)]).passed


WORSE_ERRORS = replace(GOOD, squared_error_sum=GOOD.squared_error_sum * 1.44)
WIDER = replace(GOOD, margin_sum_c=365 * 4.7)
MORE_BLOCKED = replace(GOOD, blocked_safe_days=90)


def beside(new: ModelFigures, **changes: object) -> RegionComparison:
    return region(
        **{"new": new, "common_new": new, "common_active": GOOD, "plain": GOOD}
        | changes
    )


def test_errors_margin_and_blocked_days_are_held_against_the_serving_model() -> None:
    assert judge_bounds([beside(GOOD)], ALPHAS).passed
    for new, sentence in (
        (WORSE_ERRORS, "the RMSE rises from 2 to 2.4"),
        (WIDER, "on average, that of the serving model 3.5 °C; at most 4.6 °C"),
        (MORE_BLOCKED, "blocks 28% of the safe days, the serving model 15%"),
    ):
        (finding, *_) = judge_bounds([beside(new)], ALPHAS).findings
        assert sentence in finding


def test_a_little_worse_than_the_serving_model_passes() -> None:
    new = replace(
        GOOD,
        squared_error_sum=GOOD.squared_error_sum * 1.2,
        margin_sum_c=365 * 4.5,
        blocked_safe_days=80,
    )
    assert judge_bounds([beside(new)], ALPHAS).passed


def test_a_first_model_is_held_against_the_plain_model_and_persistence() -> None:
    first: dict[str, object] = {
        "active": None,
        "common_new": None,
        "common_active": None,
        "common_days": 0,
        "common_unsafe_new": 0,
        "common_unsafe_active": 0,
    }
    assert judge_bounds([beside(GOOD, **first)], ALPHAS).passed
    wide = replace(GOOD, margin_sum_c=365 * 6.0)
    (finding,) = judge_bounds([beside(wide, **first)], ALPHAS).findings
    assert "that of the portal's plain model 3.5 °C; at most 5.8 °C" in finding
    (finding,) = judge_bounds([beside(MORE_BLOCKED, **first)], ALPHAS).findings
    assert "the portal's plain model 15%; at most 10 points more" in finding
    unsafe = replace(GOOD, approved_exceedance_days=3)
    (finding,) = judge_bounds([beside(unsafe, **first)], ALPHAS).findings
    assert "approved 3 days that exceeded the limit; the portal's plain" in finding
    poor = replace(GOOD, squared_error_sum=GOOD.persistence_squared_sum * 1.01)
    (finding,) = judge_bounds([beside(poor, **first)], ALPHAS).findings
    assert "no better than persistence" in finding


def test_a_first_model_may_be_a_little_worse_than_persistence_in_some_regions() -> None:
    first: dict[str, Any] = {
        "active": None,
        "common_active": None,
        "common_days": 0,
        "common_unsafe_new": 0,
        "common_unsafe_active": 0,
    }

    def of_rmse(ratio: float) -> ModelFigures:
        return replace(GOOD, squared_error_sum=GOOD.persistence_squared_sum * ratio**2)

    for ratio, allowed, message in (
        (1.09, True, ""),
        (1.11, False, "it is worse than persistence"),
    ):
        verdict = judge_bounds(
            [beside(GOOD, **first), beside(of_rmse(ratio), **first)], ALPHAS
        )
        assert verdict.passed is allowed
        assert all(message in finding for finding in verdict.findings)
    replacing = judge_bounds([beside(of_rmse(1.01))], ALPHAS)
    assert any("it is worse than persistence" in item for item in replacing.findings)


def test_bounds_that_were_implausible_in_the_past_are_refused() -> None:
    assert judge_bounds([beside(GOOD, implausible_days=3)], ALPHAS).passed
    (finding,) = judge_bounds([beside(GOOD, implausible_days=4)], ALPHAS).findings
    assert "1.1% of its bounds lay implausibly far below" in finding
