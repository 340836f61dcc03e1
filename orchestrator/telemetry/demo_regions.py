"""The demo fleet: regions around the world whose telemetry the generator makes.

Coordinates and time zones are those of the cities. Climates are assumed after public
climate normals, grids after published annual means, capacities and load shares freely.
"""

from __future__ import annotations

from core.errors import InvalidInput
from core.pue import PRESETS
from core.regions import CoolingType, Region
from core.synthetic import Climate, Grid, LoadShape, RegionProfile


def _region(
    slug: str,
    name: str,
    time_zone: str,
    coordinates_deg: tuple[float, float],
    cooling_type: CoolingType,
    *,
    it_capacity_mw: float,
    grid_water_l_per_kwh: float,
    grid_hydro_frac: float,
    colour: str,
) -> Region:
    return Region(
        slug=slug,
        name=name,
        time_zone=time_zone,
        latitude_deg=coordinates_deg[0],
        longitude_deg=coordinates_deg[1],
        cooling_type=cooling_type,
        cooling=PRESETS[cooling_type],
        it_capacity_mw=it_capacity_mw,
        # High on purpose: a demo in which a shift can clear most of a breach.
        flexible_load_frac=0.8,
        grid_water_l_per_kwh=grid_water_l_per_kwh,
        grid_hydro_frac=grid_hydro_frac,
        colour=colour,
        is_synthetic=True,
    )


def _climate(
    *,
    mean_c: float,
    annual_amplitude_c: float,
    daily_amplitude_c: float,
    synoptic_std_c: float,
    dew_point: tuple[float, float],
    cloud_mean_frac: float,
    wind_mean_kmh: float,
    warmest_day: int = 202,
) -> Climate:
    return Climate(
        mean_c=mean_c,
        annual_amplitude_c=annual_amplitude_c,
        warmest_day=warmest_day,
        daily_amplitude_c=daily_amplitude_c,
        synoptic_std_c=synoptic_std_c,
        dew_point_mean_c=dew_point[0],
        dew_point_amplitude_c=dew_point[1],
        cloud_mean_frac=cloud_mean_frac,
        wind_mean_kmh=wind_mean_kmh,
    )


def _grid(carbon: float, solar: float, wind: float, price: float) -> Grid:
    return Grid(
        carbon_mean_g_kwh=carbon,
        solar_frac=solar,
        wind_frac=wind,
        price_mean_usd_mwh=price,
    )


_US_HOLIDAYS = ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))

DEMO_REGIONS: tuple[RegionProfile, ...] = (
    RegionProfile(
        region=_region(
            "arizona",
            "Arizona",
            "America/Phoenix",
            (33.45, -112.07),
            CoolingType.EVAPORATIVE,
            it_capacity_mw=100.0,
            grid_water_l_per_kwh=1.35,
            grid_hydro_frac=0.05,
            colour="#D55E00",
        ),
        climate=_climate(
            mean_c=23.6,
            annual_amplitude_c=10.4,
            daily_amplitude_c=6.6,
            synoptic_std_c=2.6,
            dew_point=(4.0, 7.0),
            cloud_mean_frac=0.25,
            wind_mean_kmh=9.0,
        ),
        grid=_grid(390.0, 0.55, 0.10, 48.0),
        load=LoadShape(holidays=_US_HOLIDAYS),
    ),
    RegionProfile(
        region=_region(
            "ireland",
            "Ireland",
            "Europe/Dublin",
            (53.35, -6.26),
            CoolingType.AIR,
            it_capacity_mw=120.0,
            grid_water_l_per_kwh=0.60,
            grid_hydro_frac=0.02,
            colour="#009E73",
        ),
        climate=_climate(
            mean_c=9.9,
            annual_amplitude_c=5.3,
            daily_amplitude_c=3.2,
            synoptic_std_c=2.2,
            dew_point=(7.2, 4.2),
            cloud_mean_frac=0.68,
            wind_mean_kmh=18.0,
        ),
        grid=_grid(330.0, 0.08, 0.75, 115.0),
        load=LoadShape(holidays=((1, 1), (3, 17), (12, 25), (12, 26))),
    ),
    RegionProfile(
        region=_region(
            "wyoming",
            "Wyoming",
            "America/Denver",
            (41.14, -104.82),
            CoolingType.HYBRID,
            it_capacity_mw=90.0,
            grid_water_l_per_kwh=1.10,
            grid_hydro_frac=0.02,
            colour="#0072B2",
        ),
        climate=_climate(
            mean_c=8.0,
            annual_amplitude_c=11.0,
            daily_amplitude_c=5.8,
            synoptic_std_c=3.4,
            dew_point=(-3.0, 8.0),
            cloud_mean_frac=0.45,
            wind_mean_kmh=19.0,
        ),
        grid=_grid(620.0, 0.12, 0.50, 38.0),
        load=LoadShape(holidays=_US_HOLIDAYS),
    ),
    RegionProfile(
        region=_region(
            "mumbai",
            "Mumbai",
            "Asia/Kolkata",
            (19.08, 72.88),
            CoolingType.HYBRID,
            it_capacity_mw=100.0,
            grid_water_l_per_kwh=1.40,
            grid_hydro_frac=0.08,
            colour="#882255",
        ),
        climate=_climate(
            mean_c=27.6,
            annual_amplitude_c=2.9,
            warmest_day=135,
            daily_amplitude_c=3.9,
            synoptic_std_c=1.3,
            dew_point=(21.5, 4.0),
            cloud_mean_frac=0.48,
            wind_mean_kmh=12.0,
        ),
        grid=_grid(690.0, 0.18, 0.06, 62.0),
        load=LoadShape(holidays=((1, 26), (8, 15), (10, 2))),
    ),
    RegionProfile(
        region=_region(
            "singapore",
            "Singapore",
            "Asia/Singapore",
            (1.30, 103.83),
            CoolingType.EVAPORATIVE,
            it_capacity_mw=110.0,
            grid_water_l_per_kwh=1.00,
            grid_hydro_frac=0.00,
            colour="#CC79A7",
        ),
        climate=_climate(
            mean_c=27.6,
            annual_amplitude_c=0.7,
            warmest_day=140,
            daily_amplitude_c=2.9,
            synoptic_std_c=0.7,
            dew_point=(23.8, 0.6),
            cloud_mean_frac=0.78,
            wind_mean_kmh=9.0,
        ),
        grid=_grid(480.0, 0.04, 0.0, 130.0),
        load=LoadShape(holidays=((1, 1), (5, 1), (8, 9), (12, 25))),
    ),
    RegionProfile(
        region=_region(
            "sydney",
            "Sydney",
            "Australia/Sydney",
            (-33.87, 151.21),
            CoolingType.ADIABATIC,
            it_capacity_mw=110.0,
            grid_water_l_per_kwh=1.20,
            grid_hydro_frac=0.03,
            colour="#DDCC77",
        ),
        climate=_climate(
            mean_c=18.2,
            annual_amplitude_c=5.4,
            warmest_day=28,
            daily_amplitude_c=4.3,
            synoptic_std_c=3.2,
            dew_point=(11.5, 5.5),
            cloud_mean_frac=0.45,
            wind_mean_kmh=13.0,
        ),
        grid=_grid(590.0, 0.40, 0.15, 78.0),
        load=LoadShape(holidays=((1, 1), (1, 26), (4, 25), (12, 25), (12, 26))),
    ),
    RegionProfile(
        region=_region(
            "virginia",
            "Northern Virginia",
            "America/New_York",
            (39.04, -77.49),
            CoolingType.EVAPORATIVE,
            it_capacity_mw=200.0,
            grid_water_l_per_kwh=1.30,
            grid_hydro_frac=0.01,
            colour="#E69F00",
        ),
        climate=_climate(
            mean_c=13.4,
            annual_amplitude_c=11.8,
            daily_amplitude_c=5.2,
            synoptic_std_c=3.8,
            dew_point=(7.0, 11.5),
            cloud_mean_frac=0.52,
            wind_mean_kmh=11.0,
        ),
        grid=_grid(380.0, 0.20, 0.08, 52.0),
        load=LoadShape(holidays=_US_HOLIDAYS),
    ),
    RegionProfile(
        region=_region(
            "sweden",
            "Northern Sweden",
            "Europe/Stockholm",
            (65.58, 22.15),
            CoolingType.AIR,
            it_capacity_mw=80.0,
            grid_water_l_per_kwh=0.90,
            grid_hydro_frac=0.40,
            colour="#56B4E9",
        ),
        climate=_climate(
            mean_c=3.2,
            annual_amplitude_c=12.6,
            daily_amplitude_c=3.4,
            synoptic_std_c=4.0,
            dew_point=(-1.0, 10.5),
            cloud_mean_frac=0.60,
            wind_mean_kmh=13.0,
        ),
        grid=_grid(28.0, 0.02, 0.30, 34.0),
        load=LoadShape(holidays=((1, 1), (6, 6), (12, 24), (12, 25), (12, 26))),
    ),
    RegionProfile(
        region=_region(
            "tokyo",
            "Tokyo",
            "Asia/Tokyo",
            (35.68, 139.69),
            CoolingType.HYBRID,
            it_capacity_mw=140.0,
            grid_water_l_per_kwh=0.95,
            grid_hydro_frac=0.08,
            colour="#332288",
        ),
        climate=_climate(
            mean_c=16.2,
            annual_amplitude_c=10.6,
            warmest_day=218,
            daily_amplitude_c=4.0,
            synoptic_std_c=2.5,
            dew_point=(9.5, 12.0),
            cloud_mean_frac=0.55,
            wind_mean_kmh=11.0,
        ),
        grid=_grid(490.0, 0.25, 0.02, 92.0),
        load=LoadShape(holidays=((1, 1), (1, 2), (1, 3), (5, 3), (5, 4), (5, 5))),
    ),
    RegionProfile(
        region=_region(
            "sao-paulo",
            "São Paulo",
            "America/Sao_Paulo",
            (-23.55, -46.63),
            CoolingType.HYBRID,
            it_capacity_mw=95.0,
            grid_water_l_per_kwh=0.70,
            grid_hydro_frac=0.60,
            colour="#117733",
        ),
        climate=_climate(
            mean_c=20.3,
            annual_amplitude_c=3.4,
            warmest_day=35,
            daily_amplitude_c=4.6,
            synoptic_std_c=2.7,
            dew_point=(15.2, 3.4),
            cloud_mean_frac=0.58,
            wind_mean_kmh=9.0,
        ),
        grid=_grid(105.0, 0.15, 0.20, 44.0),
        load=LoadShape(holidays=((1, 1), (4, 21), (9, 7), (11, 15), (12, 25))),
    ),
    RegionProfile(
        region=_region(
            "johannesburg",
            "Johannesburg",
            "Africa/Johannesburg",
            (-26.20, 28.05),
            CoolingType.ADIABATIC,
            it_capacity_mw=70.0,
            grid_water_l_per_kwh=1.50,
            grid_hydro_frac=0.01,
            colour="#999933",
        ),
        climate=_climate(
            mean_c=16.4,
            annual_amplitude_c=5.2,
            warmest_day=10,
            daily_amplitude_c=6.0,
            synoptic_std_c=2.2,
            dew_point=(7.0, 6.5),
            cloud_mean_frac=0.38,
            wind_mean_kmh=11.0,
        ),
        grid=_grid(720.0, 0.12, 0.08, 72.0),
        load=LoadShape(holidays=((1, 1), (3, 21), (4, 27), (12, 16), (12, 25))),
    ),
    RegionProfile(
        region=_region(
            "frankfurt",
            "Frankfurt",
            "Europe/Berlin",
            (50.12, 8.68),
            CoolingType.HYBRID,
            it_capacity_mw=130.0,
            grid_water_l_per_kwh=0.80,
            grid_hydro_frac=0.05,
            colour="#44AA99",
        ),
        climate=_climate(
            mean_c=11.0,
            annual_amplitude_c=9.3,
            daily_amplitude_c=4.4,
            synoptic_std_c=3.4,
            dew_point=(6.0, 6.5),
            cloud_mean_frac=0.62,
            wind_mean_kmh=11.0,
        ),
        grid=_grid(370.0, 0.45, 0.50, 88.0),
        load=LoadShape(holidays=((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))),
    ),
    RegionProfile(
        region=_region(
            "quebec",
            "Québec",
            "America/Toronto",
            (46.81, -71.21),
            CoolingType.AIR,
            it_capacity_mw=100.0,
            grid_water_l_per_kwh=0.20,
            grid_hydro_frac=0.94,
            colour="#88CCEE",
        ),
        climate=_climate(
            mean_c=4.9,
            annual_amplitude_c=15.6,
            daily_amplitude_c=4.6,
            synoptic_std_c=4.6,
            dew_point=(0.0, 14.0),
            cloud_mean_frac=0.58,
            wind_mean_kmh=13.0,
        ),
        grid=_grid(34.0, 0.01, 0.15, 41.0),
        load=LoadShape(holidays=((1, 1), (6, 24), (7, 1), (12, 25), (12, 26))),
    ),
    RegionProfile(
        region=_region(
            "santiago",
            "Santiago",
            "America/Santiago",
            (-33.45, -70.67),
            CoolingType.ADIABATIC,
            it_capacity_mw=75.0,
            grid_water_l_per_kwh=0.75,
            grid_hydro_frac=0.25,
            colour="#AA4499",
        ),
        climate=_climate(
            mean_c=14.8,
            annual_amplitude_c=6.4,
            warmest_day=18,
            daily_amplitude_c=7.2,
            synoptic_std_c=2.3,
            dew_point=(7.0, 2.5),
            cloud_mean_frac=0.35,
            wind_mean_kmh=8.0,
        ),
        grid=_grid(300.0, 0.50, 0.20, 64.0),
        load=LoadShape(holidays=((1, 1), (5, 1), (9, 18), (9, 19), (12, 25))),
    ),
)
"""Colours from the colour-blind-safe sets of Okabe & Ito (2008) and Tol (2021, muted).

The first three keep the fleet of the product this one replaces.
"""


def demo_profile(slug: str) -> RegionProfile:
    """The demo region called `slug`.

    Raises
    ------
    InvalidInput
        When there is no such demo region; the sentence names those that exist.
    """
    for profile in DEMO_REGIONS:
        if profile.region.slug == slug:
            return profile
    known = ", ".join(profile.region.slug for profile in DEMO_REGIONS)
    message = f"{slug!r} is not a demo region; there are {known}."
    raise InvalidInput(message)


def first_demo_profiles(n_regions: int) -> tuple[RegionProfile, ...]:
    """The first `n_regions` of the demo fleet.

    Raises
    ------
    InvalidInput
        When fewer than one or more than there are were asked for.
    """
    if not 1 <= n_regions <= len(DEMO_REGIONS):
        message = (
            f"The demo fleet has 1 to {len(DEMO_REGIONS)} regions, not {n_regions}."
        )
        raise InvalidInput(message)
    return DEMO_REGIONS[:n_regions]
