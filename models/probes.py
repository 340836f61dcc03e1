"""Synthetic weather for the first forecasts of an unknown model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import IssuedRun, WeatherRuns, weather_runs
from models.features import feature_matrix
from models.metadata import ModelContract

MAX_PROBED_REGIONS = 64

_N_HOURS = 15 * 24
_START_UTC = datetime(2023, 3, 1, tzinfo=UTC)
# Assumed: a cold, a mild and a hot fortnight with the same daily cycle.
_CLIMATES_C = (-5.0, 14.0, 32.0)
_ZONE = "UTC"


def probe_rows(
    contract: ModelContract,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Inputs for which every model must give plausible answers.

    Each of up to 64 regions, pooled and last included, sees three climates at three
    hours of the day, with and without weather forecasts. The same contract gives the
    same rows.

    Returns
    -------
    features : ndarray of float32, shape (N, F)
    region_index : ndarray of int64, shape (N,)
    """
    per_climate = np.concatenate([_rows(contract, mean_c) for mean_c in _CLIMATES_C])
    n_regions = len(contract.region_slugs) + 1
    chosen = np.unique(
        np.linspace(0, n_regions - 1, min(n_regions, MAX_PROBED_REGIONS)).astype(int)
    )
    features = np.tile(per_climate, (len(chosen), 1))
    return features, np.repeat(chosen.astype(np.int64), len(per_climate))


def _rows(contract: ModelContract, mean_c: float) -> NDArray[np.float32]:
    frame = _weather(mean_c)
    last = frame.start_utc + _N_HOURS * HOUR
    instants = [last - hours * HOUR for hours in (0, 7, 17)]
    frames = [frame]
    if contract.guiding_quantity is not None:
        # The last runs end with the telemetry: their windows have hours without any.
        frames += [replace(frame, runs=_runs(frame))]
        instants += [last - 36 * HOUR]
    return np.concatenate(
        [
            feature_matrix(
                item, _ZONE, instants, contract.feature_names, target=contract.target
            ).features
            for item in frames
        ]
    )


def _runs(frame: TelemetryFrame) -> WeatherRuns | None:
    """Every six hours a run that is a degree, or a unit, below what comes."""
    return weather_runs(
        IssuedRun(
            source="probe",
            model="",
            member="",
            issued_at_utc=frame.start_utc + hour * HOUR,
            known_at_utc=frame.start_utc + hour * HOUR,
            first_lead_h=0,
            values={
                quantity: column[hour : hour + 48] - 1.0
                for quantity, column in frame.values.items()
            },
        )
        for hour in range(0, _N_HOURS, 6)
    )


def _weather(mean_c: float) -> TelemetryFrame:
    random = np.random.default_rng(20230301)
    hour = np.arange(_N_HOURS)
    day = -np.cos(2 * np.pi * (hour - 3) / 24)
    slow = 2.0 * np.sin(2 * np.pi * hour / 90)
    temperature_c = mean_c + 5 * day + slow + random.normal(0.0, 0.4, _N_HOURS)
    return TelemetryFrame(
        region_slug="probe",
        start_utc=_START_UTC,
        n_hours=_N_HOURS,
        values={
            Quantity.TEMPERATURE_C: temperature_c,
            Quantity.RELATIVE_HUMIDITY_PCT: np.clip(60 - 15 * day, 0, 100),
            Quantity.WET_BULB_C: temperature_c - 3 - day,
            Quantity.WIND_SPEED_KMH: 12 + 4 * day,
            Quantity.CLOUD_COVER_PCT: np.clip(50 + 20 * np.sin(hour / 17), 0, 100),
            Quantity.CARBON_INTENSITY_GCO2_KWH: 350 - 60 * day + 10 * slow,
            Quantity.PRICE_USD_MWH: 60 - 15 * day,
            Quantity.IT_LOAD_MW: 50 + 5 * day,
        },
    )
