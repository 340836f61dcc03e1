"""Trained on the real 2021, judged on the real 2023, at every region's midnight."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from core.aliases import FloatArray
from core.days import issue_at_local_midnight
from core.forecasts import HourlyForecast, Target
from core.regions import CoolingParameters, CoolingType, Region
from core.telemetry import HOUR, Quantity, TelemetryFrame
from models.accuracy import coverage_frac, skill_frac
from models.contract import read_contract
from models.export import export_onnx
from models.features import feature_matrix
from models.fleet_ridge import train_fleet_ridge
from models.forecasting import hindcast
from models.intervals import interval_quantile
from models.metadata import Family
from models.observations import observed_windows, persistence_windows
from models.onnx_model import OnnxModel
from models.parity import validate_parity
from models.train import TrainedModel, train_model

pytestmark = [pytest.mark.real_data, pytest.mark.slow]


START_UTC = datetime(2021, 1, 1, tzinfo=UTC)
TRAIN_UNTIL_UTC = datetime(2022, 1, 1, tzinfo=UTC)
ABSENT = {Quantity.WATER_USAGE_L, Quantity.TEMPERATURE_MAX_C}
QUANTITIES = [quantity for quantity in Quantity if quantity not in ABSENT]


@dataclass(frozen=True)
class Fleet:
    """The six real regions and their telemetry."""

    regions: Mapping[str, Region]
    frames: Mapping[str, TelemetryFrame]

    def with_zones(self) -> dict[str, tuple[TelemetryFrame, str]]:
        return {
            slug: (frame, self.regions[slug].time_zone)
            for slug, frame in self.frames.items()
        }


@pytest.fixture(scope="module")
def fleet(real_data: Path) -> Fleet:
    cells: dict[str, list[list[float]]] = {}
    with gzip.open(real_data / "telemetry_real.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            values = [float(row[quantity] or "nan") for quantity in QUANTITIES]
            cells.setdefault(row["region"], []).append(values)
    frames = {
        slug: TelemetryFrame(
            region_slug=slug,
            start_utc=START_UTC,
            n_hours=len(rows),
            values=dict(zip(QUANTITIES, np.array(rows).T, strict=True)),
        )
        for slug, rows in cells.items()
    }
    with (real_data / "regions.csv").open(encoding="utf-8") as file:
        regions = {row["slug"]: _region(row) for row in csv.DictReader(file)}
    assert set(regions) == set(frames)
    assert len(frames) == 6
    return Fleet(regions, frames)


def _region(row: Mapping[str, str]) -> Region:
    return Region(
        slug=row["slug"],
        name=row["name"],
        time_zone=row["time_zone"],
        latitude_deg=float(row["latitude"]),
        longitude_deg=float(row["longitude"]),
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


@pytest.fixture(scope="module", params=list(Family))
def temperature(fleet: Fleet, request: pytest.FixtureRequest) -> TrainedModel:
    return train_model(
        fleet.with_zones(),
        Target.TEMPERATURE_C,
        TRAIN_UNTIL_UTC,
        family=request.param,
    )


@dataclass(frozen=True)
class Year:
    """Hindcasts of a year at local midnight; windows without one are NaN."""

    observed: FloatArray
    mean: FloatArray
    scale: FloatArray
    persistence: FloatArray
    n_refused: int

    @property
    def skill(self) -> float:
        return skill_frac(self.observed, self.mean, self.persistence)


def _runtime(trained: TrainedModel) -> OnnxModel:
    exported = export_onnx(trained)
    assert read_contract(exported) == trained.contract
    return OnnxModel(exported, hashlib.sha256(exported).hexdigest())


def _midnights(region: Region, year: int) -> list[datetime]:
    days = [date(year, 1, 1) + timedelta(days=day) for day in range(364)]
    return [issue_at_local_midnight(region.time_zone, day) for day in days]


def _year(runtime: OnnxModel, fleet: Fleet, slug: str, year: int) -> Year:
    frame, region = fleet.frames[slug], fleet.regions[slug]
    issues = _midnights(region, year)
    forecasts = hindcast(runtime, frame, region, issues)
    made = [isinstance(result, HourlyForecast) for result in forecasts]
    mean, scale = np.full((len(issues), 24), np.nan), np.full((len(issues), 24), np.nan)
    mean[made] = [f.mean for f in forecasts if isinstance(f, HourlyForecast)]
    scale[made] = [f.scale for f in forecasts if isinstance(f, HourlyForecast)]
    quantity = runtime.contract.target.quantity
    return Year(
        observed=observed_windows(frame, quantity, issues, 24),
        mean=mean,
        scale=scale,
        persistence=persistence_windows(frame, quantity, issues, 24),
        n_refused=len(issues) - sum(made),
    )


def _pooled_skill(years: Mapping[str, Year]) -> float:
    return skill_frac(
        np.concatenate([year.observed for year in years.values()]),
        np.concatenate([year.mean for year in years.values()]),
        np.concatenate([year.persistence for year in years.values()]),
    )


def test_temperature_beats_persistence_by_28_percent_pooled_and_everywhere(
    fleet: Fleet, temperature: TrainedModel
) -> None:
    runtime = _runtime(temperature)
    years = {slug: _year(runtime, fleet, slug, 2023) for slug in fleet.frames}
    assert sum(year.n_refused for year in years.values()) == 0
    assert _pooled_skill(years) >= 0.28
    assert min(year.skill for year in years.values()) >= 0.15


def test_with_the_weights_of_a_region_among_10_000_it_beats_persistence_as_well(
    fleet: Fleet,
) -> None:
    """Some 2,500 weights of half precision each, learned from 2,500 hours."""
    trained = train_fleet_ridge(
        fleet.with_zones(), Target.TEMPERATURE_C, TRAIN_UNTIL_UTC, room_bytes=205_000
    )
    assert trained.layout.directions is not None
    shape = trained.mean_model.own_weights().shape
    assert 2_000 < shape[1] * shape[2] < 2_700
    runtime = _runtime(trained)
    years = {slug: _year(runtime, fleet, slug, 2023) for slug in fleet.frames}
    assert _pooled_skill(years) >= 0.28
    assert min(year.skill for year in years.values()) >= 0.13


def test_displayed_interval_calibrated_on_2022_covers_2023(
    fleet: Fleet, temperature: TrainedModel
) -> None:
    runtime = _runtime(temperature)
    inside = []
    for slug in fleet.frames:
        past, year = (_year(runtime, fleet, slug, y) for y in (2022, 2023))
        interval = interval_quantile(
            past.observed, past.mean, past.scale, Decimal("0.95")
        )
        half_width = interval.quantile * year.scale
        coverage = coverage_frac(
            year.observed, year.mean - half_width, year.mean + half_width
        )
        assert 0.92 <= coverage <= 0.98, slug
        inside.append(coverage)
    assert 0.94 <= np.mean(inside) <= 0.96


@pytest.mark.parametrize(
    ("target", "least"),
    [
        (Target.WET_BULB_C, 0.28),
        (Target.CARBON_INTENSITY_GCO2_KWH, 0.15),
        (Target.IT_LOAD_MW, 0.25),
    ],
)
def test_other_targets_beat_persistence_in_every_region(
    fleet: Fleet, target: Target, least: float
) -> None:
    runtime = _runtime(train_model(fleet.with_zones(), target, TRAIN_UNTIL_UTC))
    years = {slug: _year(runtime, fleet, slug, 2023) for slug in fleet.frames}
    assert _pooled_skill(years) >= least
    assert min(year.skill for year in years.values()) > 0.0


def test_parity_holds_on_more_than_10_000_real_rows(
    fleet: Fleet, temperature: TrainedModel
) -> None:
    issues = [TRAIN_UNTIL_UTC + 4 * hour * HOUR for hour in range(4_000)]
    rows, region_index = [], []
    for slug, (frame, zone) in fleet.with_zones().items():
        inputs = feature_matrix(
            frame,
            zone,
            issues,
            temperature.contract.feature_names,
            target=Target.TEMPERATURE_C,
        )
        rows.append(inputs.features[inputs.usable])
        own = temperature.contract.region_index(slug)
        region_index.append(np.where(np.arange(len(rows[-1])) % 4 == 0, 0, own))
    report = validate_parity(
        temperature,
        export_onnx(temperature),
        np.concatenate(rows),
        np.concatenate(region_index),
    )
    assert report.n_rows >= 10_000
    assert report.holds, report


@pytest.mark.parametrize("left_out", ["DE-LU"])
def test_region_that_was_not_trained_beats_persistence_on_pooled_weights(
    fleet: Fleet, left_out: str
) -> None:
    others = {s: pair for s, pair in fleet.with_zones().items() if s != left_out}
    runtime = _runtime(train_model(others, Target.TEMPERATURE_C, TRAIN_UNTIL_UTC))
    assert runtime.contract.region_index(left_out) == 0
    assert _year(runtime, fleet, left_out, 2023).skill >= 0.2


@pytest.mark.parametrize(
    "local_day", [date(2023, 3, 12), date(2023, 11, 5), date(2023, 11, 6)]
)
def test_days_when_the_clock_changes_have_24_forecast_hours_from_midnight(
    fleet: Fleet, temperature: TrainedModel, local_day: date
) -> None:
    region = fleet.regions["US-TEX-ERCO"]
    issue_utc = issue_at_local_midnight(region.time_zone, local_day)
    frame = fleet.frames[region.slug]
    (result,) = hindcast(_runtime(temperature), frame, region, [issue_utc])
    assert isinstance(result, HourlyForecast)
    assert len(result.mean) == 24
    observed = observed_windows(frame, Quantity.TEMPERATURE_C, [issue_utc], 24)
    assert np.abs(result.mean - observed[0]).mean() < 4 * result.scale.mean()


def test_region_without_optional_quantities_still_beats_persistence(
    fleet: Fleet, temperature: TrainedModel
) -> None:
    slug = "US-TEX-ERCO"
    full = fleet.frames[slug]
    only = {Quantity.TEMPERATURE_C: full.column(Quantity.TEMPERATURE_C)}
    bare = replace(fleet, frames={slug: replace(full, values=only)})
    year = _year(_runtime(temperature), bare, slug, 2023)
    assert year.n_refused == 0
    assert year.skill > 0.1
