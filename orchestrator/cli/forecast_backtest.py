"""`gfo backtest`: how good forecasts, bounds and decisions would have been."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from core.forecasts import Target
from models.family import DEFAULT_FAMILY, Family
from orchestrator.backtests.forecast_backtest_report import (
    PER_REGION,
    backtest_document,
    backtest_table,
)
from orchestrator.processes.terminal import (
    command_settings,
    parse_day,
    progress,
    progress_bar,
)
from orchestrator.runtime import utc_now
from orchestrator.telemetry.readers.frames import read_fleet

if TYPE_CHECKING:
    from models.backtest import BacktestResult, BacktestSetup
    from models.training_rows import RegionTelemetry


def backtest(
    telemetry: Annotated[
        Path,
        typer.Option(
            help="Tidy CSV, plain or gzip: timestamp, region and one column per"
            " quantity."
        ),
    ],
    regions: Annotated[Path, typer.Option(help="CSV with columns slug and time_zone.")],
    train_until: Annotated[
        str, typer.Option(help="Train on days before this one (YYYY-MM-DD).")
    ],
    calibrate_until: Annotated[
        str, typer.Option(help="The first scores come from days before this one.")
    ],
    test_until: Annotated[str, typer.Option(help="The test ends before this day.")],
    targets: Annotated[
        str, typer.Option(help="Comma-separated. Default: all four.")
    ] = ",".join(Target),
    family: Annotated[Family, typer.Option(help="Family of models.")] = DEFAULT_FAMILY,
    limit_c: Annotated[
        str,
        typer.Option(
            help="Limit on the day's maximum, degC; or per-region: the 95th percentile"
            " of each region's daily maxima in training."
        ),
    ] = PER_REGION,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same figures.")
    ] = 7,
    report: Annotated[
        Path | None, typer.Option(help="Write the figures to this file, as JSON.")
    ] = None,
) -> None:
    """Train, roll day by day through later days, and report; needs no database."""
    started = time.monotonic()
    with command_settings():
        # scikit-learn takes seconds to import; other commands must not wait for it.
        from models.backtest import BacktestSetup  # noqa: PLC0415

        setup = BacktestSetup(
            train_until=parse_day(train_until),
            calibrate_until=parse_day(calibrate_until),
            test_until=parse_day(test_until),
            targets=_targets(targets),
            family=family,
            limit_c=_limit_c(limit_c),
            seed=seed,
        )
        if report is not None:
            _require_folder(report)
        frames, file = read_fleet(telemetry, regions, utc_now(), progress)
        read_s = time.monotonic() - started
        result = _run(frames, setup)
        typer.echo(backtest_table(result))
        if report is not None:
            document = backtest_document(
                result,
                setup,
                file,
                telemetry_name=telemetry.name,
                regions_name=regions.name,
                timings_s={
                    "read": read_s,
                    **result.timings_s,
                    "total": time.monotonic() - started,
                },
            )
            _write(report, document)
            typer.echo(f"\nThe report is in {report}.")


def _targets(text: str) -> tuple[Target, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in list(Target)]
    if unknown:
        message = f"There is no target {unknown[0]!r}; choose from {', '.join(Target)}."
        raise InvalidInput(message)
    return tuple(dict.fromkeys(Target(name) for name in names))


def _limit_c(text: str) -> float | None:
    if text == PER_REGION:
        return None
    try:
        limit_c = float(text)
    except ValueError:
        limit_c = float("nan")
    if not -50 <= limit_c <= 100:
        message = (
            f"--limit-c is {text!r}; give degC between -50 and 100, or {PER_REGION}."
        )
        raise InvalidInput(message)
    return limit_c


def _run(frames: Mapping[str, RegionTelemetry], setup: BacktestSetup) -> BacktestResult:
    from models.backtest import run_backtest, steps  # noqa: PLC0415

    with progress_bar(steps(frames, setup)) as report:
        return run_backtest(frames, setup, report)


def _require_folder(report: Path) -> None:
    """Say before an hour's work, not after it, that its result cannot be kept."""
    if not report.resolve().parent.is_dir() or report.is_dir():
        message = f"{report} cannot be written: its folder is not there."
        raise InvalidInput(message)


def _write(report: Path, document: Mapping[str, object]) -> None:
    unfinished = report.with_name(f"{report.name}.unfinished")
    try:
        unfinished.write_text(
            json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
        unfinished.replace(report)
    except OSError as exc:
        message = f"{report} cannot be written: {exc.strerror}."
        raise InvalidInput(message) from exc
