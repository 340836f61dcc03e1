"""`gfo backtest` and `gfo backtest-plan`: past days, from files alone."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import InvalidInput
from core.forecasts import Target
from core.placement import PlanPrices, PlanRules
from models.bounded import bounded
from models.metadata import DEFAULT_FAMILY, Family
from orchestrator.backtests.forecast_report import (
    PER_REGION,
    backtest_document,
    backtest_table,
    weather_setup,
)
from orchestrator.backtests.guards import guarded, held_back
from orchestrator.backtests.plan_backtest import (
    BacktestRegion,
    PlanBacktestSetup,
    run_plan_backtest,
)
from orchestrator.backtests.plan_report import (
    plan_backtest_document,
    plan_backtest_table,
)
from orchestrator.backtests.plants import (
    FLEXIBLE_LOAD_FRAC,
    IT_CAPACITY_MW,
    REGION_COLUMNS,
    assumed_region,
    plant_of,
)
from orchestrator.processes.terminal import (
    Json,
    MaxMemoryGib,
    MaxMinutes,
    command_settings,
    parse_day,
    progress,
    progress_bar,
)
from orchestrator.runtime import utc_now
from orchestrator.telemetry.readers.forecast_files import (
    ForecastFile,
    read_weather_forecasts,
)
from orchestrator.telemetry.readers.frames import read_fleet

if TYPE_CHECKING:  # scikit-learn takes seconds to import
    from models.backtest import BacktestResult, BacktestSetup
    from models.fleet_telemetry import RegionTelemetry

LimitC = Annotated[
    str,
    typer.Option(
        help="Limit on the day's maximum, degC; or per-region: the 95th percentile"
        " of each region's daily maxima in training."
    ),
]
ReportFile = Annotated[
    Path | None, typer.Option(help="Write the figures to this file, as JSON.")
]
ModelFamily = Annotated[Family, typer.Option(help="Family of models.")]
WeatherForecasts = Annotated[
    Path | None,
    typer.Option(
        help="Tidy CSV, plain or gzip, of weather forecasts as issued: region,"
        " issued_at_utc, known_at_utc or retrieved_at_utc, valid_at_utc, lead_h, model,"
        " member and columns such as temperature_c_forecast."
    ),
]
UnprovedDelay = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="Use weather forecasts that cannot prove when they were known, as if known"
        " so many hours after their issue. Default: they are not used.",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same figures.")]


def backtest(  # noqa: PLR0913 -- one parameter per option
    *,
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
    family: ModelFamily = DEFAULT_FAMILY,
    limit_c: LimitC = PER_REGION,
    weather_forecasts: WeatherForecasts = None,
    unproved_known_after_h: UnprovedDelay = None,
    seed: Seed = 7,
    max_memory_gib: MaxMemoryGib = 4.0,
    max_minutes: MaxMinutes = 240.0,
    report: ReportFile = None,
) -> None:
    """Train, roll day by day through later days, and report; needs no database."""
    started = time.monotonic()
    with (
        command_settings(),
        bounded("The backtest", memory_gib=max_memory_gib, minutes=max_minutes),
    ):
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
        _require_folder(report)
        fleet = read_fleet(telemetry, regions, utc_now(), progress)
        frames, weather = _with_weather(
            guarded(fleet.frames), weather_forecasts, unproved_known_after_h
        )
        read_s = time.monotonic() - started
        result = _run(frames, setup)
        typer.echo(backtest_table(result))
        document = backtest_document(
            result,
            setup,
            fleet.file,
            telemetry_name=telemetry.name,
            regions_name=regions.name,
            weather=weather,
            telemetry_held_back=held_back(frames),
            timings_s={
                "read": read_s,
                **result.timings_s,
                "total": time.monotonic() - started,
            },
        )
        _write(report, document)


def backtest_plan(  # noqa: PLR0913 -- one parameter per option
    *,
    telemetry: Annotated[
        Path, typer.Option(help="Tidy CSV, plain or gzip, of every region.")
    ],
    regions: Annotated[
        Path, typer.Option(help="CSV: slug, name, time_zone, latitude, longitude.")
    ],
    train_until: Annotated[
        str, typer.Option(help="Models learn from days before this one (YYYY-MM-DD).")
    ] = "2022-01-01",
    calibrate_until: Annotated[
        str, typer.Option(help="The first bounds rest on days before this one.")
    ] = "2023-01-01",
    test_until: Annotated[
        str, typer.Option(help="Plans are made for days before this one.")
    ] = "2024-01-01",
    carbon_usd_per_t: Annotated[
        float, typer.Option(help="Price of a tonne of CO2e, USD.")
    ] = 50.0,
    water_usd_per_m3: Annotated[
        float, typer.Option(help="Price of a cubic metre of water, USD.")
    ] = 2.0,
    energy_price_weight: Annotated[
        float, typer.Option(help="Weight of the energy bill.")
    ] = 1.0,
    migration_energy_pct: Annotated[
        float, typer.Option(help="Energy of moving load, % of what is moved.")
    ] = 0.0,
    ramp_mw_per_h: Annotated[
        float | None, typer.Option(help="Steepest change of a region's moves.")
    ] = None,
    minimum_transfer_mwh: Annotated[
        float, typer.Option(help="Smaller transfers are left out of plans.")
    ] = 0.0,
    limit_c: LimitC = "35",
    cooling_factor: Annotated[
        float, typer.Option(help="°C per percentage point of load.")
    ] = 0.05,
    hydro_water: Annotated[
        bool, typer.Option(help="Whether hydropower's reservoirs use water.")
    ] = False,
    auction_prices: Annotated[
        bool,
        typer.Option(
            help="Whether day-ahead auctions are known where they set the price."
        ),
    ] = True,
    weather_forecasts: WeatherForecasts = None,
    unproved_known_after_h: UnprovedDelay = None,
    family: ModelFamily = DEFAULT_FAMILY,
    seed: Seed = 7,
    max_memory_gib: MaxMemoryGib = 4.0,
    max_minutes: MaxMinutes = 240.0,
    report: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Plan every test day on forecasts alone, and compare with what came."""
    started = time.monotonic()
    with (
        command_settings(),
        bounded("The backtest", memory_gib=max_memory_gib, minutes=max_minutes),
    ):
        train_until_day = parse_day(train_until)
        issues = _issues(train_until_day, parse_day(test_until))
        first_test = _midnight(parse_day(calibrate_until))
        prices = PlanPrices(
            energy_price_weight=energy_price_weight,
            carbon_usd_per_t=carbon_usd_per_t,
            water_usd_per_m3=water_usd_per_m3,
        )
        setup = PlanBacktestSetup(
            issues=issues,
            n_calibration=sum(issue < first_test for issue in issues),
            prices=prices,
            rules=PlanRules(
                ramp_mw_per_h=ramp_mw_per_h,
                migration_energy_frac=migration_energy_pct / 100.0,
                minimum_transfer_mwh=minimum_transfer_mwh,
            ),
            cooling_factor_c_per_pct=cooling_factor,
            counts_hydro_water=hydro_water,
        )
        given_limit_c = _limit_c(limit_c)
        _require_folder(report)
        fleet = read_fleet(
            telemetry, regions, utc_now(), progress, columns=REGION_COLUMNS
        )
        plants = {slug: assumed_region(row) for slug, row in fleet.table.items()}
        frames, weather = _with_weather(
            guarded(fleet.frames), weather_forecasts, unproved_known_after_h
        )
        read_s = time.monotonic() - started
        # scikit-learn takes seconds to import; other commands must not wait for it.
        from models.backtest import own_limit_c  # noqa: PLC0415
        from orchestrator.backtests.day_ahead import day_ahead_forecasts  # noqa: PLC0415

        limits_c = {
            slug: own_limit_c(region, train_until_day)
            if given_limit_c is None
            else given_limit_c
            for slug, region in frames.items()
        }
        forecasts = day_ahead_forecasts(
            frames,
            plants,
            issues,
            train_until_utc=issues[0],
            seed=seed,
            family=family,
            on_target=lambda target: progress(f"Training and forecasting {target} …"),
        )
        forecast_s = time.monotonic() - started - read_s
        result = run_plan_backtest(
            [
                BacktestRegion(
                    region=plants[slug],
                    frame=frame,
                    limit_c=limits_c[slug],
                    auctioned_h=plant_of(slug).auctioned_h if auction_prices else 0,
                )
                for slug, (frame, _) in frames.items()
            ],
            forecasts,
            setup,
            lambda issue: (
                progress(f"Planning {issue:%B %Y} …") if issue.day == 1 else None
            ),
        )
        document = plan_backtest_document(
            result,
            prices,
            setup={
                "telemetry": telemetry.name,
                "telemetry_sha256": fleet.file.sha256,
                "telemetry_held_back": held_back(frames),
                "weather_forecasts": weather,
                "train_until": train_until,
                "calibrate_until": calibrate_until,
                "test_until": test_until,
                "prices": asdict(prices),
                "rules": asdict(setup.rules),
                "limits_c": limits_c,
                "cooling_factor_c_per_pct": cooling_factor,
                "counts_hydro_water": hydro_water,
                "auction_prices_known": auction_prices,
                "it_capacity_mw": IT_CAPACITY_MW,
                "flexible_load_frac": FLEXIBLE_LOAD_FRAC,
                "family": family.value,
                "seed": seed,
            },
            timings_s={
                "read": read_s,
                "forecast": forecast_s,
                "total": time.monotonic() - started,
            },
        )
        if as_json:
            typer.echo(_json(document))
        else:
            typer.echo(plan_backtest_table(result, prices, document))
        _write(report, document)


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


def _with_weather(
    frames: Mapping[str, RegionTelemetry],
    path: Path | None,
    unproved_known_after_h: float | None,
) -> tuple[Mapping[str, RegionTelemetry], dict[str, object] | None]:
    """The frames with the runs of a file, and what a report says of it."""
    if path is None:
        return frames, None
    file = read_weather_forecasts(
        path, {slug: time_zone for slug, (_, time_zone) in frames.items()}
    )
    _say_unused(path, file, unproved_known_after_h)
    return (
        file.with_frames(frames, unproved_known_after_h),
        weather_setup(path.name, file, unproved_known_after_h),
    )


def _say_unused(path: Path, file: ForecastFile, delay_h: float | None) -> None:
    n_refused = sum(file.refused.values())
    if n_refused:
        progress(f"{path.name}: {n_refused:,} rows or values were not taken:")
        for text in file.first_refusals:
            progress(f"  {text}")
    if file.unproved_rows and delay_h is None:
        progress(
            f"{path.name}: {file.unproved_rows:,} of {file.row_count:,} rows do not say"
            " when they were known (known_at_utc or retrieved_at_utc), so they are not"
            " used. --unproved-known-after-h HOURS uses them as if known so many hours"
            " after their issue."
        )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _issues(first: date, until: date) -> list[datetime]:
    """One issue a day for all regions together: midnight UTC."""
    if not first < until:
        message = f"Training must end before the test, not on {first} and {until}."
        raise InvalidInput(message)
    return [_midnight(first) + timedelta(days=n) for n in range((until - first).days)]


def _require_folder(report: Path | None) -> None:
    """Say before an hour's work, not after it, that its result cannot be kept."""
    if report is None:
        return
    if not report.resolve().parent.is_dir() or report.is_dir():
        message = f"{report} cannot be written: its folder is not there."
        raise InvalidInput(message)


def _json(document: Mapping[str, object]) -> str:
    return json.dumps(document, indent=2, allow_nan=False)


def _write(report: Path | None, document: Mapping[str, object]) -> None:
    if report is None:
        return
    unfinished = report.with_name(f"{report.name}.unfinished")
    try:
        unfinished.write_text(_json(document) + "\n", encoding="utf-8")
        unfinished.replace(report)
    except OSError as exc:
        message = f"{report} cannot be written: {exc.strerror}."
        raise InvalidInput(message) from exc
    progress(f"The report is in {report}.")
