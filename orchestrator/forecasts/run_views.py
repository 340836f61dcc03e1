"""Weather forecasts behind a forecast, and what they have been worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from core.aliases import FloatArray
from core.days import WINDOW_H
from core.forecasts import InputMode
from core.telemetry import HOUR, Quantity, hours_between
from core.weather_runs import WeatherRuns, hours_since_1970
from db import forecasts, telemetry, weather_forecasts
from db.forecasts import ModeMean, StoredForecast
from db.regions import StoredRegion
from orchestrator.forecasts.views import WORTH_DAYS, RunView, RunWorth
from orchestrator.windows.views import finite_series

MODE_WORDS: Mapping[InputMode, str] = {
    InputMode.RUN_12H: "Weather forecast at most 12 h old",
    InputMode.RUN_24H: "Weather forecast 13 to 24 h old",
    InputMode.RUN_48H: "Weather forecast 25 to 48 h old",
    InputMode.RUN_DAY_MAX: "Forecast of the day's maximum, its course by past days",
    InputMode.RUN_PARTIAL: "Weather forecast of some hours, telemetry for the rest",
    InputMode.TELEMETRY: "Telemetry alone: no weather forecast was used",
}


def run_view(
    session: Session,
    stored_region: StoredRegion,
    stored: StoredForecast | None,
    *,
    issued_at_utc: datetime,
    now: datetime,
) -> RunView | None:
    """The weather forecasts of a window; None for a region that has none."""
    slug = stored_region.region.slug
    runs = weather_forecasts.load_runs(
        session,
        slug,
        issued_at_utc,
        issued_at_utc,
        known_by_utc=stored.runs_known_by_utc if stored else None,
    )
    if stored is None or (runs is None and stored.input_mode is InputMode.TELEMETRY):
        return None
    run_issued = stored.run_issued_at_utc
    return RunView(
        mode=MODE_WORDS[stored.input_mode],
        issued_at_utc=run_issued,
        age_h=None if run_issued is None else (issued_at_utc - run_issued) / HOUR,
        raw_c=finite_series(_raw_c(runs, [issued_at_utc])[0]),
        worth=run_worth(session, stored_region, until_utc=now),
    )


def run_worth(
    session: Session,
    stored_region: StoredRegion,
    *,
    until_utc: datetime,
    days: int = WORTH_DAYS,
) -> RunWorth | None:
    """Errors with and without weather forecasts over the last days, by midnight.

    None when no finished window was forecast in both ways.
    """
    region = stored_region.region
    from_utc = until_utc - timedelta(days=days)
    said = forecasts.mode_means(
        session,
        region_id=stored_region.region_id,
        time_zone=region.time_zone,
        from_utc=from_utc,
        until_utc=until_utc - WINDOW_H * HOUR,
    )
    if not said:
        return None
    issues = [item.issued_at_utc for item in said]
    observed = _observed_c(session, region.slug, issues)
    complete = np.isfinite(observed).all(axis=1)
    if not complete.any():
        return None
    runs = weather_forecasts.load_runs(session, region.slug, issues[0], issues[-1])
    raw = _rmse_c(_raw_c(runs, issues)[complete], observed[complete])
    return RunWorth(
        n_days=int(complete.sum()),
        rmse_c=_rmse_c(_means_c(said)[complete], observed[complete]),
        rmse_without_c=_rmse_c(
            np.array([item.without for item in said])[complete], observed[complete]
        ),
        rmse_raw_c=raw if np.isfinite(raw) else None,
    )


def _means_c(said: Sequence[ModeMean]) -> FloatArray:
    return np.array([item.served for item in said])


def _observed_c(session: Session, slug: str, issues: Sequence[datetime]) -> FloatArray:
    start = issues[0]
    column = telemetry.load_frame(
        session, slug, start, issues[-1] + WINDOW_H * HOUR
    ).column(Quantity.TEMPERATURE_C)
    places = np.array([hours_between(start, issue) for issue in issues])
    return column[places[:, None] + np.arange(WINDOW_H)]


def _raw_c(runs: WeatherRuns | None, issues: Sequence[datetime]) -> FloatArray:
    instants = np.array([round(hours_since_1970(issue)) for issue in issues], np.int64)
    found = (runs or WeatherRuns(streams=())).around(
        Quantity.TEMPERATURE_C, (), 0, instants, horizon_h=WINDOW_H
    )
    return found.mean


def _rmse_c(mean_c: FloatArray, observed_c: FloatArray) -> float:
    error = (mean_c - observed_c)[np.isfinite(mean_c)]
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")
