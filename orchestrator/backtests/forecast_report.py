"""The report of a backtest: one JSON document for programs, one table for people.

The document is described by docs/backtest-report.schema.json; others read it, so its
keys are kept.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from core.forecasts import InputMode
from core.version import CODE_VERSION
from orchestrator.telemetry.readers.frames import FrameFile
from orchestrator.telemetry.readers.weather_forecasts import ForecastFile

if TYPE_CHECKING:  # scikit-learn takes seconds to import; a report needs none
    from models.backtest import BacktestResult, BacktestSetup, TargetReport
    from models.backtest_figures import DayBound, Decisions, Figures

PER_REGION = "per-region"


def backtest_document(
    result: BacktestResult,
    setup: BacktestSetup,
    file: FrameFile,
    *,
    telemetry_name: str,
    regions_name: str,
    telemetry_held_back: Mapping[str, object],
    timings_s: Mapping[str, float],
    weather: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Setup, timings and figures, as they are written to a report file."""
    return {
        "setup": {
            "telemetry": telemetry_name,
            "telemetry_sha256": file.sha256,
            "telemetry_rows": file.row_count,
            "rows_refused": dict(file.refused),
            "telemetry_held_back": dict(telemetry_held_back),
            "columns_ignored": list(file.ignored_columns),
            "regions_table": regions_name,
            "regions": sorted(file.frames),
            "targets": [target.value for target in setup.targets],
            "family": setup.family.value,
            "train_until": setup.train_until.isoformat(),
            "calibrate_until": setup.calibrate_until.isoformat(),
            "test_until": setup.test_until.isoformat(),
            "issue": "local midnight",
            "horizon_h": 24,
            "confidence": float(setup.confidence),
            "limit_c": PER_REGION if setup.limit_c is None else setup.limit_c,
            "limits_c": dict(result.limits_c),
            "seed": setup.seed,
            "code_version": CODE_VERSION,
            **({} if weather is None else {"weather_forecasts": dict(weather)}),
        },
        "timings_s": {name: round(value, 3) for name, value in timings_s.items()},
        "targets": {
            target.value: _plain(report) for target, report in result.targets.items()
        },
    }


def weather_setup(
    name: str, file: ForecastFile, unproved_known_after_h: float | None
) -> dict[str, object]:
    """Where weather forecasts came from, for the setup of a report."""
    return {
        "file": name,
        "sha256": file.sha256,
        "rows": file.row_count,
        "rows_unproved": file.unproved_rows,
        "refused": dict(file.refused),
        "unproved_known_after_h": unproved_known_after_h,
    }


def _plain(value: object) -> object:
    """Dataclasses and mappings as dicts; a number that JSON lacks as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in _fields(value)}
        return _plain(fields)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.value if isinstance(value, Enum) else value


def _fields(value: object) -> tuple[dataclasses.Field[object], ...]:
    return dataclasses.fields(value)  # type: ignore[arg-type]


def backtest_table(result: BacktestResult) -> str:
    """The figures as lines of text, a block per target."""
    return "\n".join(
        line
        for target, report in result.targets.items()
        for line in _block(target.value, _rows(report))
    )


def _rows(report: TargetReport) -> dict[str, Figures]:
    """Regions, all together, and input modes where there is more than one."""
    rows = {**report.regions, "pooled": report.pooled}
    if set(report.modes) != {InputMode.TELEMETRY}:
        rows |= {f"  {mode}": figures for mode, figures in report.modes.items()}
    return rows


_HEAD = (
    f"{'':<16}{'days':>6}{'RMSE':>8}{'skill':>8}{'cover':>8}{'width':>8}{'Winkler':>9}"
)
_BOUND_HEAD = (
    f"{'bound':>9}{'margin':>8}{'30 d':>7}{'90 d':>7}{'unsafe':>12}{'blocked':>12}"
)


def _block(title: str, rows: Mapping[str, Figures]) -> Iterator[str]:
    has_bound = any(figures.day_bound for figures in rows.values())
    yield f"\n{title}"
    yield _HEAD + (_BOUND_HEAD if has_bound else "")
    for name, figures in rows.items():
        yield _row(name, figures)
    left_out = rows["pooled"].unscored
    if left_out:
        reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
        yield f"Days left unscored: {reasons}."
    if has_bound:
        yield (
            "cover, width, Winkler: 95 % interval of single hours. bound: days whose"
            " maximum stayed within the day bound; 30 d, 90 d: its worst run."
            " unsafe: approved of all days above the limit; blocked: of all others."
        )


def _row(name: str, figures: Figures) -> str:
    line = f"{name:<16}{figures.n_days:>6}{_number(figures.rmse):>8}"
    line += f"{_share(figures.skill_frac):>8}"
    hours = figures.pointwise
    if hours is None:
        line += f"{'-':>8}{'-':>8}{'-':>9}"
    else:
        line += f"{_share(hours.coverage):>8}{_number(hours.mean_width):>8}"
        line += f"{_number(hours.winkler):>9}"
    return line + _bound_cells(figures.day_bound, figures.decisions)


def _bound_cells(bound: DayBound | None, decided: Decisions | None) -> str:
    if decided is None:
        return ""
    cells = f"{'-':>9}{'-':>8}{'-':>7}{'-':>7}"
    if bound is not None:
        cells = f"{_share(bound.coverage):>9}{_number(bound.mean_margin_c):>8}"
        cells += f"{_share(bound.worst_30d, digits=0):>7}"
        cells += f"{_share(bound.worst_90d, digits=0):>7}"
    unsafe = f"{decided.approved_exceedance_days}/{decided.exceedance_days}"
    blocked = f"{decided.blocked_safe_days}/{decided.safe_days}"
    return f"{cells}{unsafe:>12}{blocked:>12}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _share(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"
