"""May a new model serve? Its figures on past windows, beside the model that serves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import Any

from core.conformity import required_scores

MINIMUM_DAYS = 30
"""Days that must be judged in a region. Assumed: with fewer, one day moves the coverage
by more than 3 points."""

COVERAGE_SLACK = 0.02
"""Region-years of a well calibrated bound lie within 2 points of the nominal coverage
(docs/forecast-quality.md)."""

HOUR_DEVIATIONS = 3.0
"""A single issue hour may lie 3 standard deviations below the nominal coverage: of 24
hours in every region, some lie 2 below by chance."""

UNSAFE_DAYS_MORE, UNSAFE_DAYS_MORE_AT_AN_HOUR = 1.0, 3.0
"""Days by which unsafe approvals of all regions must stay under those of the serving
model, in the mean of the issue hours and at any one of them. Assumed: two honest models
differ by less (docs/model-contract.md)."""

WORSE_RMSE_RATIO = 1.1
"""Assumed: no region's RMSE may become worse than this."""

WIDER_RATIO, WIDER_C = 1.25, 0.25
"""Mean margin over the day's maximum that a region may get, as a multiple of the
serving model's and degC more. Assumed: the two families differ by a tenth."""

WIDEST_RATIO, WIDEST_C = 1.5, 0.5
"""The same beside the portal's plain model, for first models too."""

MORE_BLOCKED_FRAC = 0.1
"""Share of safe days by which a region may be blocked more often than by the serving
model, or by the plain one. Assumed: the two families differ by up to 0.08."""

MOST_IMPLAUSIBLE_FRAC = 0.01
"""Share of its past bounds that may lie implausibly far below the plain model's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """Sums over past windows, so that regions can be added up.

    Attributes
    ----------
    n_windows, n_hours : int
        Windows forecast, and hours with a forecast, an observation and persistence.
    squared_error_sum, persistence_squared_sum : float
        Over those hours, in the target's unit squared.
    absolute_error_sum : float
        Over those hours, in the target's unit.
    bound_days : int
        Finished days that had a bound, one for each hour of issue that was judged; the
        following counts are of those.
    covered_days : int
        Day's maximum at most the bound.
    margin_sum_c : float
        Of bound minus the day's maximum, degC.
    exceedance_days, approved_exceedance_days : int
        Days that exceeded the limit, and those of them that were approved.
    blocked_safe_days : int
        Days that stayed at or under the limit and were blocked.
    unanswered_windows : int
        Windows for which the model gave nothing usable.
    """

    n_windows: int = 0
    n_hours: int = 0
    squared_error_sum: float = 0.0
    absolute_error_sum: float = 0.0
    persistence_squared_sum: float = 0.0
    bound_days: int = 0
    covered_days: int = 0
    margin_sum_c: float = 0.0
    exceedance_days: int = 0
    approved_exceedance_days: int = 0
    blocked_safe_days: int = 0
    unanswered_windows: int = 0

    @property
    def rmse(self) -> float:
        """Root mean squared error; NaN without hours."""
        return math.sqrt(_ratio(self.squared_error_sum, self.n_hours))

    @property
    def mae(self) -> float:
        """Mean absolute error; NaN without hours."""
        return _ratio(self.absolute_error_sum, self.n_hours)

    @property
    def skill_frac(self) -> float:
        """RMSE skill over persistence, 1 - rmse / rmse_persistence."""
        squared = _ratio(self.squared_error_sum, self.persistence_squared_sum)
        return 1.0 - math.sqrt(squared)

    @property
    def coverage_frac(self) -> float:
        """Share of days whose maximum stayed within the bound."""
        return _ratio(self.covered_days, self.bound_days)

    @property
    def mean_margin_c(self) -> float:
        """Mean of bound minus the day's maximum, degC."""
        return _ratio(self.margin_sum_c, self.bound_days)

    @property
    def safe_days(self) -> int:
        """Days with a bound that stayed at or under the limit."""
        return self.bound_days - self.exceedance_days

    @property
    def blocked_safe_frac(self) -> float:
        """Share of the safe days that were blocked; 0 without one."""
        return self.blocked_safe_days / self.safe_days if self.safe_days else 0.0


def pooled(figures: Iterable[ModelFigures]) -> ModelFigures:
    """The sums over several regions."""
    items = list(figures)
    sums: dict[str, Any] = {
        field.name: sum(getattr(item, field.name) for item in items)
        for field in fields(ModelFigures)
    }
    return ModelFigures(**sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDecision:
    """A past day whose verdict the new model would have changed."""

    local_day: date
    becomes_approved: bool
    active_bound_c: float
    new_bound_c: float
    day_max_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HourComparison:
    """What shadow evaluation found of one local hour of issue in one region.

    Attributes
    ----------
    bound_days, covered_days : int
        Of the new model; see `ModelFigures`.
    common_unsafe_new, common_unsafe_active : int
        Approved exceedance days among those on which both models had a bound.
    """

    local_hour: int
    bound_days: int
    covered_days: int
    common_unsafe_new: int
    common_unsafe_active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionComparison:
    """What shadow evaluation found in one region.

    Attributes
    ----------
    active : ModelFigures | None
        Of the model that serves, over the same period; None when none serves.
    common_days : int
        Days on which both had a bound.
    common_unsafe_new, common_unsafe_active : int
        Approved exceedance days among those.
    complete_days : int
        Days of the period whose telemetry is complete; independent of the models.
    limit : float
        Thermal limit against which days were judged, degC; NaN for other targets.
    by_hour : tuple of HourComparison
        The hours of issue that were judged; empty where all days were judged at one.
    common_new, common_active : ModelFigures | None
        Of the windows that both models answered; None when none serves.
    plain : ModelFigures | None
        Of the portal's plain model, on the days on which the new one had a bound; None
        for targets without a bound.
    implausible_days : int
        Days whose bound lay further below the plain one than is plausible.
    """

    region_slug: str
    new: ModelFigures
    active: ModelFigures | None
    common_days: int
    common_unsafe_new: int
    common_unsafe_active: int
    complete_days: int
    limit_c: float
    changed: tuple[ChangedDecision, ...] = ()
    by_hour: tuple[HourComparison, ...] = ()
    common_new: ModelFigures | None = None
    common_active: ModelFigures | None = None
    plain: ModelFigures | None = None
    implausible_days: int = 0

    @property
    def issue_hours(self) -> int:
        """How many hours of issue each day was judged at."""
        return max(len(self.by_hour), 1)

    @property
    def judged_days(self) -> int:
        """Days on which the new model had a bound, at the mean hour of issue."""
        return self.new.bound_days // self.issue_hours


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """Whether a model may serve, and why not, in sentences."""

    passed: bool
    findings: tuple[str, ...]


def coverage_tolerance(
    n_days: int, alpha: Decimal, *, deviations: float = 2.0
) -> float:
    """Least coverage that chance explains: 2 points or 2 standard deviations below.

    Examples
    --------
    >>> round(coverage_tolerance(365, Decimal("0.05")), 4)
    0.9272
    """
    risk = float(alpha)
    deviation = math.sqrt(risk * (1.0 - risk) / n_days)
    return 1.0 - risk - max(COVERAGE_SLACK, deviations * deviation)


def judge_bounds(
    regions: Sequence[RegionComparison], alphas: Mapping[str, Decimal]
) -> GateVerdict:
    """The gate of a model on whose bound decisions rest.

    Passes only if every region with enough telemetry could be judged, no coverage lies
    below its tolerance, in all and at any hour of issue, unsafe approvals do not rise,
    errors, margins and safe days blocked are not much worse than those of the serving
    model and of the portal's plain one, it beats persistence, its past bounds are
    plausible, and every window was answered.
    """
    failures, notes, judged = [], [], 0
    for region in regions:
        alpha, new = alphas[region.region_slug], region.new
        failures += _unanswered(region)
        needed = required_scores(alpha) + MINIMUM_DAYS
        if region.complete_days < needed:
            notes.append(_too_new(region, needed))
        elif region.judged_days < MINIMUM_DAYS:
            failures.append(_too_few(region, f"{region.judged_days} days with a bound"))
        else:
            judged += 1
            least = coverage_tolerance(region.judged_days, alpha)
            if not new.coverage_frac >= least:
                failures.append(
                    f"{region.region_slug}: the bound held on"
                    f" {new.coverage_frac:.1%} of {region.judged_days} days; at least"
                    f" {least:.1%} is required."
                )
            failures += _uncovered_hours(region, alpha)
            failures += _worse_than_persistence(region)
            failures += _worse_than_serving(region)
            failures += _worse_than_plain(region)
    failures += _unsafe_rise(regions)
    if judged:
        failures += _without_skill(regions)
    return _verdict(failures, notes, judged)


def judge_errors(regions: Sequence[RegionComparison]) -> GateVerdict:
    """The gate of a model without a bound: it compares errors.

    Passes only if it has skill in all regions together, and in none an RMSE of more
    than 1.1 times that of the model that serves.
    """
    failures, notes, judged = [], [], 0
    for region in regions:
        failures += _unanswered(region)
        if region.complete_days < MINIMUM_DAYS:
            notes.append(_too_new(region, MINIMUM_DAYS))
        elif region.new.n_windows < MINIMUM_DAYS:
            failures.append(_too_few(region, f"{region.new.n_windows} windows"))
        else:
            judged += 1
            failures += _worse_errors(region)
    if judged:
        failures += _without_skill(regions)
    return _verdict(failures, notes, judged)


def _without_skill(regions: Sequence[RegionComparison]) -> list[str]:
    skill = pooled(region.new for region in regions).skill_frac
    if skill > 0:
        return []
    return [f"It is no better than persistence (skill {skill:.1%})."]


def _worse_than_persistence(region: RegionComparison) -> list[str]:
    """Below persistence; a first model may be a little, in some regions.

    Without any model every day is blocked. A fleet whose telemetry covers half a year
    meets seasons that the model has not seen; its bound is judged all the same.
    """
    skill = region.new.skill_frac
    least = 0.0 if region.active is not None else 1.0 - WORSE_RMSE_RATIO
    if skill >= least:
        return []
    return [f"{region.region_slug}: it is worse than persistence (skill {skill:.1%})."]


def _worse_errors(region: RegionComparison) -> list[str]:
    new = region.common_new or region.new
    active = region.common_active or region.active
    if active is None or not new.rmse > WORSE_RMSE_RATIO * active.rmse:
        return []
    return [
        (
            f"{region.region_slug}: the RMSE rises from {active.rmse:.3g} to"
            f" {new.rmse:.3g}."
        )
    ]


def _worse_than_serving(region: RegionComparison) -> list[str]:
    """Errors, margin and safe days blocked on the windows that both answered."""
    new, active = region.common_new, region.common_active
    if new is None or active is None or not active.bound_days:
        return _worse_errors(region)
    return [
        *_worse_errors(region),
        *_wider(region, new, active, "serving", WIDER_RATIO, WIDER_C),
        *_more_blocked(region, new, active, "serving"),
    ]


def _worse_than_plain(region: RegionComparison) -> list[str]:
    """The floor that holds for first models too: the plain model on the same days."""
    new, plain = region.new, region.plain
    if plain is None or not plain.bound_days:
        return []
    findings = [
        *_wider(region, new, plain, "portal's plain", WIDEST_RATIO, WIDEST_C),
        *_more_blocked(region, new, plain, "portal's plain"),
    ]
    share = region.implausible_days / new.bound_days
    if not share <= MOST_IMPLAUSIBLE_FRAC:
        findings.append(
            f"{region.region_slug}: {share:.1%} of its bounds lay implausibly far below"
            " those of the portal's plain model; at most"
            f" {MOST_IMPLAUSIBLE_FRAC:.0%} may."
        )
    return findings


def _wider(
    region: RegionComparison,
    new: ModelFigures,
    other: ModelFigures,
    whose: str,
    ratio: float,
    more_c: float,
) -> list[str]:
    most_c = ratio * other.mean_margin_c + more_c
    if new.mean_margin_c <= most_c:
        return []
    finding = (
        f"{region.region_slug}: its bound lies {new.mean_margin_c:.1f} °C above the"
        f" day's maximum on average, that of the {whose} model"
        f" {other.mean_margin_c:.1f} °C; at most {most_c:.1f} °C is allowed."
    )
    return [finding]


def _more_blocked(
    region: RegionComparison, new: ModelFigures, other: ModelFigures, whose: str
) -> list[str]:
    if new.blocked_safe_frac <= other.blocked_safe_frac + MORE_BLOCKED_FRAC:
        return []
    finding = (
        f"{region.region_slug}: it blocks {new.blocked_safe_frac:.0%} of the safe days,"
        f" the {whose} model {other.blocked_safe_frac:.0%}; at most"
        f" {100 * MORE_BLOCKED_FRAC:.0f} points more are allowed."
    )
    return [finding]


def _verdict(failures: list[str], notes: list[str], judged: int) -> GateVerdict:
    if not judged and not failures:
        failures = ["No region has enough telemetry to judge the model by."]
    return GateVerdict(passed=not failures, findings=(*failures, *notes))


def _uncovered_hours(region: RegionComparison, alpha: Decimal) -> list[str]:
    """The worst hour of issue whose bound held too rarely, and how many there are."""
    low = [
        (hour.covered_days / hour.bound_days, hour)
        for hour in region.by_hour
        if hour.bound_days >= MINIMUM_DAYS
        and not hour.covered_days / hour.bound_days
        >= coverage_tolerance(hour.bound_days, alpha, deviations=HOUR_DEVIATIONS)
    ]
    if not low:
        return []
    share, worst = min(low, key=lambda item: item[0])
    least = coverage_tolerance(worst.bound_days, alpha, deviations=HOUR_DEVIATIONS)
    finding = (
        f"{region.region_slug}: issued at {worst.local_hour:02d}:00 the bound held on"
        f" {share:.1%} of {worst.bound_days} days; at least {least:.1%} is required"
        f" of every hour ({len(low)} of {len(region.by_hour)} lie below)."
    )
    return [finding]


def _unsafe_rise(regions: Sequence[RegionComparison]) -> list[str]:
    hours = max((region.issue_hours for region in regions), default=1)
    new = sum(region.common_unsafe_new for region in regions) / hours
    other = sum(region.common_unsafe_active for region in regions) / hours
    days, whose = sum(region.common_days for region in regions), "model that serves"
    first = [region for region in regions if region.active is None and region.plain]
    if first:
        new += sum(item.new.approved_exceedance_days for item in first) / hours
        other += sum(_plain_unsafe(item) for item in first) / hours
        days += sum(item.new.bound_days for item in first)
        whose = "portal's plain model"
    findings = []
    if new >= other + UNSAFE_DAYS_MORE:
        mean = ", in the mean of all issue hours" if hours > 1 else ""
        findings.append(
            f"It would have approved {new:.3g} days that exceeded the limit{mean}; the"
            f" {whose} approved {other:.3g} of the same {days // hours} days."
        )
    return findings + _unsafe_hours(regions)


def _plain_unsafe(region: RegionComparison) -> int:
    return region.plain.approved_exceedance_days if region.plain else 0


def _unsafe_hours(regions: Sequence[RegionComparison]) -> list[str]:
    """The hour of issue at which unsafe approvals rise most, beyond chance."""
    new: Counter[int] = Counter()
    active: Counter[int] = Counter()
    for hour in (hour for region in regions for hour in region.by_hour):
        new[hour.local_hour] += hour.common_unsafe_new
        active[hour.local_hour] += hour.common_unsafe_active
    risen = [
        hour
        for hour in new
        if new[hour] - active[hour]
        > max(UNSAFE_DAYS_MORE_AT_AN_HOUR, 2.0 * math.sqrt(active[hour]))
    ]
    if not risen:
        return []
    worst = max(risen, key=lambda hour: new[hour] - active[hour])
    finding = (
        f"Issued at {worst:02d}:00 it would have approved {new[worst]} days that"
        f" exceeded the limit; the model that serves approved {active[worst]}."
    )
    return [finding]


def _unanswered(region: RegionComparison) -> list[str]:
    if not region.new.unanswered_windows:
        return []
    n_windows = region.new.unanswered_windows
    return [
        f"{region.region_slug}: it gave no usable forecast for {n_windows} windows."
    ]


def _too_new(region: RegionComparison, needed: int) -> str:
    return (
        f"{region.region_slug} was not judged: {region.complete_days} days of telemetry"
        f" are complete, {needed} are needed."
    )


def _too_few(region: RegionComparison, found: str) -> str:
    return (
        f"{region.region_slug}: only {found} lie after the model's training window, at"
        f" least {MINIMUM_DAYS} are needed. Train with an earlier end."
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else math.nan
