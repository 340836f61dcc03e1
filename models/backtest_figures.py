"""The figures of a backtest, per region and pooled over the regions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce

import numpy as np

from core.aliases import BoolArray, FloatArray
from core.conformal import LimitCheck
from core.forecasts import InputMode
from models.accuracy import coverage_frac, mae, mean_width, rmse, winkler_score
from models.rolling import RegionDays


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointwise:
    """The displayed two-sided interval of single hours.

    Attributes
    ----------
    coverage : float
        Share of hours inside, [0, 1].
    coverage_by_horizon : tuple of float, length H
    mean_width, winkler : float
        In the target's unit.
    worst_30d, worst_90d : float | None
        Coverage of the worst run of 30 (90) scored days of one region; None when there
        are fewer. Pooled: of the region where it was worst.
    """

    coverage: float
    coverage_by_horizon: tuple[float, ...]
    mean_width: float
    winkler: float
    worst_30d: float | None
    worst_90d: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBound:
    """The one-sided bound on the day's maximum, which decisions rest on.

    Attributes
    ----------
    coverage : float
        Share of days whose maximum was at most the bound.
    mean_margin_c : float
        Bound less the day's real maximum, degC.
    worst_30d, worst_90d : float | None
        As in `Pointwise`, of days.
    """

    coverage: float
    mean_margin_c: float
    worst_30d: float | None
    worst_90d: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Number of days by decision at the region's limit."""

    exceedance_days: int
    approved_exceedance_days: int
    safe_days: int
    blocked_safe_days: int

    def __add__(self, other: Decisions) -> Decisions:
        return Decisions(
            **{name: getattr(self, name) + getattr(other, name) for name in _DECISIONS}
        )


_DECISIONS = tuple(Decisions.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of one region, or pooled.

    Attributes
    ----------
    n_days : int
        Days with a forecast and every hour observed.
    rmse, mae, rmse_persistence : float | None
        In the target's unit; None when no day was scored.
    skill_frac : float | None
        1 - rmse / rmse_persistence on their common hours; None when undefined.
    pointwise : Pointwise | None
        None when no interval could be calibrated.
    day_bound, decisions : DayBound | None, Decisions | None
        Of the temperature only.
    unscored : Mapping of str to int
        Days that were left out, by reason.
    """

    n_days: int
    rmse: float | None
    mae: float | None
    rmse_persistence: float | None
    skill_frac: float | None
    pointwise: Pointwise | None
    day_bound: DayBound | None
    decisions: Decisions | None
    unscored: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDays:
    """The check of each day's bound against a limit; None where there is no bound."""

    limit_c: float
    checks: Sequence[LimitCheck | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledDays:
    """The test days of one region: forecasts, intervals and what was decided.

    Attributes
    ----------
    days : RegionDays
        Test days only.
    half_width : ndarray, shape (n, H)
        Of the displayed interval; NaN where there is none.
    judged : JudgedDays | None
        None for targets without a limit.
    modes : sequence of InputMode, length n
        In which mode each day was served.
    """

    days: RegionDays
    half_width: FloatArray
    judged: JudgedDays | None
    modes: Sequence[InputMode] = ()

    def in_mode(self, mode: InputMode) -> RolledDays:
        """The days that this mode served."""
        kept = [day for day, item in enumerate(self.modes) if item is mode]
        days = replace(
            self.days,
            issues=[self.days.issues[day] for day in kept],
            mean=self.days.mean[kept],
            scale=self.days.scale[kept],
            observed=self.days.observed[kept],
            persistence=self.days.persistence[kept],
            refused=[self.days.refused[day] for day in kept],
        )
        judged = self.judged and replace(
            self.judged, checks=[self.judged.checks[day] for day in kept]
        )
        return RolledDays(
            days=days,
            half_width=self.half_width[kept],
            judged=judged,
            modes=[mode] * len(kept),
        )


def region_figures(tested: RolledDays, confidence: Decimal) -> Figures:
    """The figures of one region."""
    return _figures([tested], confidence)


def pooled_figures(tested: Sequence[RolledDays], confidence: Decimal) -> Figures:
    """The figures of all regions together: every hour and every day counts alike."""
    return _figures(tested, confidence)


def mode_figures(
    tested: Sequence[RolledDays], confidence: Decimal
) -> dict[InputMode, Figures]:
    """Figures of the days that each mode served, all regions together."""
    return {
        mode: _figures([item.in_mode(mode) for item in tested], confidence)
        for mode in InputMode
        if any(mode in item.modes for item in tested)
    }


def _figures(tested: Sequence[RolledDays], confidence: Decimal) -> Figures:
    scored = [item.days.is_scored for item in tested]
    observed = _joined(tested, scored, lambda item: item.days.observed)
    mean = _joined(tested, scored, lambda item: item.days.mean)
    persistence = _joined(tested, scored, lambda item: item.days.persistence)
    unscored = Counter(
        item.days.why_unscored(int(day))
        for item, kept in zip(tested, scored, strict=True)
        for day in np.flatnonzero(~kept)
    )
    common = np.isfinite(persistence)
    reference = rmse(observed, persistence) if common.any() else None
    return Figures(
        n_days=len(observed),
        rmse=rmse(observed, mean) if len(observed) else None,
        mae=mae(observed, mean) if len(observed) else None,
        rmse_persistence=reference,
        skill_frac=1.0 - rmse(observed[common], mean[common]) / reference
        if reference
        else None,
        pointwise=_pointwise(tested, scored, confidence),
        day_bound=_day_bound(tested),
        decisions=_decisions(tested),
        unscored=dict(sorted(unscored.items())),
    )


def _joined(
    tested: Sequence[RolledDays],
    kept: Sequence[BoolArray],
    part: Callable[[RolledDays], FloatArray],
) -> FloatArray:
    return np.concatenate(
        [part(item)[rows] for item, rows in zip(tested, kept, strict=True)]
    )


def _pointwise(
    tested: Sequence[RolledDays], scored: Sequence[BoolArray], confidence: Decimal
) -> Pointwise | None:
    kept = [
        rows & np.isfinite(item.half_width).all(axis=1)
        for item, rows in zip(tested, scored, strict=True)
    ]
    observed = _joined(tested, kept, lambda item: item.days.observed)
    if not len(observed):
        return None
    lower = _joined(tested, kept, lambda item: item.days.mean - item.half_width)
    upper = _joined(tested, kept, lambda item: item.days.mean + item.half_width)
    inside = (observed >= lower) & (observed <= upper)
    ends = np.cumsum([rows.sum() for rows in kept])[:-1]
    daily = [part.mean(axis=1) for part in np.split(inside, ends)]
    return Pointwise(
        coverage=coverage_frac(observed, lower, upper),
        coverage_by_horizon=tuple(inside.mean(axis=0).tolist()),
        mean_width=mean_width(lower, upper),
        winkler=winkler_score(observed, lower, upper, float(confidence)),
        worst_30d=_worst_run(daily, 30),
        worst_90d=_worst_run(daily, 90),
    )


def _day_bound(tested: Sequence[RolledDays]) -> DayBound | None:
    margins = [_margins(item.days, item.judged) for item in tested if item.judged]
    joined = np.concatenate(margins) if margins else np.empty(0)
    if not len(joined):
        return None
    held = [(margin >= 0).astype(np.float64) for margin in margins]
    return DayBound(
        coverage=float((joined >= 0).mean()),
        mean_margin_c=float(joined.mean()),
        worst_30d=_worst_run(held, 30),
        worst_90d=_worst_run(held, 90),
    )


def _margins(days: RegionDays, judged: JudgedDays) -> FloatArray:
    """Bound less maximum of the days that have both, in order."""
    day_max, scored = days.day_max, days.is_scored
    return np.array(
        [
            check.bound - day_max[day]
            for day, check in enumerate(judged.checks)
            if check is not None and scored[day]
        ]
    )


def _decisions(tested: Sequence[RolledDays]) -> Decisions | None:
    each = [_region_decisions(item.days, item.judged) for item in tested if item.judged]
    return reduce(Decisions.__add__, each) if each else None


def _region_decisions(days: RegionDays, judged: JudgedDays) -> Decisions:
    """Days without a bound are blocked, as in service."""
    scored = days.is_scored
    exceeds = days.day_max > judged.limit_c
    approved = np.array(
        [check is not None and not check.is_exceeded for check in judged.checks],
        dtype=np.bool_,
    )
    return Decisions(
        exceedance_days=int((scored & exceeds).sum()),
        approved_exceedance_days=int((scored & exceeds & approved).sum()),
        safe_days=int((scored & ~exceeds).sum()),
        blocked_safe_days=int((scored & ~exceeds & ~approved).sum()),
    )


def _worst_run(by_region: Sequence[FloatArray], days: int) -> float | None:
    """Lowest mean of so many consecutive values in any region."""
    window = np.full(days, 1.0 / days)
    runs = [
        float(np.convolve(values, window, "valid").min())
        for values in by_region
        if len(values) >= days
    ]
    return min(runs, default=None)
