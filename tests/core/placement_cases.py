"""Random but plausible fleets for the tests of placement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from core.conformal import check_limit
from core.footprints import RegionSignals, SignalBasis
from core.placement import PlanRegion
from core.pue import PRESETS
from core.regions import CoolingType
from tests.core.outlook_cases import an_outlook
from tests.core.window_cases import some_days, tracked

COOLING = tuple(CoolingType)
ISSUED = datetime(2023, 8, 1, tzinfo=UTC)


def a_plan_region(
    slug: str = "texas",
    *,
    bound_c: float = 30.0,
    limit_c: float = 35.0,
    factor: float = 0.05,
    load_mw: float | NDArray[np.float64] = 40.0,
    capacity_mw: float = 100.0,
    flexible_frac: float = 0.5,
    wet_bulb_c: float | NDArray[np.float64] = 15.0,
    carbon: float | NDArray[np.float64] = 400.0,
    price: float | NDArray[np.float64] = 50.0,
    cooling_type: CoolingType = CoolingType.AIR,
    grid_water_l_per_kwh: float = 1.0,
    n_hours: int = 24,
) -> PlanRegion:
    """One region of flat hours, unless series are given."""
    outlook = an_outlook(
        slug,
        bound_c=bound_c,
        limit_c=limit_c,
        factor=factor,
        load_mw=load_mw,
        capacity_mw=capacity_mw,
        flexible_frac=flexible_frac,
        n_hours=n_hours,
    )
    region = replace(
        outlook.region,
        cooling_type=cooling_type,
        cooling=PRESETS[cooling_type],
        grid_water_l_per_kwh=grid_water_l_per_kwh,
    )
    hours = np.ones(n_hours)
    return PlanRegion(
        outlook=replace(outlook, region=region),
        signals=RegionSignals(
            region=region,
            it_load_mw=outlook.it_load_mw,
            dry_bulb_c=hours * wet_bulb_c + 8.0,
            wet_bulb_c=hours * wet_bulb_c,
            carbon_intensity_gco2_kwh=hours * carbon,
            price_usd_mwh=hours * price,
            basis=SignalBasis.FORECAST,
        ),
    )


def a_fleet(
    n_regions: int, n_hours: int = 24, seed: int = 0, hot_frac: float = 0.2
) -> Sequence[PlanRegion]:
    """A fleet with daily waves of load, weather, carbon and price."""
    random = np.random.default_rng(seed)
    hours = np.arange(n_hours)

    def wave(mean: float, amplitude: float) -> NDArray[np.float64]:
        phase = random.uniform(0, 2 * np.pi)
        noise = random.normal(0, 0.1 * amplitude, n_hours)
        return mean + amplitude * np.sin(2 * np.pi * hours / 24 + phase) + noise

    regions = []
    for number in range(n_regions):
        load = np.maximum(wave(random.uniform(25, 60), 8.0), 1.0)
        limit = 35.0
        over = random.random() < hot_frac
        bound = limit + (random.uniform(0, 2) if over else -random.uniform(0, 8))
        regions.append(
            a_plan_region(
                f"r{number:02d}",
                bound_c=bound,
                limit_c=limit,
                load_mw=load,
                capacity_mw=float(load.max() * random.uniform(1.05, 1.6)),
                flexible_frac=random.uniform(0.2, 0.7),
                wet_bulb_c=wave(random.uniform(5, 22), 4.0),
                carbon=np.maximum(wave(random.uniform(80, 600), 60.0), 5.0),
                price=wave(random.uniform(20, 90), 25.0),
                cooling_type=COOLING[number % len(COOLING)],
                grid_water_l_per_kwh=float(random.uniform(0.2, 3.0)),
                n_hours=n_hours,
            )
        )
    return regions


def a_tight_fleet(
    n_regions: int,
    seed: int,
    *,
    factor: float = 0.1,
    hot_frac: float = 0.2,
    n_days: int = 100,
) -> Sequence[PlanRegion]:
    """Regions with a day's course and the hours of their windows, close to limits."""
    random = np.random.default_rng(seed)
    fleet = []
    for region in a_fleet(n_regions, seed=seed):
        calibration = tracked(some_days(random, n_days)).calibration()
        day = some_days(random, 1)
        bound = check_limit(day.mean[0], day.scale[0], calibration, limit=0.0).bound
        room_c = random.uniform(-1.5, 0.0) if random.random() < hot_frac else 1.0
        outlook = region.outlook
        assert outlook.forecast is not None
        fleet.append(
            replace(
                region,
                outlook=replace(
                    outlook,
                    policy=replace(
                        outlook.policy,
                        thermal_limit_c=bound + room_c,
                        cooling_factor_c_per_pct=factor,
                    ),
                    forecast=replace(
                        outlook.forecast, mean=day.mean[0], scale=day.scale[0]
                    ),
                    calibration=calibration,
                ),
            )
        )
    return fleet
