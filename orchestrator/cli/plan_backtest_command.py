"""`gfo backtest-plan`: what day-ahead plans would have saved, without a database."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from core.days import WINDOW_H
from core.errors import InvalidInput
from core.placement import PlanPrices, PlanRules
from core.telemetry import Quantity, TelemetryFrame
from models.family import DEFAULT_FAMILY, Family
from orchestrator.backtests.plan_backtest import (
    BacktestRegion,
    Forecasts,
    PlanBacktestSetup,
    run_plan_backtest,
)
from orchestrator.backtests.plan_backtest_files import (
    BacktestFiles,
    read_backtest_files,
)
from orchestrator.backtests.plan_backtest_report import (
    plan_backtest_document,
    plan_backtest_table,
)
from orchestrator.backtests.real_plants import (
    FLEXIBLE_LOAD_FRAC,
    IT_CAPACITY_MW,
    plant_of,
)
from orchestrator.processes.terminal import Json, command_settings, parse_day, progress
from orchestrator.runtime import utc_now

PER_REGION = "per-region"
LIMIT_QUANTILE = 0.95


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
    limit_c: Annotated[
        str,
        typer.Option(
            help="Limit on the day's maximum, °C; or per-region: the 95th percentile"
            " of each region's daily maxima in training."
        ),
    ] = "35",
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
    family: Annotated[Family, typer.Option(help="Family of models.")] = DEFAULT_FAMILY,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 7,
    report: Annotated[
        Path | None, typer.Option(help="Write the figures to this file, as JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Plan every test day on forecasts alone, and compare with what came."""
    started = time.monotonic()
    with command_settings():
        days = _issues(parse_day(train_until), parse_day(test_until))
        first_test = _midnight(parse_day(calibrate_until))
        prices = PlanPrices(
            energy_price_weight=energy_price_weight,
            carbon_usd_per_t=carbon_usd_per_t,
            water_usd_per_m3=water_usd_per_m3,
        )
        setup = PlanBacktestSetup(
            issues=days,
            n_calibration=sum(issue < first_test for issue in days),
            prices=prices,
            rules=PlanRules(
                ramp_mw_per_h=ramp_mw_per_h,
                migration_energy_frac=migration_energy_pct / 100.0,
            ),
            cooling_factor_c_per_pct=cooling_factor,
            counts_hydro_water=hydro_water,
        )
        if report is not None and not report.resolve().parent.is_dir():
            message = f"{report} cannot be written: its folder is not there."
            raise InvalidInput(message)
        files = read_backtest_files(telemetry, regions, now_utc=utc_now())
        for note in files.notes:
            progress(note)
        limits_c = {
            slug: _limit(limit_c, frame, days[0])
            for slug, frame in files.frames.items()
        }
        read_s = time.monotonic() - started
        forecasts = _forecasts(files, days, family, seed)
        forecast_s = time.monotonic() - started - read_s
        result = run_plan_backtest(
            [
                BacktestRegion(
                    region=files.regions[slug],
                    frame=frame,
                    limit_c=limits_c[slug],
                    auctioned_h=plant_of(slug).auctioned_h if auction_prices else 0,
                )
                for slug, frame in files.frames.items()
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
                "telemetry_sha256": files.telemetry_sha256,
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
        text = json.dumps(document, indent=2, allow_nan=False)
        typer.echo(text if as_json else plan_backtest_table(result, prices, document))
        if report is not None:
            _write(report, text + "\n")


def _forecasts(
    files: BacktestFiles, days: list[datetime], family: Family, seed: int
) -> Forecasts:
    # scikit-learn takes seconds to import; other commands must not wait for it.
    from orchestrator.backtests.plan_backtest_forecasts import day_ahead_forecasts  # noqa: PLC0415 -- slow

    return day_ahead_forecasts(
        files.frames,
        files.regions,
        days,
        train_until_utc=days[0],
        seed=seed,
        family=family,
        on_target=lambda target: progress(f"Training and forecasting {target} …"),
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _issues(first: date, until: date) -> list[datetime]:
    """One issue a day for all regions together: midnight UTC."""
    if not first < until:
        message = f"Training must end before the test, not on {first} and {until}."
        raise InvalidInput(message)
    return [_midnight(first) + timedelta(days=n) for n in range((until - first).days)]


def _limit(text: str, frame: TelemetryFrame, train_until_utc: datetime) -> float:
    if text != PER_REGION:
        try:
            limit_c = float(text)
        except ValueError:
            limit_c = float("nan")
        if not -50.0 <= limit_c <= 100.0:
            message = (
                f"--limit-c is {text!r}; give °C between -50 and 100, or {PER_REGION}."
            )
            raise InvalidInput(message)
        return limit_c
    return own_limit_c(frame, train_until_utc)


def own_limit_c(frame: TelemetryFrame, train_until_utc: datetime) -> float:
    """95th percentile of the daily maxima (UTC) that training saw, degC."""
    seen = frame.window(frame.start_utc, train_until_utc)
    hours = seen.column(Quantity.TEMPERATURE_C)
    whole = hours[: hours.size // WINDOW_H * WINDOW_H].reshape(-1, WINDOW_H)
    maxima = whole.max(axis=1, initial=-np.inf)
    known = maxima[np.isfinite(maxima)]
    if not known.size:
        message = f"{frame.region_slug} has no whole day before the training ends."
        raise InvalidInput(message)
    return float(np.quantile(known, LIMIT_QUANTILE))


def _write(report: Path, text: str) -> None:
    unfinished = report.with_name(f"{report.name}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(report)
    except OSError as exc:
        message = f"{report} cannot be written: {exc.strerror}."
        raise InvalidInput(message) from exc
    progress(f"The report is in {report}.")
