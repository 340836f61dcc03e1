"""Backtest: train, then forecast later days with only the past visible."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from core.aliases import Progress
from core.conformal import LimitCheck
from core.days import issue_at_local_midnight, local_day_of
from core.errors import InvalidInput
from core.forecasts import InputMode, Target
from core.telemetry import Quantity
from models.backtest_figures import (
    Figures,
    JudgedDays,
    RolledDays,
    mode_figures,
    pooled_figures,
    region_figures,
)
from models.export import export_onnx
from models.fleet_telemetry import RegionTelemetry
from models.forecasting import Predictor
from models.metadata import DEFAULT_FAMILY, Family
from models.observations import observed_windows
from models.onnx_model import OnnxModel
from models.rolling import (
    RegionDays,
    joined_days,
    mode_days,
    rolling_checks,
    rolling_half_width,
    served_modes,
)
from models.train import train_model

LIMIT_QUANTILE = 0.95
"""Without a given limit each region gets this quantile of its daily maxima in training,
so that every climate has days near its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSetup:
    """What is tested, on which days.

    Attributes
    ----------
    train_until, calibrate_until, test_until : date
        Local days: training uses days before the first, scores come from days between
        the first and the second, figures from days between the second and the third.
    limit_c : float | None
        Limit on the day's maximum, degC; None for each region's own.

    Raises
    ------
    InvalidInput
        When the days are not in order or no target is asked for.
    """

    train_until: date
    calibrate_until: date
    test_until: date
    targets: tuple[Target, ...] = tuple(Target)
    family: Family = DEFAULT_FAMILY
    limit_c: float | None = None
    seed: int = 7
    confidence: Decimal = Decimal("0.95")

    def __post_init__(self) -> None:
        if not self.train_until < self.calibrate_until < self.test_until:
            message = (
                "Training must end before calibration and calibration before the test,"
                f" but they end on {self.train_until}, {self.calibrate_until} and"
                f" {self.test_until}."
            )
            raise InvalidInput(message)
        if not self.targets:
            message = "At least one target must be tested."
            raise InvalidInput(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """Results of one target.

    Attributes
    ----------
    modes : Mapping of InputMode to Figures
        Of the days that each mode served, all regions together.
    day_modes : Mapping of slug to Mapping of local day to InputMode
        The mode that served each test day.
    """

    pooled: Figures
    regions: Mapping[str, Figures]
    modes: Mapping[InputMode, Figures] = field(default_factory=dict)
    day_modes: Mapping[str, Mapping[date, InputMode]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """Figures of every target, and what they rest on.

    Attributes
    ----------
    limits_c : Mapping of slug to float
        Limit of each region, degC; empty when the temperature was not tested.
    timings_s : Mapping of str to float
        Seconds that training and rolling took, per target.
    """

    targets: Mapping[Target, TargetReport]
    limits_c: Mapping[str, float]
    timings_s: Mapping[str, float] = field(default_factory=dict)


def run_backtest(
    frames: Mapping[str, RegionTelemetry],
    setup: BacktestSetup,
    on_progress: Progress | None = None,
) -> BacktestResult:
    """Backtest every target on `frames`.

    Forecasts come from the exported ONNX model through the code that serves, at
    each region's local midnight. Regions without enough history before training ends
    are forecast by the pooled weights.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)
    on_progress : callable, optional
        Called with what begins, `steps` times.

    Raises
    ------
    InvalidInput
        When no region can be trained on, or a region's limit is unknown.
    """
    _require_targets(frames, setup)
    report = on_progress or (lambda _message: None)
    needs_limits = Target.TEMPERATURE_C in setup.targets
    limits_c = _limits_c(frames, setup) if needs_limits else {}
    numbered = _numbered(frames)
    reports: dict[Target, TargetReport] = {}
    timings_s: dict[str, float] = {}
    for target in setup.targets:
        report(f"{target}: training on {len(frames)} regions")
        started = time.monotonic()
        model = _trained(dict(numbered.values()), target, setup)
        timings_s[f"train_{target}"] = time.monotonic() - started
        started = time.monotonic()
        tested: dict[str, RolledDays] = {}
        for slug in sorted(frames):
            report(f"{target}: {slug}")
            tested[slug] = _tested(model, numbered[slug][1], setup, limits_c.get(slug))
        reports[target] = TargetReport(
            pooled=pooled_figures(list(tested.values()), setup.confidence),
            regions={
                slug: region_figures(item, setup.confidence)
                for slug, item in tested.items()
            },
            modes=mode_figures(list(tested.values()), setup.confidence),
            day_modes={
                slug: _by_local_day(item, frames[slug][1])
                for slug, item in tested.items()
            },
        )
        timings_s[f"test_{target}"] = time.monotonic() - started
    return BacktestResult(targets=reports, limits_c=limits_c, timings_s=timings_s)


def _by_local_day(tested: RolledDays, time_zone: str) -> dict[date, InputMode]:
    return {
        local_day_of(time_zone, issue): mode
        for issue, mode in zip(tested.days.issues, tested.modes, strict=True)
    }


def steps(frames: Mapping[str, RegionTelemetry], setup: BacktestSetup) -> int:
    """How often `run_backtest` reports progress."""
    return len(setup.targets) * (1 + len(frames))


def training_end(frames: Mapping[str, RegionTelemetry], train_until: date) -> datetime:
    """The first instant at which `train_until` begins in any region.

    Eastern zones begin it earlier; training to the same instant everywhere keeps their
    first calibration window out of the training data of the others.
    """
    return min(
        issue_at_local_midnight(time_zone, train_until)
        for _, time_zone in frames.values()
    )


def judge_days(
    by_mode: Mapping[InputMode, RegionDays],
    time_zone: str,
    setup: BacktestSetup,
    limit_c: float | None,
) -> RolledDays:
    """The test days, rolled and judged together with the calibration days before them.

    Every input mode is calibrated by its own scores; a day is judged in the mode that
    serves it.

    Parameters
    ----------
    limit_c : float | None
        Limit on the day's maximum, degC; None for other targets than temperature.
    """
    served = served_modes(by_mode, 1 - setup.confidence)
    days = joined_days(by_mode, served)
    half_width = np.full_like(days.mean, np.nan)
    checks: list[LimitCheck | None] = [None] * len(served)
    for mode in by_mode:
        widths = rolling_half_width(by_mode[mode], setup.confidence)
        judged_now: Sequence[LimitCheck | None] = checks
        if limit_c is not None:
            judged_now = rolling_checks(
                by_mode[mode], confidence=setup.confidence, limit_c=limit_c
            )
        for day in [day for day, item in enumerate(served) if item is mode]:
            half_width[day], checks[day] = widths[day], judged_now[day]
    first_test = issue_at_local_midnight(time_zone, setup.calibrate_until)
    first = sum(issue < first_test for issue in days.issues)
    judged = None
    if limit_c is not None:
        judged = JudgedDays(limit_c=limit_c, checks=checks[first:])
    return RolledDays(
        days=days.since(first),
        half_width=half_width[first:],
        judged=judged,
        modes=served[first:],
    )


def issues_of(time_zone: str, first: date, until: date) -> Sequence[datetime]:
    """Local midnights of [first, until)."""
    return [
        issue_at_local_midnight(time_zone, first + timedelta(days=day))
        for day in range((until - first).days)
    ]


def _require_targets(
    frames: Mapping[str, RegionTelemetry], setup: BacktestSetup
) -> None:
    """Raise before the work begins when a target has no telemetry."""
    for target in setup.targets:
        columns = (frame.column(target.quantity) for frame, _ in frames.values())
        if not any(np.isfinite(column).any() for column in columns):
            message = (
                f"The telemetry has no {target}; leave it out of the targets, or add"
                " the column."
            )
            raise InvalidInput(message)


def _numbered(
    frames: Mapping[str, RegionTelemetry],
) -> dict[str, tuple[str, RegionTelemetry]]:
    """Each region under a slug that is valid in a model, in the order of the slugs.

    A file may name its regions freely; the contract restricts the slugs of a model.
    """
    return {
        slug: (
            alias := f"r{number:04d}",
            (replace(frames[slug][0], region_slug=alias), frames[slug][1]),
        )
        for number, slug in enumerate(sorted(frames))
    }


def _trained(
    frames: Mapping[str, RegionTelemetry], target: Target, setup: BacktestSetup
) -> OnnxModel:
    trained = train_model(
        frames,
        target,
        training_end(frames, setup.train_until),
        family=setup.family,
        seed=setup.seed,
    )
    onnx_bytes = export_onnx(trained)
    return OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())


def _tested(
    model: Predictor,
    region: RegionTelemetry,
    setup: BacktestSetup,
    limit_c: float | None,
) -> RolledDays:
    frame, time_zone = region
    issues = issues_of(time_zone, setup.train_until, setup.test_until)
    days = mode_days(model, frame, time_zone, issues)
    is_temperature = model.contract.target is Target.TEMPERATURE_C
    return judge_days(days, time_zone, setup, limit_c if is_temperature else None)


def _limits_c(
    frames: Mapping[str, RegionTelemetry], setup: BacktestSetup
) -> dict[str, float]:
    if setup.limit_c is not None:
        return dict.fromkeys(sorted(frames), setup.limit_c)
    return {
        slug: own_limit_c(frames[slug], setup.train_until) for slug in sorted(frames)
    }


def own_limit_c(region: RegionTelemetry, train_until: date) -> float:
    """The 95th percentile of a region's daily maxima in training, degC.

    Raises
    ------
    InvalidInput
        When no whole day is known.
    """
    frame, time_zone = region
    first = frame.start_utc.date()
    n_days = (train_until - first).days
    issues = issues_of(time_zone, first, train_until) if n_days > 0 else []
    observed = observed_windows(frame, Quantity.TEMPERATURE_C, issues, 24)
    day_max = observed.max(axis=1, initial=-np.inf)
    known = day_max[np.isfinite(day_max)]
    if not len(known):
        message = (
            f"{frame.region_slug} has no whole day of temperature before"
            f" {train_until}, so it has no limit of its own; give one with"
            " --limit-c."
        )
        raise InvalidInput(message)
    return float(np.quantile(known, LIMIT_QUANTILE))
