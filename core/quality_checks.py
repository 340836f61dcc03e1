"""The checks of telemetry: each hour judged from the hours that ended by it.

They follow the practice of QARTOD and the WMO: gross range, climatology, step, spike,
flat line, consistency of neighbouring sensors. Their limits are the region's own.

References
----------
IOOS (2020), Manual for Real-Time Quality Control of In-situ Temperature and Salinity
Data, version 2.1. WMO (2018), Guide to Instruments and Methods of Observation, WMO-No.
8, volume V, chapter 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from core.aliases import BoolArray, FloatArray, IntArray
from core.carbon import suspect_zero_hours
from core.daily_course import (
    DAY_H,
    CourseFit,
    UsualCourse,
    lag_between,
)
from core.psychrometrics import estimate_wet_bulb
from core.quality import (
    BLOCK_H,
    CAPACITY_TOLERANCE,
    CHECKS,
    CLIMATOLOGY_MULTIPLE,
    CONSISTENCY_FLOOR_C,
    CONSISTENCY_MULTIPLE,
    CONSISTENCY_WITHOUT_HISTORY_C,
    MAX_RUN_H,
    MAXIMUM_TOLERANCE_C,
    MIN_HISTORY_DAYS,
    SETTLED_MULTIPLE,
    SPIKE_MULTIPLE,
    STEP_CONFIRMED_H,
    STEP_SETTLED_H,
    UNUSUAL_QUANTILE,
    WET_BULB_EXCESS_C,
    QualityChecks,
    QualityRule,
    QualityVerdicts,
)
from core.quality_baseline import HISTORY_H, MAX_LEAD_H, Baseline, block_start
from core.quality_copies import copied_hours
from core.quality_runs import LONGEST_RUN_WINDOW_H, run_departures
from core.quality_screen import (
    LOG_FLAT,
    LOG_UNUSUAL,
    blocks_to_check,
    misplaced,
    spikes,
    unit_slips,
)
from core.telemetry import VALID_RANGES, Quantity, TelemetryFrame, ValidRange
from core.weather_runs import WeatherRuns

BLOCKS_AT_ONCE = 16
"""Blocks that are screened in one call; their histories fit a processor cache."""

NO_CHECKS = QualityChecks()
_THREE_SENSORS = (
    Quantity.TEMPERATURE_C,
    Quantity.WET_BULB_C,
    Quantity.RELATIVE_HUMIDITY_PCT,
)


def judge_telemetry(
    frame: TelemetryFrame,
    *,
    first: int = 0,
    distrusted: Mapping[Quantity, BoolArray] | None = None,
    accepted: Mapping[Quantity, BoolArray] | None = None,
    copies: Mapping[str, BoolArray] | None = None,
    it_capacity_mw: float | None = None,
    ranges: Mapping[Quantity, ValidRange] = VALID_RANGES,
) -> dict[Quantity, QualityVerdicts]:
    """Judge the hours of `frame` from position `first` on.

    An hour is judged by itself and the hours before it. A stuck sensor, a spike and an
    outage show later; then the hours that they began with are marked too.

    Parameters
    ----------
    frame : TelemetryFrame
        One region, with its weather runs, if it has any, which its weather is held
        against; `core.quality.LOOK_BACK_H` before `first` suffice.
    distrusted : Mapping of Quantity to ndarray of bool, shape (n_hours,), optional
        Hours before `first` that were judged suspect or bad.
    accepted : Mapping of Quantity to ndarray of bool, shape (n_hours,), optional
        Hours that an operator accepted: good, whatever the checks say.
    copies : Mapping of slug to ndarray of bool, shape (n_hours,), optional
        Hours in which the weather of another region is equal.
    it_capacity_mw : float | None
        Capacity of the region, MW; None: the load is not held against it.

    Returns
    -------
    dict of Quantity to QualityVerdicts
        One for each quantity that has a value, over the whole frame.
    """
    series = {
        quantity: _Series(
            quantity,
            frame,
            first,
            (distrusted or {}).get(quantity),
            (accepted or {}).get(quantity),
        )
        for quantity in frame.values
        if np.isfinite(frame.values[quantity]).any()
    }
    for quantity, one in series.items():
        one.check_range(ranges[quantity])
    if it_capacity_mw is not None and Quantity.IT_LOAD_MW in series:
        series[Quantity.IT_LOAD_MW].check_capacity(it_capacity_mw)
    _check_copies(series, copies or {}, first)
    estimated_c = _estimated_wet_bulb_c(series)
    start = first
    while start < frame.n_hours:
        end = min(_next_block(frame, start), frame.n_hours)
        _check_maximum(series, start, end)
        _check_wet_bulb(series, estimated_c, start, end)
        for one in series.values():
            if one.checks != NO_CHECKS and one.may_have_findings(start):
                one.check_block(start, end)
            if one.checks.run_floor is not None and frame.runs is not None:
                one.check_runs(frame.runs, start, end)
        start = end
    return {quantity: one.verdict for quantity, one in series.items()}


def judged_frame(
    frame: TelemetryFrame, verdicts: Mapping[Quantity, QualityVerdicts]
) -> TelemetryFrame:
    """The frame with its findings; `TelemetryFrame.trusted` leaves their values out."""
    found = {quantity: one.rule_codes for quantity, one in verdicts.items()}
    return replace(frame, findings=found)


def _epoch_hour(frame: TelemetryFrame) -> int:
    return int(frame.start_utc.timestamp()) // 3600


def _next_block(frame: TelemetryFrame, start: int) -> int:
    first_hour = _epoch_hour(frame)
    return block_start(first_hour + start) + BLOCK_H - first_hour


class _Series:
    """One quantity while it is judged.

    `trusted` has the values that may judge others: distrusted ones become NaN.
    """

    def __init__(
        self,
        quantity: Quantity,
        frame: TelemetryFrame,
        first: int,
        distrusted: BoolArray | None,
        accepted: BoolArray | None,
    ) -> None:
        self.quantity = quantity
        self.checks: QualityChecks = CHECKS[quantity]
        self.values = frame.column(quantity)
        self.first_hour = _epoch_hour(frame)
        self.verdict = QualityVerdicts.all_good(frame.n_hours)
        self.trusted = self.values.copy()
        if distrusted is not None:
            self.trusted[:first][distrusted[:first]] = np.nan
        nobody = np.zeros(frame.n_hours, dtype=np.bool_)
        self.accepted = nobody if accepted is None else accepted
        self._first = first
        self._screened: dict[int, bool] = {}
        self._n_ahead = BLOCKS_AT_ONCE
        self._said: tuple[FloatArray, FloatArray] | None = None

    def mark(
        self,
        hours: BoolArray,
        rule: QualityRule,
        *,
        start: int,
        expected: FloatArray | float = np.nan,
        allowed: FloatArray | float = np.nan,
        against: Callable[[int], str] | None = None,
    ) -> None:
        """Mark hours of [start, start + len(hours)) and trust them no more.

        `against` names what the hour at a position of `hours` was held against.
        """
        end = start + len(hours)
        marked = hours & np.isfinite(self.values[start:end]) & ~self.accepted[start:end]
        positions = np.flatnonzero(marked)
        if not len(positions):
            return
        if against is not None:
            for position in positions.tolist():
                if self.verdict.rule_codes[position + start] == 0:
                    self.verdict.against[position + start] = against(position)
        self.verdict.mark(
            positions + start,
            rule,
            expected=np.broadcast_to(expected, hours.shape)[positions],
            allowed=np.broadcast_to(allowed, hours.shape)[positions],
        )
        self.trusted[positions + start] = np.nan
        self._screened, self._n_ahead = {}, 1

    def may_have_findings(self, start: int) -> bool:
        """Whether the block of `start` has to be checked by itself.

        Blocks are screened ahead, until a finding changes what is usual after it; after
        one, further ahead each time.
        """
        block = block_start(self.first_hour + start) - self.first_hour
        if block not in self._screened:
            end = min(block + self._n_ahead * BLOCK_H, len(self.values))
            blocks = range(block, end, BLOCK_H)
            found = blocks_to_check(
                self.values, self.trusted, block, len(blocks), self.checks
            )
            self._screened = dict(zip(blocks, found.tolist(), strict=True))
            self._n_ahead = min(2 * self._n_ahead, BLOCKS_AT_ONCE)
        return self._screened[block]

    def check_range(self, valid: ValidRange) -> None:
        """What no sensor can measure."""
        values = self.values[self._first :]
        outside = ~((values >= valid.low) & (values <= valid.high))
        self.mark(outside, QualityRule.GROSS_RANGE, start=self._first)

    def check_capacity(self, it_capacity_mw: float) -> None:
        """A load that the region cannot carry."""
        above = self.values[self._first :] > CAPACITY_TOLERANCE * it_capacity_mw
        self.mark(
            above, QualityRule.CAPACITY, start=self._first, allowed=it_capacity_mw
        )

    def history(self, start: int, column: FloatArray | None = None) -> FloatArray:
        """Trusted values of the days before the block of `start`, NaN before them.

        Of another column with the same hours, if one is given.
        """
        block = block_start(self.first_hour + start) - self.first_hour
        hours = slice(max(block - HISTORY_H, 0), max(block, 0))
        known = (self.trusted if column is None else column)[hours]
        return np.concatenate((np.full(HISTORY_H - len(known), np.nan), known))

    def check_block(self, start: int, end: int) -> None:
        """All checks against the region's own history, of hours of one block."""
        usual = Baseline(self.history(start), self.checks)
        self._check_zeros(usual, start, end)
        self._check_unit(usual, start, end)
        if self.checks.step_limit is not None:
            self._check_climatology(usual, start, end)
            self._check_steps(usual, start, end)
            self._check_spikes(usual, start, end)
        if self.checks.flat_line:
            self._check_flat_line(usual, start, end)
        if self.checks.daily_course and usual.is_known:
            self._check_course(usual, start, end)

    def _hours_of_day(self, start: int, end: int) -> IntArray:
        hours: IntArray = (self.first_hour + np.arange(start, end)) % DAY_H
        return hours

    def _check_zeros(self, usual: Baseline, start: int, end: int) -> None:
        if not self.checks.zero_outage:
            return
        is_zero = self.values[start:end] == 0.0
        if usual.is_known and usual.least > 0.0:
            self.mark(is_zero, QualityRule.ZERO_OUTAGE, start=start)
        if self.quantity is Quantity.CARBON_INTENSITY_GCO2_KWH:
            begin = max(start - DAY_H, self._first)
            self.mark(
                suspect_zero_hours(self.values[begin:end]),
                QualityRule.ZERO_OUTAGE,
                start=begin,
            )

    def _check_unit(self, usual: Baseline, start: int, end: int) -> None:
        if self.checks.unit_ratio is None or not usual.is_known:
            return
        begin = max(start - self.checks.unit_hours + 1, 0)
        sizes = np.abs(self.values[begin:end])
        if len(sizes) < self.checks.unit_hours:
            return
        found = unit_slips(sizes, usual.typical_size, self.checks)
        for offset in range(self.checks.unit_hours):
            self.mark(
                found,
                QualityRule.UNIT,
                start=begin + offset,
                expected=usual.typical_size,
            )

    def _check_climatology(self, usual: Baseline, start: int, end: int) -> None:
        expected = usual.profile[self._hours_of_day(start, end)]
        allowed = CLIMATOLOGY_MULTIPLE * usual.usual_anomaly
        far = np.abs(self.values[start:end] - expected) > allowed
        self.mark(
            far,
            QualityRule.CLIMATOLOGY,
            start=start,
            expected=expected,
            allowed=allowed,
        )

    def _check_steps(self, usual: Baseline, start: int, end: int) -> None:
        """Departures from the last trusted hour beyond what the time since allows.

        After a finding the last trusted hour stays where it was, and the more time has
        passed the more is allowed: a real change becomes good again by itself.
        """
        # A fault may have lasted for days: the last trusted hour lies before it.
        begin = max(start - MAX_RUN_H, 0)
        course = usual.profile[self._hours_of_day(begin, end)]
        anomalies = self.trusted[begin:end] - course
        known = np.isfinite(anomalies)
        position = start - begin
        while position < end - begin:
            last = _last_known(known)[position:]
            lead = np.minimum(np.arange(position, end - begin) - last, MAX_LEAD_H)
            before = np.where(last >= 0, anomalies[last], np.nan)
            departs = np.abs(anomalies[position:] - before) > usual.limit[lead]
            found = np.flatnonzero(departs & ~self.accepted[begin + position : end])
            if not len(found):
                return
            origin = int(last[found[0]])
            position = self._leave_out(
                usual, begin, position + int(found[0]), origin, anomalies, known
            )

    def _leave_out(
        self,
        usual: Baseline,
        begin: int,
        position: int,
        origin: int,
        anomalies: FloatArray,
        known: BoolArray,
    ) -> int:
        """Mark hours from `position` until one is near the trusted one at `origin`."""
        rest = np.arange(position, len(anomalies))
        limit = usual.limit[np.minimum(rest - origin, MAX_LEAD_H)]
        away = np.abs(anomalies[rest] - anomalies[origin])
        returned = np.flatnonzero(
            (away <= limit)
            | _settled(usual, anomalies[rest], abs(anomalies[origin]))
            | self.accepted[begin + rest]
        )
        n_out = int(returned[0]) if len(returned) else len(rest)
        resumes = position + n_out + 1
        has_settled = n_out < len(rest) and away[n_out] > limit[0]
        n_since = len(self.values) - begin - position - n_out
        if has_settled and n_since >= STEP_CONFIRMED_H:
            # A real change: only the hour that stepped remains a finding.
            n_out = 1
        expected = (
            anomalies[origin]
            + usual.profile[
                self._hours_of_day(begin + position, begin + position + n_out)
            ]
        )
        self.mark(
            known[position : position + n_out],
            QualityRule.STEP,
            start=begin + position,
            expected=expected,
            allowed=limit[:n_out],
        )
        known[position : position + n_out] = False
        # The hour that returned is trusted: the next ones are judged by it.
        return resumes

    def _check_spikes(self, usual: Baseline, start: int, end: int) -> None:
        """A value from which its neighbours both depart, found one hour later."""
        if not usual.is_known:
            return
        begin = max(start - 2, 0)
        course = usual.profile[self._hours_of_day(begin, end)]
        anomalies = self.trusted[begin:end] - course
        if len(anomalies) < 3:
            return
        limit = SPIKE_MULTIPLE * usual.usual_step
        expected = (anomalies[:-2] + anomalies[2:]) / 2.0 + course[1:-1]
        self.mark(
            spikes(anomalies, limit),
            QualityRule.SPIKE,
            start=begin + 1,
            expected=expected,
            allowed=limit,
        )

    def _check_flat_line(self, usual: Baseline, start: int, end: int) -> None:
        begin = max(start - MAX_RUN_H, 0)
        values = self.values[begin:end]
        equal = np.concatenate(([False], values[1:] == values[:-1], [False]))
        edges = np.flatnonzero(np.diff(equal.astype(np.int8)))
        hour_of_day = self._hours_of_day(begin, end)
        chance = usual.log_equal[hour_of_day]
        # A run from `low` has equal hours low + 1 to high.
        for low, high in zip(edges[::2], edges[1::2], strict=True):
            if begin + high < start:
                continue
            log_chance = float(chance[low + 1 : high + 1].sum())
            if usual.is_known and self._leaves_course(usual, begin, low, high):
                log_chance += LOG_UNUSUAL
            if log_chance < LOG_FLAT:
                self.mark(
                    np.ones(high - low + 1, dtype=np.bool_),
                    QualityRule.FLAT_LINE,
                    start=begin + low,
                )

    def _leaves_course(self, usual: Baseline, begin: int, low: int, high: int) -> bool:
        """Whether a run begins with, or comes to, an unusual departure."""
        hours = self._hours_of_day(begin + low, begin + high + 1)
        course = usual.profile[hours]
        lead = min(high - low, MAX_LEAD_H)
        if abs(course[-1] - course[0]) > usual.usual_departure[lead]:
            return True
        before = begin + low - 1
        if before < 0 or not np.isfinite(self.values[before]):
            return False
        former = usual.profile[(self.first_hour + before) % DAY_H]
        step = (self.values[begin + low] - course[0]) - (self.values[before] - former)
        return bool(abs(step) > usual.usual_step)

    def _check_course(self, usual: Baseline, start: int, end: int) -> None:
        block = block_start(self.first_hour + start) - self.first_hour
        for hours, may in misplaced(self.values, usual, block, 1).items():
            first = max(start - hours + 1, 0)
            if end - first < hours or not may.any():
                continue  # fitting the history is most of a judgement
            fit = CourseFit.of(
                self.values[first:end], usual.profile, self.first_hour + first, hours
            )
            course = UsualCourse.of(usual.history, usual.profile, hours)
            self.mark(
                course.misplaced(fit, hours),
                QualityRule.DAILY_COURSE,
                start=first + hours - 1,
                expected=lag_between(fit.lag_h, course.lag_h),
                allowed=course.lag_departure_h,
            )

    def _said_by(self, runs: WeatherRuns) -> tuple[FloatArray, FloatArray]:
        """What the runs said of every hour when it began, and their age."""
        if self._said is None:
            hours = self.first_hour + np.arange(len(self.values))
            self._said = runs.known_at_hours(self.quantity, hours)
        return self._said

    def check_runs(self, runs: WeatherRuns, start: int, end: int) -> None:
        """What the region's weather runs said of the hours, as known then."""
        begin = max(start - LONGEST_RUN_WINDOW_H + 1, 0)
        said, age_h = self._said_by(runs)
        for departures in run_departures(
            self.history(start) - self.history(start, said),
            self.values[begin:end],
            said[begin:end],
            age_h[begin:end],
            first_hour=self.first_hour + begin,
            floor=self.checks.run_floor or 0.0,
        ):
            new = slice(start - begin, None)
            self.mark(
                departures.found[new],
                QualityRule.WEATHER_RUN,
                start=start,
                expected=departures.expected[new],
                allowed=departures.allowed,
                against=partial(departures.run_at, runs, self.quantity, start - begin),
            )


def _settled(usual: Baseline, anomalies: FloatArray, before: float) -> BoolArray:
    """Hours by which a new level has settled, and at which it is a possible one.

    That is a usual one, or one nearer to the usual course than the anomaly `before`.
    """
    calm = np.abs(np.diff(anomalies)) <= usual.usual_step
    settled = np.zeros(len(anomalies), dtype=np.bool_)
    if usual.is_known and len(calm) >= STEP_SETTLED_H:
        windows = np.lib.stride_tricks.sliding_window_view(calm, STEP_SETTLED_H)
        settled[STEP_SETTLED_H:] = windows.all(axis=1)
    possible = max(SETTLED_MULTIPLE * usual.usual_anomaly, before)
    return settled & (np.abs(anomalies) <= possible)


def _last_known(known: BoolArray) -> IntArray:
    """Position of the last known hour before each hour, -1 before the first."""
    positions = np.where(known, np.arange(len(known)), -1)
    last = np.maximum.accumulate(positions)
    return np.concatenate(([-1], last[:-1])).astype(np.int64)


def _same_name(slug: str, _position: int) -> str:
    return slug


def _check_copies(
    series: Mapping[Quantity, _Series], copies: Mapping[str, BoolArray], first: int
) -> None:
    """The weather of another region, hour by hour: a file of the wrong place."""
    for slug, equal in copies.items():
        found = copied_hours(equal, first)[first:]
        for quantity in _THREE_SENSORS:
            if quantity in series and found.any():
                series[quantity].mark(
                    found,
                    QualityRule.OTHER_REGION,
                    start=first,
                    against=partial(_same_name, slug),
                )


def _check_maximum(series: Mapping[Quantity, _Series], start: int, end: int) -> None:
    """An hour's warmest sample is not below its mean."""
    mean, warmest = (
        series.get(quantity)
        for quantity in (Quantity.TEMPERATURE_C, Quantity.TEMPERATURE_MAX_C)
    )
    if mean is None or warmest is None:
        return
    below = warmest.values[start:end] < mean.values[start:end] - MAXIMUM_TOLERANCE_C
    _contradict(
        (mean, warmest), below, start, mean.values[start:end], MAXIMUM_TOLERANCE_C
    )


def _estimated_wet_bulb_c(series: Mapping[Quantity, _Series]) -> FloatArray | None:
    """That of temperature and humidity, of each hour; None without both."""
    dry, _, humidity = (series.get(quantity) for quantity in _THREE_SENSORS)
    if dry is None or humidity is None:
        return None
    return estimate_wet_bulb(dry.values, humidity.values, clamp_humidity=True)


def _check_wet_bulb(
    series: Mapping[Quantity, _Series],
    estimated_c: FloatArray | None,
    start: int,
    end: int,
) -> None:
    """Temperature, wet bulb and humidity against each other."""
    if not all(quantity in series for quantity in _THREE_SENSORS[:2]):
        return
    dry, wet = (series[quantity] for quantity in _THREE_SENSORS[:2])
    excess = wet.values[start:end] - dry.values[start:end] > WET_BULB_EXCESS_C
    _contradict((dry, wet), excess, start, dry.values[start:end], WET_BULB_EXCESS_C)
    if estimated_c is None:
        return
    past = wet.history(start) - wet.history(start, estimated_c)
    for other in (dry, series[Quantity.RELATIVE_HUMIDITY_PCT]):
        past[np.isnan(other.history(start))] = np.nan
    past = past[np.isfinite(past)]
    is_known = len(past) >= MIN_HISTORY_DAYS * DAY_H
    expected = estimated_c[start:end] + (float(np.median(past)) if is_known else 0.0)
    departs_c = np.abs(wet.values[start:end] - expected)
    allowed_c = CONSISTENCY_FLOOR_C if is_known else CONSISTENCY_WITHOUT_HISTORY_C
    if is_known and (departs_c > CONSISTENCY_FLOOR_C).any():
        usual_c = float(
            np.quantile(np.abs(past - float(np.median(past))), UNUSUAL_QUANTILE)
        )
        allowed_c = max(CONSISTENCY_FLOOR_C, CONSISTENCY_MULTIPLE * usual_c)
    contradicts = departs_c > allowed_c
    _contradict((dry, wet), contradicts, start, expected, allowed_c)


def _contradict(
    sensors: Sequence[_Series],
    at: BoolArray,
    start: int,
    expected: FloatArray,
    allowed: float,
) -> None:
    """Mark every sensor: of those that contradict each other none is believed."""
    for one in sensors:
        one.mark(
            at,
            QualityRule.CONSISTENCY,
            start=start,
            expected=expected,
            allowed=allowed,
        )
