"""Regions, policies and outlooks for tests of the scheduler, plain and hypothetical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.conformity import Calibration
from core.forecasts import HourlyForecast, Target
from core.outcomes import ReasonCode
from core.outlooks import Problem, RegionOutlook
from core.policies import Policy
from core.pue import PRESETS
from core.regions import CoolingType, Region

ISSUED_UTC = datetime(2023, 8, 1, 5, tzinfo=UTC)
N_SCORES = 99
ALPHA = Decimal("0.05")
# Sixteenths, so that floats are exact; the 95th of 99, the quantile, is 2.
SCORES = tuple((i - 62) / 16 for i in range(N_SCORES))


def a_region(
    slug: str = "texas", *, capacity_mw: float = 200.0, flexible_frac: float = 1.0
) -> Region:
    """A region with nothing special about it."""
    return Region(
        slug=slug,
        name=slug.title(),
        time_zone="UTC",
        latitude_deg=0.0,
        longitude_deg=0.0,
        cooling_type=CoolingType.AIR,
        cooling=PRESETS[CoolingType.AIR],
        it_capacity_mw=capacity_mw,
        flexible_load_frac=flexible_frac,
        grid_water_l_per_kwh=1.0,
        colour="#1f77b4",
    )


def an_outlook(
    slug: str = "texas",
    *,
    bound_c: float = 30.0,
    limit_c: float = 35.0,
    factor: float = 0.05,
    load_mw: float | NDArray[np.float64] = 40.0,
    prior_rise_c: float | NDArray[np.float64] = 0.0,
    capacity_mw: float = 200.0,
    flexible_frac: float = 1.0,
    scores: Sequence[float] = SCORES,
    n_hours: int = 24,
) -> RegionOutlook:
    """An outlook of flat hours whose bound, before any rise, is `bound_c`.

    With the scale of 1 the mean is the bound less the quantile.
    """
    hours = np.ones(n_hours)
    calibration = Calibration(ordered_scores=tuple(scores), offset=0.0, alpha=ALPHA)
    return RegionOutlook(
        region=a_region(slug, capacity_mw=capacity_mw, flexible_frac=flexible_frac),
        policy=Policy(thermal_limit_c=limit_c, cooling_factor_c_per_pct=factor),
        forecast=HourlyForecast(
            region_slug=slug,
            target=Target.TEMPERATURE_C,
            issued_at_utc=ISSUED_UTC,
            mean=hours * (bound_c - calibration.quantile),
            scale=hours,
        ),
        calibration=calibration,
        it_load_mw=hours * load_mw,
        prior_rise_c=hours * prior_rise_c,
    )


def without_forecast(
    outlook: RegionOutlook, code: ReasonCode = ReasonCode.TELEMETRY_STALE
) -> RegionOutlook:
    """The same outlook with a problem in place of its forecast."""
    return replace(
        outlook,
        forecast=None,
        calibration=None,
        problem=Problem(code=code, text=f"{code.value} was found."),
    )


def an_hour_at(
    value: float, hour: int = 7, base: float = 40.0, n_hours: int = 24
) -> NDArray[np.float64]:
    """Hours of `base` of which one is `value`."""
    hours = np.full(n_hours, base)
    hours[hour] = value
    return hours


@dataclass(frozen=True)
class Pair:
    """A source and a target of one window."""

    source: RegionOutlook
    target: RegionOutlook


HOURS = 3
TEMPERATURES_C = st.one_of(
    st.floats(25.0, 40.0), st.floats(-60.0, 80.0), st.sampled_from([35.0, 1e9, -1e9])
)
SCALES_C = st.one_of(
    st.floats(0.2, 4.0), st.sampled_from([5e-324, 1e-300, 1e-9, 1e9, 1e308])
)
LOADS_MW = st.one_of(
    st.floats(1.0, 250.0),
    st.sampled_from([0.0, 5e-324, 1e-9, 1e9, 1e300, -1.0, np.nan, np.inf, -np.inf]),
)
RISES_C = st.one_of(
    st.just(0.0),
    st.floats(-5.0, 5.0),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e300]),
)
GOOD_LOADS_MW = st.one_of(st.floats(1.0, 250.0), st.sampled_from([0.0, 1e-9]))
SHIFTS_PCT = st.one_of(
    st.integers(0, 1000).map(lambda step: step / 10),
    st.floats(0.0, 100.0),
    st.sampled_from([0.0, 5e-324, 100.0]),
)
CALIBRATIONS = st.builds(
    lambda scores, offset: Calibration(
        ordered_scores=tuple(sorted(scores)), offset=offset, alpha=ALPHA
    ),
    st.one_of(
        st.just(SCORES),
        st.lists(st.floats(-4.0, 4.0), min_size=60, max_size=70),
        # Ties: what is at the limit and what is above it must not be mixed up.
        st.lists(st.integers(-3, 3).map(float), min_size=60, max_size=70),
    ),
    st.floats(-3.0, 3.0),
)


def _hours(values: st.SearchStrategy[float]) -> st.SearchStrategy[NDArray[np.float64]]:
    mixed = st.lists(values, min_size=HOURS, max_size=HOURS).map(np.array)
    return st.one_of(values.map(lambda value: np.full(HOURS, value)), mixed)


@st.composite
def outlooks(
    draw: st.DrawFn,
    slug: str = "texas",
    loads: st.SearchStrategy[float] = LOADS_MW,
    rises: st.SearchStrategy[float] = RISES_C,
    problems: bool = True,
) -> RegionOutlook:
    """Any outlook that can be made, hostile numbers included."""
    plain = an_outlook(
        slug,
        limit_c=draw(st.one_of(st.just(35.0), st.floats(-50.0, 100.0))),
        factor=draw(st.one_of(st.just(0.05), st.floats(0.0, 1.0))),
        capacity_mw=draw(st.floats(1.0, 500.0)),
        flexible_frac=draw(st.one_of(st.just(1.0), st.floats(0.0, 1.0))),
        n_hours=HOURS,
    )
    assert plain.forecast is not None
    outlook = replace(
        plain,
        forecast=replace(
            plain.forecast,
            mean=draw(_hours(TEMPERATURES_C)),
            scale=draw(_hours(SCALES_C)),
        ),
        calibration=draw(CALIBRATIONS),
        it_load_mw=draw(_hours(loads)),
        prior_rise_c=draw(_hours(rises)),
    )
    if problems and draw(st.integers(0, 9)) == 0:
        return without_forecast(outlook)
    return outlook


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """A source and a target, hostile numbers included."""
    return Pair(source=draw(outlooks("texas")), target=draw(outlooks("dublin")))


@st.composite
def sound_pairs(draw: st.DrawFn) -> Pair:
    """A source and a target with known loads and rises, so that much is approved."""
    known = st.one_of(st.just(0.0), st.floats(-3.0, 3.0))
    return Pair(
        source=draw(outlooks("texas", GOOD_LOADS_MW, known, problems=False)),
        target=draw(outlooks("dublin", GOOD_LOADS_MW, known, problems=False)),
    )
