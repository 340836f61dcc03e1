"""Synthetic hourly telemetry with the shapes of real weather, grids and load."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.errors import InvalidInput
from core.noise import HOURS_PER_DAY, Persistence, draw_persistent
from core.psychrometrics import estimate_wet_bulb
from core.regions import Region, require_time_zone
from core.telemetry import HOUR, Quantity, TelemetryFrame, require_full_utc_hour
from core.water import estimate_wue, on_site_water_l

MAX_HOURS = 50 * 366 * HOURS_PER_DAY
"""Longest range made at once: 50 years, beyond any use and within memory."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_DAYS = 365.2425

# Time constants in hours, all assumed. Two to three days for fronts and half a day for
# clouds and wind give autocorrelations close to those of mid-latitude stations.
_STREAMS = (
    Persistence(60.0),  # synoptic: fronts and heat waves
    Persistence(5.0),  # local weather within a day
    Persistence(18.0),  # clouds
    Persistence(16.0),  # wind
    Persistence(48.0),  # moisture
    Persistence(10.0),  # IT load
    Persistence(6.0),  # electricity price
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Climate:
    """Weather of a place as a few numbers, all assumed after its climate normals.

    Attributes
    ----------
    mean_c : float
        Annual mean of the dry bulb, degC.
    annual_amplitude_c : float
        Half the difference of the warmest and the coldest day's mean, degC.
    warmest_day : int
        Day of the year, 1 to 365: about 200 in the north, 20 in the south.
    daily_amplitude_c : float
        Half the range of a day with average clouds, degC.
    synoptic_std_c : float
        Standard deviation of what fronts and heat waves add, degC; a third less in
        summer than in winter.
    dew_point_mean_c, dew_point_amplitude_c : float
        Annual cycle of the dew point, degC; it peaks 20 days after the temperature.
    cloud_mean_frac : float
        Mean cloud cover, (0, 1).
    wind_mean_kmh : float
        Median wind speed, km/h.
    """

    mean_c: float
    annual_amplitude_c: float
    warmest_day: int
    daily_amplitude_c: float
    synoptic_std_c: float
    dew_point_mean_c: float
    dew_point_amplitude_c: float
    cloud_mean_frac: float
    wind_mean_kmh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Electricity of a place, all assumed after published annual figures.

    Attributes
    ----------
    carbon_mean_g_kwh : float
        Mean life-cycle carbon intensity, gCO2eq/kWh.
    solar_frac, wind_frac : float
        How strongly sun and wind push the intensity and the price down, [0, 1].
    price_mean_usd_mwh : float
        Mean price, USD/MWh.
    """

    carbon_mean_g_kwh: float
    solar_frac: float
    wind_frac: float
    price_mean_usd_mwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadShape:
    """How the IT load of a region moves around its mean.

    Attributes
    ----------
    mean_frac : float
        Mean load over the IT capacity, (0, 1).
    daily_swing_frac : float
        Half the daily range over the mean load; least at 4, most at 16 o'clock.
    weekend_drop_frac : float
        How much lower weekends and holidays are.
    holidays : tuple of (month, day)
        Public holidays with a fixed date, local.
    """

    mean_frac: float = 0.55
    daily_swing_frac: float = 0.16
    weekend_drop_frac: float = 0.12
    holidays: tuple[tuple[int, int], ...] = ((1, 1), (12, 25), (12, 26))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionProfile:
    """A region and the parameters of its synthetic telemetry.

    Attributes
    ----------
    late_h : int
        How many hours late its telemetry comes, as from a feed that lags.
    """

    region: Region
    climate: Climate
    grid: Grid
    load: LoadShape = LoadShape()
    late_h: int = 0


@dataclass(frozen=True, slots=True)
class _Sky:
    """Where the sun stands, and where in the year each hour lies."""

    solar_hour: FloatArray
    year_frac: FloatArray
    clear_sun_frac: FloatArray


@dataclass(frozen=True, slots=True)
class _Weather:
    dry_bulb_c: FloatArray
    humidity_pct: FloatArray
    cloud_frac: FloatArray
    wind_kmh: FloatArray


def generate(
    profile: RegionProfile, start_utc: datetime, n_hours: int, seed: int
) -> TelemetryFrame:
    """Telemetry of [start_utc, start_utc + n_hours h), every quantity in every hour.

    An hour depends on the seed, the region and the hour alone: generated in one go or
    hour by hour, it is the same.

    Parameters
    ----------
    profile : RegionProfile
        The region and its climate, grid and load.
    start_utc : datetime
        A full UTC hour.
    n_hours : int
        1 to 439,200.
    seed : int
        Any integer.

    Returns
    -------
    TelemetryFrame
        Values rounded to what a meter shows. Wet bulb is NaN where Stull's fit does
        not hold (colder than -20 degC).

    Raises
    ------
    InvalidInput
        When the start is not a full hour or the number of hours is out of range.
    """
    require_full_utc_hour(start_utc)
    if not 1 <= n_hours <= MAX_HOURS:
        message = f"{n_hours} hours were requested; 1 to {MAX_HOURS} can be generated."
        raise InvalidInput(message)
    # Whole UTC days are computed and then cut, so that no hour's arithmetic depends
    # on where the range happens to begin.
    first_hour = int((start_utc - _EPOCH) // HOUR)
    first_day = first_hour // HOURS_PER_DAY
    last_day = (first_hour + n_hours - 1) // HOURS_PER_DAY
    columns = _whole_days(profile, first_day, last_day - first_day + 1, seed)
    offset = first_hour - first_day * HOURS_PER_DAY
    return TelemetryFrame(
        region_slug=profile.region.slug,
        start_utc=start_utc.astimezone(UTC),
        n_hours=n_hours,
        values={
            quantity: column[offset : offset + n_hours]
            for quantity, column in columns.items()
        },
    )


def _whole_days(
    profile: RegionProfile, first_day: int, n_days: int, seed: int
) -> dict[Quantity, FloatArray]:
    region = profile.region
    synoptic, local, cloud, wind, moisture, load, price = draw_persistent(
        seed=seed,
        name=region.slug,
        first_day=first_day,
        n_days=n_days,
        streams=_STREAMS,
    )
    epoch_hour = np.arange(n_days * HOURS_PER_DAY) + first_day * HOURS_PER_DAY
    sky = _sky(region, epoch_hour)
    weather = _weather(
        profile.climate, sky, synoptic, local, cloud=cloud, wind=wind, moisture=moisture
    )
    activity = _activity(profile.load, region.time_zone, epoch_hour)
    it_load_mw = _it_load(region, profile.load, activity, load)
    renewables = _renewables(profile.grid, sky, weather, wind)
    wet_bulb_c = estimate_wet_bulb(
        weather.dry_bulb_c, weather.humidity_pct, clamp_humidity=True
    )
    wue_l_per_kwh = estimate_wue(
        cooling_type=region.cooling_type,
        cooling=region.cooling,
        dry_bulb_c=weather.dry_bulb_c,
        wet_bulb_c=np.nan_to_num(wet_bulb_c, nan=-20.0),
    )
    return {
        Quantity.TEMPERATURE_C: weather.dry_bulb_c,
        Quantity.RELATIVE_HUMIDITY_PCT: weather.humidity_pct,
        Quantity.WET_BULB_C: wet_bulb_c.round(2),
        Quantity.IT_LOAD_MW: it_load_mw,
        Quantity.CARBON_INTENSITY_GCO2_KWH: _carbon(profile.grid, activity, renewables),
        Quantity.WATER_USAGE_L: on_site_water_l(it_load_mw, wue_l_per_kwh).round(0),
        Quantity.PRICE_USD_MWH: _price(profile.grid, activity, renewables, price),
        Quantity.WIND_SPEED_KMH: weather.wind_kmh,
        Quantity.CLOUD_COVER_PCT: (100.0 * weather.cloud_frac).round(0),
    }


def _sky(region: Region, epoch_hour: NDArray[np.int64]) -> _Sky:
    """Solar time and clear-sky sun in the middle of each hour.

    The sun follows the longitude, not the clock: daylight saving moves people, not
    the warmest hour. Declination: Cooper (1969), Solar Energy 12, 333-346.
    """
    middle: FloatArray = epoch_hour.astype(np.float64) + 0.5
    solar_hour = (middle + region.longitude_deg / 15.0) % HOURS_PER_DAY
    year_frac = (middle / HOURS_PER_DAY / _YEAR_DAYS) % 1.0
    declination = math.radians(23.45) * np.sin(
        2.0 * math.pi * (year_frac + 284.0 / 365.0)
    )
    latitude = math.radians(region.latitude_deg)
    hour_angle = math.pi * (solar_hour - 12.0) / 12.0
    elevation_sine: FloatArray = math.sin(latitude) * np.sin(declination) + math.cos(
        latitude
    ) * np.cos(declination) * np.cos(hour_angle)
    return _Sky(solar_hour, year_frac, np.maximum(elevation_sine, 0.0))


def _weather(
    climate: Climate,
    sky: _Sky,
    synoptic: FloatArray,
    local: FloatArray,
    *,
    cloud: FloatArray,
    wind: FloatArray,
    moisture: FloatArray,
) -> _Weather:
    season = _annual_cycle(sky, climate.warmest_day)
    # A warm spell comes with fewer clouds, and clouds flatten the day.
    cloud_logit = math.log(climate.cloud_mean_frac / (1.0 - climate.cloud_mean_frac))
    cloud_frac = 1.0 / (1.0 + np.exp(-(cloud_logit + 1.6 * cloud - 0.5 * synoptic)))
    clearness = 1.0 + 0.5 * (climate.cloud_mean_frac - cloud_frac)
    dry_bulb_c = (
        climate.mean_c
        + climate.annual_amplitude_c * season
        + climate.daily_amplitude_c * clearness * _daily_cycle(sky.solar_hour)
        + climate.synoptic_std_c * (1.0 - 0.2 * season) * synoptic
        + 0.5 * local
    ).round(2)
    dew_point_c = (
        climate.dew_point_mean_c
        + climate.dew_point_amplitude_c * _annual_cycle(sky, climate.warmest_day + 20)
        + 0.6 * climate.synoptic_std_c * synoptic
        + 3.0 * moisture
    )
    wind_kmh = climate.wind_mean_kmh * np.exp(
        0.45 * wind + 0.15 * _daily_cycle(sky.solar_hour)
    )
    return _Weather(
        dry_bulb_c,
        _relative_humidity(dry_bulb_c, dew_point_c),
        cloud_frac,
        np.minimum(wind_kmh, 180.0).round(1),
    )


def _annual_cycle(sky: _Sky, peak_day: int) -> FloatArray:
    return np.cos(2.0 * math.pi * (sky.year_frac - peak_day / 365.0))


def _daily_cycle(solar_hour: FloatArray) -> FloatArray:
    """-1 before dawn to 1 at 15 h solar time; steeper up than down."""
    angle = 2.0 * math.pi * (solar_hour - 15.0) / HOURS_PER_DAY
    return (np.cos(angle) + 0.18 * np.cos(2.0 * angle + 0.6)) / 1.1


def _relative_humidity(dry_bulb_c: FloatArray, dew_point_c: FloatArray) -> FloatArray:
    """Humidity, %, from dew point by the Magnus formula.

    References
    ----------
    Alduchov & Eskridge (1996), J. Appl. Meteor. 35, 601-609, eq. 21.
    """
    depression = 17.625 * dew_point_c / (243.04 + dew_point_c) - (
        17.625 * dry_bulb_c / (243.04 + dry_bulb_c)
    )
    return np.clip(100.0 * np.exp(depression), 5.0, 100.0).round(1)


def _activity(
    shape: LoadShape, time_zone: str, epoch_hour: NDArray[np.int64]
) -> FloatArray:
    """Human activity around 0: the clock's hour, lower on weekends and holidays."""
    zone = require_time_zone(time_zone)
    local = [
        (_EPOCH + timedelta(hours=int(hour))).astimezone(zone) for hour in epoch_hour
    ]
    clock_hour = np.array([hour.hour + hour.minute / 60.0 for hour in local])
    free = np.array(
        [
            hour.weekday() >= 5 or (hour.month, hour.day) in shape.holidays
            for hour in local
        ]
    )
    daily = np.cos(2.0 * math.pi * (clock_hour - 16.0) / HOURS_PER_DAY)
    return shape.daily_swing_frac * daily - shape.weekend_drop_frac * free


def _it_load(
    region: Region, shape: LoadShape, activity: FloatArray, noise: FloatArray
) -> FloatArray:
    mean_mw = shape.mean_frac * region.it_capacity_mw
    load_mw = mean_mw * (1.0 + activity + 0.03 * noise)
    return np.clip(load_mw, 0.05 * mean_mw, region.it_capacity_mw).round(3)


def _renewables(
    grid: Grid, sky: _Sky, weather: _Weather, wind: FloatArray
) -> FloatArray:
    """Share of the power that sun and wind give, around their own mean, about 0."""
    sun = sky.clear_sun_frac * (1.0 - 0.7 * weather.cloud_frac)
    breeze = 0.5 * np.tanh(wind)
    return grid.solar_frac * (sun - 0.22) + grid.wind_frac * breeze


def _carbon(grid: Grid, activity: FloatArray, renewables: FloatArray) -> FloatArray:
    """Life-cycle intensity: up with demand, down with sun and wind, always > 0."""
    relative = np.maximum(1.0 + 0.35 * activity - renewables, 0.08)
    return np.minimum(grid.carbon_mean_g_kwh * relative, 1_500.0).round(2)


def _price(
    grid: Grid, activity: FloatArray, renewables: FloatArray, noise: FloatArray
) -> FloatArray:
    """Price with a tail upwards, and below zero in hours of abundant solar power."""
    relative = 1.0 + 1.2 * activity - 1.6 * renewables + 0.18 * noise
    scarcity = np.exp(np.minimum(2.2 * np.maximum(noise - 2.0, 0.0), 3.0))
    spiked = np.where(relative > 0.0, relative * scarcity, relative)
    return (grid.price_mean_usd_mwh * spiked).round(2)
