"""Quality of telemetry: verdicts, rules, and the one table that tunes the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.aliases import BoolArray, FloatArray
from core.telemetry import DEFINITIONS, HOUR, Quantity


class Quality(StrEnum):
    """Whether an hour may be used; SUSPECT and BAD hours are kept and not used."""

    GOOD = "good"
    SUSPECT = "suspect"
    BAD = "bad"


class QualityRule(StrEnum):
    """The check that an hour failed; the order is that of its code, from 1."""

    GROSS_RANGE = "gross_range"
    CONSISTENCY = "consistency"
    CAPACITY = "capacity"
    ZERO_OUTAGE = "zero_outage"
    UNIT = "unit"
    CLIMATOLOGY = "climatology"
    STEP = "step"
    SPIKE = "spike"
    FLAT_LINE = "flat_line"
    DAILY_COURSE = "daily_course"
    WEATHER_RUN = "weather_run"
    OTHER_REGION = "other_region"

    @property
    def code(self) -> int:
        """Number that stands for the rule in arrays; 0 is no rule: good."""
        return list(QualityRule).index(self) + 1

    @property
    def words(self) -> str:
        """The rule as it is shown."""
        return self.value.replace("_", " ")

    @property
    def quality(self) -> Quality:
        """BAD where the value is physically impossible, else SUSPECT."""
        is_impossible = self in {QualityRule.GROSS_RANGE, QualityRule.CONSISTENCY}
        return Quality.BAD if is_impossible else Quality.SUSPECT


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityChecks:
    """Which checks a quantity has, and their settings; None: not checked.

    Attributes
    ----------
    step_limit : float | None
        Largest step from one hour to the next while there is too little history to
        know the region's own, in the quantity's unit; None also switches off STEP,
        SPIKE and CLIMATOLOGY.
    step_floor : float
        Least step that is ever a finding, in the quantity's unit: the resolution of
        the sensor and the noise of a quiet season.
    flat_line : bool
        Whether repeated equal values are a finding.
    daily_course : bool
        Whether the course of the day must resemble the region's own.
    run_floor : float | None
        Least usual error of weather runs, in the quantity's unit: no run is as good as
        a sensor for long. None: the value is held against no run.
    unit_ratio : float | None
        A value this many times the median of the history, or this part of it, is a
        slip of the unit or an outage.
    unit_hours : int
        Hours whose median is compared; 1 judges each hour by itself.
    zero_outage : bool
        Whether exactly 0 is an outage where the history holds no 0.
    """

    step_limit: float | None = None
    step_floor: float = 0.0
    flat_line: bool = False
    daily_course: bool = False
    run_floor: float | None = None
    unit_ratio: float | None = None
    unit_hours: int = 1
    zero_outage: bool = False


CHECKS: Mapping[Quantity, QualityChecks] = {
    Quantity.TEMPERATURE_C: QualityChecks(
        step_limit=15.0,
        step_floor=2.0,
        flat_line=True,
        daily_course=True,
        run_floor=0.5,
    ),
    Quantity.TEMPERATURE_MAX_C: QualityChecks(),
    Quantity.WET_BULB_C: QualityChecks(
        step_limit=12.0, step_floor=2.0, flat_line=True, run_floor=0.5
    ),
    Quantity.RELATIVE_HUMIDITY_PCT: QualityChecks(zero_outage=True, run_floor=3.0),
    Quantity.IT_LOAD_MW: QualityChecks(unit_ratio=20.0, zero_outage=True),
    Quantity.CARBON_INTENSITY_GCO2_KWH: QualityChecks(
        step_limit=300.0,
        step_floor=30.0,
        flat_line=True,
        unit_ratio=20.0,
        zero_outage=True,
    ),
    Quantity.WATER_USAGE_L: QualityChecks(),
    Quantity.PRICE_USD_MWH: QualityChecks(unit_ratio=100.0, unit_hours=24),
    Quantity.WIND_SPEED_KMH: QualityChecks(),
    Quantity.CLOUD_COVER_PCT: QualityChecks(),
}
"""One line per quantity. `step_limit` of temperature is above the largest step of the
six real regions (11.7 degC) and of the wet bulb above theirs (8.7); the floors are
assumed. Wind, cloud, water and price have real zeros, calms and jumps: only what the
table names is checked."""

HELD_AGAINST_RUNS = tuple(q for q, x in CHECKS.items() if x.run_floor is not None)
"""Quantities whose weather runs a judgement reads."""

HISTORY_DAYS = 56
"""Days before the block of hours whose own figures judge it."""

PROFILE_DAYS = 28
"""Newest of those days, whose median is the usual course of the day."""

MIN_HISTORY_DAYS = 14
"""Fewer known days of history: only checks that need none apply."""

BLOCK_H = 168
"""Hours that are judged by the same history; blocks begin at epoch weeks, so an hour
is judged alike however it was imported."""

LOOK_BACK_H = HISTORY_DAYS * 24 + BLOCK_H
"""Hours before the first hour to judge that its checks may need."""

UNUSUAL_QUANTILE = 0.99
"""Share of the history's departures that are usual; the unit of the multiples below."""

STEP_MULTIPLES = ((1, 2.5), (6, 2.0), (24, 1.5))
"""Departure from the last trusted hour that is a finding, as a multiple of the usual
one, by the hours since that hour; on a line between. The tails of a departure are
heavier the shorter the time: fronts pass within an hour."""

STEP_SETTLED_H = 3
"""Hours after which a new level counts as real: each change since the step is usual,
and so is the level for the hour of the day. A front settles; a broken unit does not."""

STEP_CONFIRMED_H = 36
"""Hours after which a new level that counts as real makes the hours that led to it
good as well; only the hour that stepped stays a finding."""

SETTLED_MULTIPLE = 2.0
"""Departure from the usual course that a settled level may have, as a multiple of the
usual one. A level nearer to the usual course than before the step is possible too: a
heat wave that breaks is still far above it."""

SPIKE_MULTIPLE = 1.25
"""As `STEP_MULTIPLES`, for the steps to a value and back from it, both."""

CLIMATOLOGY_MULTIPLE = 4.0
"""Departure from the usual course of the day, as a multiple of the usual departure."""

FLAT_PROBABILITY = 1e-6
"""A run of equal values is a finding when chance gives it with less than this: the
product of how often an hour equals the one before it at that time of day, and
1 - `UNUSUAL_QUANTILE` when the value left the usual course as well."""

FLAT_HOURS_WITHOUT_HISTORY = 6
"""Equal hours that are a finding while there is too little history."""

MAX_RUN_H = 240
"""Longest run of equal values that is marked from its first hour, and how far back the
last trusted hour is looked for."""

COURSE_RATIOS = ((24, 5.0), (48, 3.5))
"""Hours and a multiple: a finding when the usual course of the day, moved to its best
hour, fits the hours this many times better (sum of squares) than where it belongs, in
multiples of what is usual here: in a season without a course, any hour fits by
chance."""

COURSE_MISFIT_QUANTILE = 0.99
"""The misfit where the course belongs must also be larger than this share of those of
the history."""

COURSE_LAGS = ((72, 2.5), (120, 2.25), (240, 2.0))
"""Hours and a multiple: a finding when the course of these hours is this many times
further from its usual place in the day than is usual here."""

COURSE_LAG_FLOOR_H = 0.3
"""Least usual lag, hours: a clear sky for weeks, and values of whole hours."""

COURSE_LAG_RATIO = 1.35
"""The moved course must also fit this many times better: a flat course lies nowhere."""

COURSE_KNOWN_FRAC = 0.9
"""Share of the hours of a longer window that must be known; others are bridged."""

COURSE_NOISE_FRAC = 0.1
"""Least misfit of the best hour, as a share of the course's own standard deviation, so
that a near-perfect fit does not make the ratio explode."""

RUN_MULTIPLES = ((1, 2.5), (6, 2.25), (24, 2.0), (72, 2.0))
"""Hours and a multiple: a finding when the mean error of the weather runs over these
hours is this many times what is usual here. The errors of the region's own runs, each
as known at its hour, less their usual error at that hour of the day, are the scale."""

RUN_KNOWN_FRAC = 0.75
"""Share of the hours of a window that must have a value and a run."""

COPY_HOURS = 6
"""Hours in a row with the values of another region that are a finding, when they are
also `COPY_MULTIPLE` times longer than the longest such run of the history: two sites
of one town, or one grid point, may well agree."""

COPY_MULTIPLE = 2

CONSISTENCY_MULTIPLE = 2.5
CONSISTENCY_FLOOR_C = 1.5
CONSISTENCY_WITHOUT_HISTORY_C = 3.0
"""Wet bulb against that of temperature and humidity, degC: Stull (2011) is within 1
degC of the truth, and pressure moves a whole region alike, which history shows."""

WET_BULB_EXCESS_C = 0.5
"""Wet bulb above dry bulb that rounding and two sensors may give."""

MAXIMUM_TOLERANCE_C = 0.1
"""An hour's warmest sample below its mean that rounding may give."""

CAPACITY_TOLERANCE = 1.05
"""Load above capacity that metering may give."""


LISTED_RUNS = 3
"""Runs of hours that a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityVerdicts:
    """Verdicts on consecutive hours of one quantity.

    Attributes
    ----------
    rule_codes : ndarray of int8, shape (n_hours,)
        `QualityRule.code`, 0 for good hours and hours without a value.
    expected : ndarray of float64, shape (n_hours,)
        What the check expected, in the quantity's unit; NaN where it expects none.
    allowed : ndarray of float64, shape (n_hours,)
        How far the value may be from it; for other checks their limit.
    against : dict of int to str
        What the value of an hour was held against: a weather run, another region.
    """

    rule_codes: NDArray[np.int8]
    expected: FloatArray
    allowed: FloatArray
    against: dict[int, str] = field(default_factory=dict)

    @classmethod
    def all_good(cls, n_hours: int) -> QualityVerdicts:
        """No finding."""
        return cls(
            rule_codes=np.zeros(n_hours, dtype=np.int8),
            expected=np.full(n_hours, np.nan),
            allowed=np.full(n_hours, np.nan),
        )

    @property
    def is_good(self) -> BoolArray:
        """Hours without a finding."""
        good: BoolArray = self.rule_codes == 0
        return good

    def mark(
        self,
        hours: NDArray[np.int64] | BoolArray,
        rule: QualityRule,
        *,
        expected: FloatArray | float = np.nan,
        allowed: FloatArray | float = np.nan,
    ) -> None:
        """Record a finding; an hour keeps the first that it was given."""
        positions = np.flatnonzero(hours) if hours.dtype == np.bool_ else hours
        first = self.rule_codes[positions] == 0
        chosen = positions[first]
        self.rule_codes[chosen] = rule.code
        for column, values in ((self.expected, expected), (self.allowed, allowed)):
            column[chosen] = np.broadcast_to(values, positions.shape)[first]


def rule_of(code: int) -> QualityRule:
    """The rule of a code above 0."""
    return list(QualityRule)[code - 1]


def findings_text(codes: NDArray[np.int8], start_utc: datetime) -> str:
    """The first hours of each rule, in words: at most `LISTED_RUNS` runs.

    Examples
    --------
    >>> from datetime import UTC
    >>> codes = np.array([0, 7, 7, 0], dtype=np.int8)
    >>> findings_text(codes, datetime(2023, 8, 8, tzinfo=UTC))
    '2023-08-08 01:00 to 02:00 UTC (step)'
    """
    hours = np.flatnonzero(codes)
    starts = [
        i
        for i, hour in enumerate(hours)
        if i == 0 or hour != hours[i - 1] + 1 or codes[hour] != codes[hour - 1]
    ]
    runs = []
    for start, end in zip(starts, [*starts[1:], len(hours)], strict=True):
        first, last = (start_utc + int(hours[i]) * HOUR for i in (start, end - 1))
        span = f"{first:%Y-%m-%d %H:%M}"
        if last != first:
            same_day = last.date() == first.date()
            span += f" to {last:%H:%M}" if same_day else f" to {last:%Y-%m-%d %H:%M}"
        runs.append(f"{span} UTC ({rule_of(int(codes[hours[start]])).words})")
    more = f" and {len(runs) - LISTED_RUNS} more" if len(runs) > LISTED_RUNS else ""
    return "; ".join(runs[:LISTED_RUNS]) + more


def finding_text(
    quantity: Quantity,
    rule: QualityRule,
    value: float,
    *,
    expected: float,
    allowed: float,
    against: str | None = None,
) -> str:
    """Why the hour is not good, with its figures, as a sentence without its subject.

    Parameters
    ----------
    against : str | None
        The weather run or the region that the value was held against.

    Examples
    --------
    >>> finding_text(
    ...     Quantity.TEMPERATURE_C, QualityRule.STEP, 0.0, expected=33.0, allowed=6.1
    ... )
    '0 degC is 33 degC from the expected 33 degC; at most 6.1 is usual here'
    """
    unit = DEFINITIONS[quantity].unit
    found, usual = f"{_rounded(value, 4)} {unit}", f"{_rounded(expected, 3)} {unit}"
    departs = (
        f"{found} is {_rounded(abs(value - expected), 3)} {unit} from the expected"
        f" {usual}; at most {_rounded(allowed, 2)} is usual here"
    )
    texts = {
        QualityRule.GROSS_RANGE: f"{found} is outside the possible range",
        QualityRule.CONSISTENCY: (
            f"the temperatures of this hour contradict each other or its humidity:"
            f" {_rounded(value, 4)} degC, expected {_rounded(expected, 3)} degC within"
            f" {_rounded(allowed, 2)} degC"
        ),
        QualityRule.CAPACITY: (
            f"{found} is above the capacity of {_rounded(allowed, 4)} {unit}"
        ),
        QualityRule.ZERO_OUTAGE: (
            "exactly 0, which this region's history does not hold; an outage is likely"
        ),
        QualityRule.UNIT: (
            f"{found} against a usual {usual}: another unit, or an outage"
        ),
        QualityRule.FLAT_LINE: (
            f"equal values in a row ({found}); a stuck sensor is likely"
        ),
        QualityRule.DAILY_COURSE: (
            f"the course of the day is that of another hour or place: it lies"
            f" {_rounded(abs(expected), 2)} h too {'early' if expected > 0 else 'late'}"
        ),
        QualityRule.WEATHER_RUN: (
            f"{found} against {usual} of the weather run {against}; the runs"
            f" are off by at most {_rounded(allowed, 2)} {unit} here in the mean of the"
            " hours that are compared"
        ),
        QualityRule.OTHER_REGION: (
            f"these hours have the values of region {against} ({found})"
        ),
    }
    return texts.get(rule, departs) + _unit_hint(quantity, rule, value, expected)


def _rounded(figure: float, digits: int) -> str:
    """A figure with so many digits that count, never with an exponent.

    Examples
    --------
    >>> _rounded(134.2, 2), _rounded(0.0, 4), _rounded(12345.6, 3), _rounded(0.0213, 2)
    ('130', '0', '12300', '0.021')
    """
    return np.format_float_positional(
        figure, precision=digits, unique=False, fractional=False, trim="-"
    )


def _unit_hint(
    quantity: Quantity, rule: QualityRule, value: float, expected: float
) -> str:
    """Names a unit in which the value would be what was expected."""
    if rule not in {QualityRule.STEP, QualityRule.CLIMATOLOGY, QualityRule.UNIT}:
        return ""
    readings = [
        (value * 10.0, "tenths"),
        (value / 1000.0, "a unit 1,000 times smaller"),
        (value * 1000.0, "a unit 1,000 times larger"),
    ]
    if quantity in {Quantity.TEMPERATURE_C, Quantity.WET_BULB_C}:
        readings = [((value - 32.0) / 1.8, "degF"), (value - 273.15, "K"), readings[0]]
        close = 4.0
    else:
        close = 0.25 * abs(expected)
    if quantity is Quantity.CARBON_INTENSITY_GCO2_KWH:
        readings.append((value * 0.453592, "lb/MWh"))
    for reading, name in readings:
        if abs(reading - expected) <= close < abs(value - expected):
            return f"; it would fit as {name}"
    return ""
