"""Forecasts of others as issued: runs of numerical models, and what was known of them.

Published forecasts of carbon intensity and load and prices that a market has set are
runs as well. A run is used at an instant only when it had been issued and was known by
then. Several models, sparse leads (an archive that keeps one lead a run) and missing
quantities are all the same case: for every coming hour, the newest known run that has a
value.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from core.aliases import BoolArray, FloatArray, IntArray
from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity, require_aware

MAX_RUN_AGE_H = 48
"""Oldest run, counted from its issue, whose values are used."""

MAX_STEP_H = 6
"""Widest step between two hours of a run that is interpolated: long leads of global
models come every six hours."""

FRESHER_BY_H = 12
"""A model whose run is this much older than the newest one is left out: its error is
that of a longer lead, and the mean over the models would take it over."""

BIAS_DAYS = 28
"""Days before the issue whose errors correct a model. From 14 to 60 days the error of
the corrected forecast was the same within 1 %."""

BIAS_PRIOR_DAYS = 3
"""Days without error that are added, so that a single day cannot correct a model."""

PAST_H = 6
"""Hours before the issue in which a run is compared with what was measured."""

_PRICES = frozenset({Quantity.PRICE_USD_MWH})
"""Set hour by hour: what lies between two of them is not known."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStream:
    """The runs of one model, or of one member of it, at one region.

    Attributes
    ----------
    model, member : str
        Labels; members of one model share its weight.
    issue_hours : ndarray of int, shape (n,)
        When each run was issued, hours since 1970, ascending.
    known_hours : ndarray of float, shape (n,)
        When it could first be used, hours since 1970; at least `issue_hours`.
    values : Mapping of Quantity to ndarray, shape (n, L)
        Column j is the hour [issue + j h, issue + (j + 1) h); NaN where missing.
    is_day_max : bool
        Whether each hour has the maximum of its local day (a daily bulletin). It is
        used in hours that no hourly run has; its bias by hour gives the day its course.

    Raises
    ------
    InvalidInput
        When runs are out of order or known before they were issued.
    """

    model: str
    member: str
    issue_hours: IntArray
    known_hours: FloatArray
    values: Mapping[Quantity, FloatArray]
    is_day_max: bool = False

    def __post_init__(self) -> None:
        if (np.diff(self.issue_hours) < 0).any():
            message = f"The runs of {self.model} must be in order of issue."
            raise InvalidInput(message)
        if not (self.known_hours >= self.issue_hours).all():
            message = f"A run of {self.model} is known before it was issued."
            raise InvalidInput(message)
        shapes = {column.shape for column in self.values.values()}
        if any(shape[:1] != self.issue_hours.shape for shape in shapes):
            message = f"The values of {self.model} do not belong to its runs."
            raise InvalidInput(message)

    def newest(
        self,
        quantity: Quantity,
        instants: IntArray,
        offsets: IntArray,
        *,
        youngest_h: int,
    ) -> tuple[FloatArray, FloatArray]:
        """Values around issue instants, each of the newest run known by then.

        Parameters
        ----------
        instants : ndarray of int, shape (N,)
            Hours since 1970; a run counts when it was issued and known by then.
        offsets : ndarray of int, shape (O,)
            Hours relative to each instant, ascending by 1.
        youngest_h : int
            Age from which on a run is used; 0 for all, more to leave out new ones.

        Returns
        -------
        value, age_h : ndarray, shape (N, O)
            In the quantity's unit, and hours since the issue of the run; NaN where no
            run of at most `MAX_RUN_AGE_H` has a value.
        """
        value = np.full((len(instants), len(offsets)), np.nan)
        age_h = value.copy()
        column = self.values.get(quantity)
        if column is None or not column.size:
            return value, age_h
        newest = np.searchsorted(self.issue_hours, instants - youngest_h, side="right")
        rows, runs = np.arange(len(instants)), newest - 1
        while True:
            rows, runs = rows[runs >= 0], runs[runs >= 0]
            age = instants[rows] - self.issue_hours[runs]
            kept = (age <= MAX_RUN_AGE_H) & np.isnan(value[rows]).any(axis=1)
            rows, runs, age = rows[kept], runs[kept], age[kept]
            if not len(rows):
                break
            lead = age[:, None] + offsets
            found = column[runs[:, None], np.clip(lead, 0, column.shape[1] - 1)]
            is_new = (
                (self.known_hours[runs] <= instants[rows])[:, None]
                & (lead >= 0)
                & (lead < column.shape[1])
                & np.isfinite(found)
                & np.isnan(value[rows])
            )
            row, place = np.nonzero(is_new)
            value[rows[row], place] = found[row, place]
            age_h[rows[row], place] = age[row]
            runs = runs - 1
        if quantity in _PRICES:
            return value, age_h
        return bridged_steps(value), bridged_steps(age_h)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherRuns:
    """Every run of one region."""

    streams: tuple[RunStream, ...]

    @property
    def has_day_max(self) -> bool:
        """Whether daily maxima are among them."""
        return any(stream.is_day_max for stream in self.streams)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What at least one run forecasts, in the order of `Quantity`."""
        return tuple(
            quantity
            for quantity in Quantity
            if any(
                np.isfinite(stream.values[quantity]).any()
                for stream in self.streams
                if quantity in stream.values
            )
        )

    def sources(self, quantity: Quantity) -> tuple[str, ...]:
        """Names of the sources of a quantity, in order."""
        found = {
            stream.model.partition("/")[0]
            for stream in self.streams
            if quantity in stream.values
        }
        return tuple(sorted(found))

    def known_at_hours(
        self, quantity: Quantity, hours: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """What the newest runs said of each hour when it began.

        Daily maxima count only where there is no hourly run of the quantity at all: an
        hour is not to be held against now the one, now the other.

        Parameters
        ----------
        hours : ndarray of int, shape (N,)
            Hours since 1970; a run counts when it was known by the start of the hour.

        Returns
        -------
        value, age_h : ndarray, shape (N,)
            Mean over the models, in the quantity's unit, and hours since the issue of
            the newest run; NaN where no run has the hour.
        """
        chosen = self._hourly(quantity)
        read = [
            stream.newest(quantity, hours, np.array([0]), youngest_h=0)
            for stream in chosen.streams
        ]
        fresh = _smallest([age_h for _, age_h in read], (len(hours), 1))
        value = np.stack(
            [
                np.where(age_h <= fresh + FRESHER_BY_H, value, np.nan)
                for value, age_h in read
            ]
        )
        return _weighted_mean(value, chosen._weights())[:, 0], fresh[:, 0]

    def _hourly(self, quantity: Quantity) -> WeatherRuns:
        """The hourly runs of a quantity; all runs where it has none."""
        hourly = tuple(
            stream
            for stream in self.streams
            if quantity in stream.values and not stream.is_day_max
        )
        return WeatherRuns(streams=hourly) if hourly else self

    def issued_by(self, quantity: Quantity, issue_hour: int) -> str:
        """The models whose runs of a quantity `known_at_hours` reads, by issue hour."""
        names = {
            stream.model.strip("/")
            for stream in self._hourly(quantity).streams
            if quantity in stream.values and issue_hour in stream.issue_hours
        }
        return ", ".join(sorted(names))

    def _weights(self) -> FloatArray:
        """The weight of each stream: the members of a model share its own."""
        members = Counter(stream.model for stream in self.streams)
        return np.array([1.0 / members[stream.model] for stream in self.streams])

    def around(
        self,
        quantity: Quantity,
        measured: Sequence[float] | FloatArray,
        first_hour: int,
        instants: IntArray,
        *,
        horizon_h: int,
        youngest_h: int = 0,
    ) -> RunsAtIssue:
        """What the runs said of a quantity, as known at issue instants.

        Parameters
        ----------
        measured : ndarray, shape (n_hours,)
            Telemetry of the quantity from `first_hour` on, NaN where missing. For each
            instant only hours that had ended by it are used.
        first_hour : int
            Hours since 1970, as `instants`.
        instants : ndarray of int, shape (N,)
        """
        if not self.streams:
            return RunsAtIssue.none(len(instants), horizon_h)
        days = np.arange(BIAS_DAYS + 1)
        every, inverse = np.unique(
            instants[:, None] - 24 * days[None, :], return_inverse=True
        )
        place = inverse.reshape(len(instants), -1)
        offsets = np.arange(-PAST_H, horizon_h + MAX_STEP_H)
        observed = _at(
            np.asarray(measured), every[:, None] + offsets[None, :] - first_hour
        )
        is_daily = [stream.is_day_max for stream in self.streams]
        read = [
            stream.newest(
                quantity, every, offsets, youngest_h=0 if daily else youngest_h
            )
            for stream, daily in zip(self.streams, is_daily, strict=True)
        ]
        ages = [age_h for _, age_h in read]
        hourly = _smallest(
            [age_h for age_h, daily in zip(ages, is_daily, strict=True) if not daily],
            observed.shape,
        )
        fresh = np.where(np.isfinite(hourly), hourly, _smallest(ages, observed.shape))
        parts = [
            _of_stream(
                value,
                (age_h <= fresh + FRESHER_BY_H) & ~(daily & np.isfinite(hourly)),
                observed,
                place,
                horizon_h,
                is_day_max=daily,
            )
            for (value, age_h), daily in zip(read, is_daily, strict=True)
        ]
        hours = slice(PAST_H, PAST_H + horizon_h)
        now = place[:, 0]
        found = _combined(parts, self._weights(), fresh[now][:, hours])
        is_day_max = np.isfinite(found.mean) & np.isnan(hourly[now][:, hours])
        return replace(found, is_day_max=is_day_max)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedRun:
    """One run of one model, or of one member of it, at one region.

    Attributes
    ----------
    source, model, member : str
        Labels; empty where there is nothing to tell apart.
    known_at_utc : datetime | None
        When it could first be used, as far as that can be proved; None otherwise.
    first_lead_h : int
        Column j of `values` is the hour [issue + (first_lead + j) h, + 1 h).
    values : Mapping of Quantity to ndarray, shape (L,)
        NaN where missing.
    is_day_max : bool
        Whether each hour has the maximum of its local day.
    """

    source: str
    model: str
    member: str
    issued_at_utc: datetime
    known_at_utc: datetime | None
    first_lead_h: int
    values: Mapping[Quantity, FloatArray]
    is_day_max: bool = False

    @property
    def issue_hour(self) -> int:
        """First full hour from the issue on, hours since 1970."""
        return math.ceil(hours_since_1970(self.issued_at_utc))


def weather_runs(
    runs: Iterable[IssuedRun], *, unproved_delay_h: float | None = None
) -> WeatherRuns | None:
    """The runs of one region, ready to be asked; None without any that may be used.

    Parameters
    ----------
    unproved_delay_h : float | None
        A run that cannot prove when it was known is left out, unless this is given:
        then it counts as known so many hours after its issue.
    """
    by_stream: dict[tuple[str, str, bool], list[tuple[int, float, IssuedRun]]] = {}
    for run in runs:
        issue = run.issue_hour
        if run.known_at_utc is not None:
            known = hours_since_1970(run.known_at_utc)
        elif unproved_delay_h is not None:
            known = issue + unproved_delay_h
        else:
            continue
        key = (f"{run.source}/{run.model}", run.member, run.is_day_max)
        by_stream.setdefault(key, []).append((issue, max(known, issue), run))
    if not by_stream:
        return None
    return WeatherRuns(
        streams=tuple(_stream(*key, by_stream[key]) for key in sorted(by_stream))
    )


def _stream(
    model: str,
    member: str,
    is_day_max: bool,
    runs: list[tuple[int, float, IssuedRun]],
) -> RunStream:
    runs.sort(key=lambda item: item[:2])
    quantities = {quantity for _, _, run in runs for quantity in run.values}
    n_leads = max(
        run.first_lead_h + len(column)
        for _, _, run in runs
        for column in run.values.values()
    )
    values = {
        quantity: np.full((len(runs), n_leads), np.nan) for quantity in quantities
    }
    for row, (_, _, run) in enumerate(runs):
        for quantity, column in run.values.items():
            first = run.first_lead_h
            values[quantity][row, first : first + len(column)] = column
    return RunStream(
        model=model,
        member=member,
        issue_hours=np.array([issue for issue, _, _ in runs], np.int64),
        known_hours=np.array([known for _, known, _ in runs]),
        values={
            quantity: column if quantity in _PRICES else bridged_steps(column)
            for quantity, column in values.items()
        },
        is_day_max=is_day_max,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsAtIssue:
    """One quantity at N issue instants; NaN where no run has a value.

    Attributes
    ----------
    mean : ndarray, shape (N, H)
        Mean over the models.
    bias : ndarray, shape (N, H)
        What to add: mean error of the same hours in the days before, 0 when unknown.
    spread : ndarray, shape (N, H)
        Standard deviation over models and members after correction.
    age_h : ndarray, shape (N, H)
        Hours from the issue of the newest run that has the hour to the instant.
    error : ndarray, shape (N, PAST_H)
        Measured less forecast 1, 2 ... hours before the instant; NaN when unknown.
    is_day_max : ndarray of bool, shape (N, H)
        Hours that only a daily maximum has.
    """

    mean: FloatArray
    bias: FloatArray
    spread: FloatArray
    age_h: FloatArray
    error: FloatArray
    is_day_max: BoolArray

    @classmethod
    def none(cls, n_instants: int, horizon_h: int) -> RunsAtIssue:
        """Without any run."""
        unknown = np.full((n_instants, horizon_h), np.nan)
        nothing = np.zeros((n_instants, horizon_h))
        return cls(
            mean=unknown,
            bias=nothing,
            spread=nothing,
            age_h=unknown,
            error=np.full((n_instants, PAST_H), np.nan),
            is_day_max=np.zeros((n_instants, horizon_h), dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _StreamAtIssue:
    value: FloatArray
    bias: FloatArray
    error: FloatArray


def _of_stream(
    found: FloatArray,
    is_used: BoolArray,
    observed: FloatArray,
    place: IntArray,
    horizon_h: int,
    *,
    is_day_max: bool,
) -> _StreamAtIssue:
    value = np.where(is_used, found, np.nan)
    hours = slice(PAST_H, PAST_H + horizon_h)
    total = np.zeros((len(place), horizon_h))
    n_days = total.copy()
    # A daily maximum is compared on the days that hourly runs served as well.
    missed = observed[:, hours] - (found if is_day_max else value)[:, hours]
    for days_ago in range(1, place.shape[1]):
        past = missed[place[:, days_ago]]
        # An hour of a window that had not ended at the issue is not known.
        past[:, 24 * days_ago :] = np.nan
        known = np.isfinite(past)
        total += np.where(known, past, 0.0)
        n_days += known
    now = place[:, 0]
    error = (observed[now, :PAST_H] - value[now, :PAST_H])[:, ::-1]
    return _StreamAtIssue(
        value=value[now][:, hours],
        bias=total / (n_days + BIAS_PRIOR_DAYS),
        error=np.full_like(error, np.nan) if is_day_max else error,
    )


def _combined(
    parts: Sequence[_StreamAtIssue], weights: FloatArray, age_h: FloatArray
) -> RunsAtIssue:
    value = np.stack([part.value for part in parts])
    bias = np.stack([part.bias for part in parts])
    error = np.stack([part.error for part in parts])
    mean = _weighted_mean(value, weights)
    corrected = value + bias
    away = corrected - _weighted_mean(corrected, weights)
    variance = _weighted_mean(away**2, weights)
    return RunsAtIssue(
        mean=mean,
        bias=np.nan_to_num(_weighted_mean(corrected, weights) - mean),
        spread=np.nan_to_num(np.sqrt(variance)),
        age_h=np.where(np.isfinite(mean), age_h, np.nan),
        error=_weighted_mean(error, weights),
        is_day_max=np.zeros(mean.shape, dtype=np.bool_),
    )


def _weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean of the known values of each place, NaN without any; streams come first."""
    known = np.isfinite(values) * weights[:, None, None]
    weight = known.sum(axis=0)
    total = (np.nan_to_num(values) * known).sum(axis=0)
    mean: FloatArray = np.full(total.shape, np.nan)
    np.divide(total, weight, out=mean, where=weight > 0)
    return mean


def bridged_steps(values: FloatArray) -> FloatArray:
    """Rows with steps of at most `MAX_STEP_H` between known values interpolated.

    Both ends are values of a forecast, known when it is used: no look-ahead.

    Examples
    --------
    >>> bridged_steps(np.array([[np.nan, 1.0, np.nan, np.nan, 4.0]])).tolist()
    [[nan, 1.0, 2.0, 3.0, 4.0]]
    """
    known = np.isfinite(values)
    if known.all() or not known.any():
        return values
    places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    before = np.maximum.accumulate(np.where(known, places, -1), axis=1)
    after = np.minimum.accumulate(
        np.where(known, places, values.shape[1])[:, ::-1], axis=1
    )[:, ::-1]
    inside = (before >= 0) & (after < values.shape[1]) & ~known
    inside &= after - before <= MAX_STEP_H
    row, place = np.nonzero(inside)
    low, high = before[row, place], after[row, place]
    share = (place - low) / (high - low)
    complete = values.copy()
    complete[row, place] = (1 - share) * values[row, low] + share * values[row, high]
    return complete


def hours_since_1970(instant: datetime) -> float:
    """An aware instant as hours since 1970, with its fraction.

    Examples
    --------
    >>> hours_since_1970(datetime(1970, 1, 2, 0, 30, tzinfo=UTC))
    24.5
    """
    require_aware(instant)
    return (instant - _EPOCH) / HOUR


def instant_of(hours: float) -> datetime:
    """The instant so many hours after the start of 1970, UTC."""
    return _EPOCH + float(hours) * HOUR


def _smallest(arrays: Sequence[FloatArray], shape: tuple[int, ...]) -> FloatArray:
    smallest = np.full(shape, np.nan)
    for array in arrays:
        smallest = np.fmin(smallest, array)
    return smallest


def _at(values: FloatArray, places: IntArray) -> FloatArray:
    """Values at places, NaN outside."""
    if not len(values):
        return np.full(places.shape, np.nan)
    inside = (places >= 0) & (places < len(values))
    found = values[np.clip(places, 0, len(values) - 1)]
    return np.where(inside, found, np.nan)
