"""Made-up weather whose next day is partly predictable, and regions to go with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from core.forecasts import Target
from core.regions import CoolingParameters, CoolingType, Region
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.export import export_onnx
from models.ridge import TrainedRidge
from models.ridge_training import train_ridge

START_UTC = datetime(2022, 1, 1, tzinfo=UTC)

MakeFrame = Callable[..., TelemetryFrame]
MakeRegion = Callable[..., Region]


@pytest.fixture(scope="session")
def make_frame() -> MakeFrame:
    """Frames of seeded weather, load and carbon; `changes` replaces columns."""

    def make(
        slug: str = "aa",
        n_hours: int = 60 * 24,
        seed: int = 1,
        start_utc: datetime = START_UTC,
        changes: dict[Quantity, np.ndarray | None] | None = None,
    ) -> TelemetryFrame:
        random = np.random.default_rng(seed)
        hour = np.arange(n_hours)
        drift = np.zeros(n_hours)
        for i in range(1, n_hours):
            drift[i] = 0.97 * drift[i - 1] + random.normal(0.0, 0.6)
        day = np.sin(2 * np.pi * hour / 24)
        values: dict[Quantity, np.ndarray] = {
            Quantity.TEMPERATURE_C: 15 + 5 * day + drift,
            Quantity.RELATIVE_HUMIDITY_PCT: np.clip(60 - 15 * day - drift, 0, 100),
            Quantity.WET_BULB_C: 11 + 3 * day + drift,
            Quantity.WIND_SPEED_KMH: np.abs(12 + random.normal(0, 3, n_hours)),
            Quantity.CLOUD_COVER_PCT: np.clip(50 + 5 * drift, 0, 100),
            Quantity.CARBON_INTENSITY_GCO2_KWH: np.clip(3 - 20 * day + drift, 0, None),
            Quantity.PRICE_USD_MWH: 40 + 10 * day,
            Quantity.IT_LOAD_MW: 40
            + 10 * (hour // 24 % 7 < 5)
            + random.normal(0, 1, n_hours),
        }
        for quantity, column in (changes or {}).items():
            if column is None:
                del values[quantity]
            else:
                values[quantity] = column
        return TelemetryFrame(
            region_slug=slug, start_utc=start_utc, n_hours=n_hours, values=values
        )

    return make


@pytest.fixture(scope="session")
def make_region() -> MakeRegion:
    """Regions that differ in slug and zone only."""

    def make(slug: str = "aa", time_zone: str = "Europe/Dublin") -> Region:
        return Region(
            slug=slug,
            name=slug,
            time_zone=time_zone,
            latitude_deg=0.0,
            longitude_deg=0.0,
            cooling_type=CoolingType.AIR,
            cooling=CoolingParameters(
                overhead_frac=0.1,
                chiller_cop=4.0,
                economiser_full_c=10.0,
                economiser_none_c=20.0,
                wue_air_l_per_kwh=0.0,
                adiabatic_switch_c=25.0,
            ),
            it_capacity_mw=100.0,
            flexible_load_frac=0.5,
            grid_water_l_per_kwh=1.0,
            colour="#1f77b4",
        )

    return make


@pytest.fixture(scope="session")
def trained(make_frame: MakeFrame) -> TrainedRidge:
    """Temperature, two regions, 50 of their 60 days."""
    frames = {
        "aa": (make_frame("aa", seed=1), "Europe/Dublin"),
        "bb": (make_frame("bb", seed=2), "Asia/Kolkata"),
    }
    return train_ridge(frames, Target.TEMPERATURE_C, START_UTC + 50 * 24 * HOUR)


@pytest.fixture(scope="session")
def onnx_bytes(trained: TrainedRidge) -> bytes:
    """That model, exported."""
    return export_onnx(trained)
