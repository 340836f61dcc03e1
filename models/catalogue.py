"""The feature catalogue: every input a model may ask for, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from core.days import WINDOW_H
from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import DEFINITIONS, Quantity
from core.weather_runs import BIAS_DAYS, FRESHER_BY_H, PAST_H

MAX_LAG_H = 168
"""Largest lag: one week, for the weekly cycle of load."""

HORIZON_H = WINDOW_H
"""Coming hours that weather forecasts are features for."""

HOUR_HARMONICS = 2
"""Harmonics of the local day; a third one did not improve the backtest."""

YEAR_HARMONICS = 2
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


STAND_INS: Mapping[Quantity, float] = {
    Quantity.TEMPERATURE_C: 15.0,
    Quantity.RELATIVE_HUMIDITY_PCT: 65.0,
    Quantity.WET_BULB_C: 11.0,
    Quantity.WIND_SPEED_KMH: 12.0,
    Quantity.CLOUD_COVER_PCT: 50.0,
    Quantity.CARBON_INTENSITY_GCO2_KWH: 400.0,
    Quantity.PRICE_USD_MWH: 60.0,
    Quantity.IT_LOAD_MW: 50.0,
}
"""The quantities that features may use, each with the value, in its unit, that replaces
it when a region has never measured it. Assumed, mid-latitude averages: a region that
was trained without the quantity has no weights on it, so the value matters only to
pooled weights."""


class RunStatistic(StrEnum):
    """What a feature takes of the weather forecasts known at the issue."""

    MEAN = "mean"
    CORRECTED = "corrected"
    BIAS = "bias"
    SPREAD = "spread"
    SPREAD_SIZE = "spread_size"
    CHANGE = "change"
    CHANGE_SIZE = "change_size"
    KNOWN = "known"
    LEAD = "lead"
    ERROR_LAG = "error_lag"
    AGE = "age"


_SINGLE: Mapping[RunStatistic, str] = {
    RunStatistic.AGE: "_h",
    RunStatistic.SPREAD_SIZE: "",
    RunStatistic.CHANGE_SIZE: "",
}
"""One for the whole window, and how its name ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of a model's input.

    Attributes
    ----------
    quantity, lag_h : Quantity | None, int | None
        For telemetry, the quantity and its lag: lag L at issue t is the hour
        [t - L h, t - (L - 1) h), so lag 1 is the newest hour that has ended. Both None
        for calendar features, which are never missing.
    statistic, place : RunStatistic | None, int
        For weather forecasts, what is taken of them, and which of its columns: the
        coming hour, or the hours ago less one.
    """

    name: str
    unit: str
    meaning: str
    quantity: Quantity | None = None
    lag_h: int | None = None
    statistic: RunStatistic | None = None
    place: int = 0


def run_names(quantity: Quantity, statistic: RunStatistic) -> tuple[str, ...]:
    """Names of the features of a statistic of weather forecasts, in order.

    Examples
    --------
    >>> run_names(Quantity.TEMPERATURE_C, RunStatistic.CORRECTED)[:2]
    ('nwp_temperature_c_corrected_h0', 'nwp_temperature_c_corrected_h1')
    >>> run_names(Quantity.TEMPERATURE_C, RunStatistic.AGE)
    ('nwp_temperature_c_age_h',)
    """
    prefix = f"nwp_{quantity}_{statistic}"
    if statistic in _SINGLE:
        return (f"{prefix}{_SINGLE[statistic]}",)
    if statistic is RunStatistic.ERROR_LAG:
        return tuple(f"{prefix}_{hours}h" for hours in range(1, PAST_H + 1))
    return tuple(f"{prefix}_h{hour}" for hour in range(HORIZON_H))


def lag_name(quantity: Quantity, lag_h: int) -> str:
    """Name of the feature that is `quantity` `lag_h` hours before the issue.

    Examples
    --------
    >>> lag_name(Quantity.TEMPERATURE_C, 1)
    'temperature_c_lag_1h'
    """
    return f"{quantity}_lag_{lag_h}h"


def hour_harmonic_names() -> tuple[str, ...]:
    """Names of the sine and cosine features of the local hour, in order."""
    return _harmonic_names("local_hour", HOUR_HARMONICS)


def year_harmonic_names(harmonics: int = YEAR_HARMONICS) -> tuple[str, ...]:
    """Names of the sine and cosine features of the season, in order."""
    return _harmonic_names("year", harmonics)


def weekday_names() -> tuple[str, ...]:
    """Names of the seven features of the local weekday, Monday first."""
    return tuple(f"local_weekday_{day}" for day in WEEKDAYS)


def _harmonic_names(prefix: str, harmonics: int) -> tuple[str, ...]:
    return tuple(
        f"{prefix}_{wave}_{order}"
        for order in range(1, harmonics + 1)
        for wave in ("sin", "cos")
    )


def _lag_features() -> list[Feature]:
    return [
        Feature(
            name=lag_name(quantity, lag_h),
            unit=DEFINITIONS[quantity].unit,
            meaning=f"{quantity} of the hour that began {lag_h} h before issue",
            quantity=quantity,
            lag_h=lag_h,
        )
        for quantity in STAND_INS
        for lag_h in range(1, MAX_LAG_H + 1)
    ]


_RUN_MEANINGS: Mapping[RunStatistic, tuple[str, str]] = {
    RunStatistic.MEAN: (
        "`{q}` of the hour [t + i h, t + (i + 1) h), mean over the models",
        "see *Weather forecasts*",
    ),
    RunStatistic.CORRECTED: ("the mean plus the bias", "see *Weather forecasts*"),
    RunStatistic.BIAS: (
        f"measured less forecast of the same hour, mean of the {BIAS_DAYS} days before",
        "0",
    ),
    RunStatistic.SPREAD: ("standard deviation over models and members", "0"),
    RunStatistic.SPREAD_SIZE: ("mean spread of the hours", "0"),
    RunStatistic.CHANGE: (
        f"corrected less what it was on runs at least {FRESHER_BY_H} h older",
        "0",
    ),
    RunStatistic.CHANGE_SIZE: ("mean absolute change of the hours", "0"),
    RunStatistic.KNOWN: ("1 when a weather forecast has the hour, else 0", "0"),
    RunStatistic.LEAD: ("hours from the issue of the run to the hour", "0"),
    RunStatistic.ERROR_LAG: (
        "measured less forecast of the hour [t - L h, t - (L - 1) h)",
        "0",
    ),
    RunStatistic.AGE: ("hours from the issue of the oldest run used to t", "0"),
}
_RUN_UNITS = {
    RunStatistic.KNOWN: "1",
    RunStatistic.LEAD: "h",
    RunStatistic.AGE: "h",
}


def _run_features() -> list[Feature]:
    return [
        Feature(
            name=name,
            unit=_RUN_UNITS.get(statistic, DEFINITIONS[quantity].unit),
            meaning=meaning.format(q=quantity),
            quantity=quantity,
            statistic=statistic,
            place=place,
        )
        for quantity in STAND_INS
        for statistic, (meaning, _) in _RUN_MEANINGS.items()
        for place, name in enumerate(run_names(quantity, statistic))
    ]


def _calendar_features() -> list[Feature]:
    hour = "harmonic of the local clock hour of issue, period 24 h"
    year = "harmonic of the issue instant, period 8,766 h from 2000-01-01T00:00Z"
    weekday = "1 when the local day of the issue instant is this weekday, else 0"
    return [
        Feature(
            name="local_hour",
            unit="h",
            meaning="local clock time of issue, 0 to 23.75 (half hours count)",
        ),
        *(Feature(name=name, unit="1", meaning=hour) for name in hour_harmonic_names()),
        *(Feature(name=name, unit="1", meaning=year) for name in year_harmonic_names()),
        *(Feature(name=name, unit="1", meaning=weekday) for name in weekday_names()),
    ]


CATALOGUE: Mapping[str, Feature] = {
    feature.name: feature
    for feature in (*_lag_features(), *_calendar_features(), *_run_features())
}


def features_named(names: Sequence[str]) -> tuple[Feature, ...]:
    """The catalogue's features of these names, in this order.

    Raises
    ------
    InvalidInput
        When a name is not in the catalogue or appears twice, or there is none.
    """
    return _features_named(tuple(names))


@lru_cache(maxsize=64)
def _features_named(names: tuple[str, ...]) -> tuple[Feature, ...]:
    if not names:
        message = "A model needs at least one feature."
        raise InvalidInput(message)
    unknown = [name for name in names if name not in CATALOGUE]
    if unknown:
        message = (
            f"Feature {unknown[0]!r} is not in the catalogue of docs/model-contract.md."
        )
        raise InvalidInput(message)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        message = f"Feature {twice!r} is named twice."
        raise InvalidInput(message)
    return tuple(CATALOGUE[name] for name in names)


_TARGET_LAGS: Mapping[Target, tuple[int, ...]] = {
    Target.TEMPERATURE_C: tuple(range(1, 49)),
    Target.WET_BULB_C: tuple(range(1, 49)),
    Target.CARBON_INTENSITY_GCO2_KWH: tuple(range(1, 49)),
    # The same 24 hours of a week ago: load follows the working week.
    Target.IT_LOAD_MW: (*range(1, 49), *range(145, 169)),
}

_WEATHER = (
    Quantity.TEMPERATURE_C,
    Quantity.RELATIVE_HUMIDITY_PCT,
    Quantity.WIND_SPEED_KMH,
    Quantity.CLOUD_COVER_PCT,
)
_COVARIATES: Mapping[Target, tuple[Quantity, ...]] = {
    Target.TEMPERATURE_C: _WEATHER[1:],
    Target.WET_BULB_C: _WEATHER,
    Target.CARBON_INTENSITY_GCO2_KWH: (
        Quantity.TEMPERATURE_C,
        Quantity.WIND_SPEED_KMH,
        Quantity.CLOUD_COVER_PCT,
        Quantity.PRICE_USD_MWH,
    ),
    Target.IT_LOAD_MW: (),
}

COVARIATE_LAGS_H = tuple(range(1, 7))
"""Six hours: 12 or 24 were less accurate on the real regions (forecast-quality.md)."""


def default_feature_names(target: Target, *, with_season: bool) -> tuple[str, ...]:
    """Features that the ridge family uses for `target`.

    Parameters
    ----------
    with_season : bool
        Whether to include the first harmonic of the year. Leave it out when training
        saw less than most of a year: the wave would be extrapolated.
    """
    names = [lag_name(target.quantity, lag) for lag in _TARGET_LAGS[target]]
    for quantity in _COVARIATES[target]:
        names += [lag_name(quantity, lag) for lag in COVARIATE_LAGS_H]
    names += hour_harmonic_names()
    if with_season:
        names += year_harmonic_names(1)
    if target in {Target.CARBON_INTENSITY_GCO2_KWH, Target.IT_LOAD_MW}:
        names += weekday_names()
    return tuple(names)


_OTHER_WEATHER: Mapping[Target, tuple[Quantity, ...]] = {
    Target.TEMPERATURE_C: _WEATHER[1:],
    Target.WET_BULB_C: _WEATHER,
    Target.CARBON_INTENSITY_GCO2_KWH: _COVARIATES[Target.CARBON_INTENSITY_GCO2_KWH],
    Target.IT_LOAD_MW: (Quantity.TEMPERATURE_C,),
}
_OWN_STATISTICS = (
    RunStatistic.CORRECTED,
    RunStatistic.BIAS,
    RunStatistic.SPREAD,
    RunStatistic.SPREAD_SIZE,
    RunStatistic.CHANGE,
    RunStatistic.CHANGE_SIZE,
    RunStatistic.KNOWN,
    RunStatistic.ERROR_LAG,
    RunStatistic.AGE,
)


def guiding_quantity(target: Target, forecast: Sequence[Quantity]) -> Quantity | None:
    """The quantity of weather forecasts whose hours decide the input mode.

    The target's own where runs have it, else the first of its weather; None when the
    runs have nothing for the target.
    """
    candidates = (target.quantity, *_OTHER_WEATHER[target])
    return next((item for item in candidates if item in forecast), None)


def run_feature_names(target: Target, forecast: Sequence[Quantity]) -> tuple[str, ...]:
    """Features of weather forecasts that our families use; none without any.

    Parameters
    ----------
    forecast : sequence of Quantity
        What the runs forecast.
    """
    guide = guiding_quantity(target, forecast)
    if guide is None:
        return ()
    names: list[str] = []
    for statistic in _OWN_STATISTICS:
        names += run_names(guide, statistic)
    for quantity in _OTHER_WEATHER[target]:
        if quantity in forecast and quantity is not guide:
            names += run_names(quantity, RunStatistic.MEAN)
    return tuple(names)


def catalogue_markdown() -> str:
    """The table of docs/model-contract.md; lags of a quantity share one row."""
    lagged = [
        f"| `{quantity}_lag_{{L}}h`, L = 1 to {MAX_LAG_H} "
        f"| {DEFINITIONS[quantity].unit} "
        f"| `{quantity}` of the hour [t - L h, t - (L - 1) h) "
        f"| stand-in {stand_in:g}, see *Gaps* |"
        for quantity, stand_in in STAND_INS.items()
    ]
    calendar = [
        f"| `{feature.name}` | {feature.unit} | {feature.meaning} | never missing |"
        for feature in CATALOGUE.values()
        if feature.quantity is None
    ]
    places = {RunStatistic.ERROR_LAG: ("_{L}h", f", L = 1 to {PAST_H}")}
    places |= {statistic: (ending, "") for statistic, ending in _SINGLE.items()}
    runs = [
        f"| `nwp_{{quantity}}_{statistic}{place}`{among} "
        f"| {_RUN_UNITS.get(statistic, 'of the quantity')} "
        f"| {meaning.format(q='quantity')} | {missing} |"
        for statistic, (meaning, missing) in _RUN_MEANINGS.items()
        for place, among in [
            places.get(statistic, ("_h{i}", f", i = 0 to {HORIZON_H - 1}"))
        ]
    ]
    head = ["| feature | unit | meaning | missing |", "|---|---|---|---|"]
    return "\n".join([*head, *lagged, *calendar, *runs])
