"""Samples of any granularity to full UTC hours: found, averaged, or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from core.telemetry import DEFINITIONS, HOUR, HourlyValue, Quantity, ValidRange
from orchestrator.telemetry.readers.options import ReadRules, StampAt
from orchestrator.telemetry.readers.rows import (
    EPOCH,
    QUANTITIES,
    BadFile,
    Findings,
    HourBlock,
    HourRow,
    ParsedRow,
    Reason,
    RefusedRow,
    RowRefused,
    Sample,
    SampleRow,
    Values,
    refused_row,
)
from orchestrator.telemetry.readers.steps import (
    HOUR_S,
    coarser,
    even_step_s,
    find_step_s,
    is_sorted,
    second_of_hour,
)

EARLIEST_UTC = datetime(2000, 1, 1, tzinfo=UTC)
"""Every month with data gets a partition; a mistyped century must not make hundreds."""
_EARLIEST_H = (EARLIEST_UTC - EPOCH) // HOUR

LEAST_SHARE = 0.75
"""Share of an hour that samples must cover for its mean."""

LEAST_SHARE_OF_SUM = 0.99
"""The same for a sum, which lacks whatever is missing."""

_STAMPS_TO_LOOK_AT = 49
_UNSORTED_STAMPS_TO_LOOK_AT = 5_000
_HOURS_TO_BELIEVE = 24
"""So many hours of another granularity in a row make it the granularity from there."""
_MOST_HELD_SAMPLES = 40_000
_HOURLY = [DEFINITIONS[quantity].hourly for quantity in QUANTITIES]
_DRY_BULB = QUANTITIES.index(Quantity.TEMPERATURE_C)
_WARMEST = QUANTITIES.index(Quantity.TEMPERATURE_MAX_C)

_Piece = tuple[Sample, float]
"""A sample, and how many seconds of the hour it covers."""


@dataclass(slots=True)
class _Series:
    """The samples of one region.

    Attributes
    ----------
    head : list of Sample
        The first ones, until they show the granularity.
    step_s : int
        Granularity, seconds; 0 while it is not known.
    is_on_hour : bool
        Most stamps are full UTC hours.
    runs_back : bool
        The file goes from late to early.
    is_plain : bool
        So far it is hourly at full hours: rows pass through, `last` one behind.
    open : dict of int to list of Sample
        Samples by the number of their hour since 1970, of a series that is not plain.
    edges : dict of int to list of Sample
        Samples of closed hours beside open ones, which may reach into them.
    """

    slug: str
    head: list[Sample] = field(default_factory=list)
    step_s: int = 0
    is_on_hour: bool = False
    is_plain: bool = False
    runs_back: bool = False
    last: Sample | None = None
    gap: timedelta = HOUR
    gap_count: int = 0
    open: dict[int, list[Sample]] = field(default_factory=dict)
    open_count: int = 0
    closed: set[int] = field(default_factory=set)
    edges: dict[int, list[Sample]] = field(default_factory=dict)


class HourMaker:
    """Makes full UTC hours of samples, as a stream.

    The stamps of each region show its granularity before any of its rows is taken.
    Hourly rows at full hours pass through. Finer ones are averaged (water: summed), and
    their warmest temperature is kept; rows beside the full hour are weighed by the part
    of the hour that they cover. Coarser files are refused.
    """

    def __init__(self, rules: ReadRules, findings: Findings, stamp_at: StampAt) -> None:
        hours = int((rules.now_utc - EPOCH).total_seconds()) // HOUR_S
        self._last_h = hours - 1
        self._last_hour = EPOCH + self._last_h * HOUR
        self._now_utc = rules.now_utc
        self._ranges = rules.ranges
        self._findings = findings
        self._is_end = stamp_at is StampAt.END
        self._series: dict[str, _Series] = {}

    def read(
        self, rows: Iterator[SampleRow | HourBlock]
    ) -> Iterator[HourRow | HourBlock]:
        """Hours that can be taken, and what is refused.

        Raises
        ------
        BadFile
            When the granularity is coarser than an hour, or is none.
        """
        yield from self._read_rows(rows)
        for series in self._series.values():
            if series.head:
                yield from self._begin(series)
            if series.last is not None:
                yield self._plain_hour(series.last)
            numbers = sorted(series.open, reverse=series.runs_back)
            yield from self._close(series, numbers)

    def _read_rows(
        self, rows: Iterator[SampleRow | HourBlock]
    ) -> Iterator[HourRow | HourBlock]:
        series = _Series("")
        for row in rows:
            if type(row) is HourBlock:
                yield from self._read_block(row)
                continue
            if type(row) is not Sample:
                yield row  # type: ignore[misc]  # refused, or read past
                continue
            if series.slug != row.region_slug:
                series = self._of(row.region_slug)
            previous = series.last
            if previous is not None and row.stamp - previous.stamp == HOUR:
                yield self._plain_hour(previous)
                series.last = row
            else:
                yield from self._take(series, row)

    def _read_block(self, block: HourBlock) -> Iterator[HourRow | HourBlock]:
        """Rows that follow their region's last by an hour at once, others singly."""
        n_singly = _STAMPS_TO_LOOK_AT
        while len(block):
            n_plain = self._count_plain(block)
            if n_plain:
                n_singly = _STAMPS_TO_LOOK_AT
                yield from self._pass_through(block.at(slice(n_plain)))
            singly = block.at(slice(n_plain, n_plain + n_singly))
            yield from self._read_rows(singly.samples())
            block = block.at(slice(n_plain + n_singly, None))
            n_singly *= 2  # counting costs more than reading when it is in vain

    def _count_plain(self, block: HourBlock) -> int:
        """How many rows from the first on continue hourly series at full hours."""
        order = np.argsort(block.codes, kind="stable")
        hours, codes = block.hours[order], block.codes[order]
        before = np.concatenate(([0], hours[:-1]))
        is_first = np.concatenate(([True], codes[1:] != codes[:-1]))
        before[is_first] = [self._last_hour_of(slug) for slug in block.slugs_in_order]
        hour = hours - self._is_end
        is_plain = np.empty(len(block), dtype=np.bool_)
        is_plain[order] = (
            (hours - before == 1) & (hour >= _EARLIEST_H) & (hour <= self._last_h)
        )
        return len(block) if is_plain.all() else int(np.argmin(is_plain))

    def _last_hour_of(self, slug: str) -> int:
        """Hour since 1970 of the last row of a plain series; -1 of another."""
        series = self._series.get(slug)
        if series is None or not series.is_plain or series.last is None:
            return -1
        return (series.last.stamp - EPOCH) // HOUR

    def _pass_through(self, block: HourBlock) -> Iterator[HourRow | HourBlock]:
        """The rows that came last before the block, and all but its own last ones."""
        is_last = np.zeros(len(block), dtype=np.bool_)
        reversed_codes = block.codes[::-1]
        _, firsts = np.unique(reversed_codes, return_index=True)
        is_last[len(block) - 1 - firsts] = True
        for sample in block.at(np.flatnonzero(is_last)).samples():
            series = self._of(sample.region_slug)
            if series.last is not None:
                yield self._plain_hour(series.last)
            series.last = sample
        passing = block.at(np.flatnonzero(~is_last))
        yield replace(passing, hours=passing.hours - self._is_end)

    def _of(self, slug: str) -> _Series:
        series = self._series.get(slug)
        if series is None:
            series = self._series[slug] = _Series(slug)
        return series

    def _take(self, series: _Series, row: Sample) -> Iterator[HourRow]:
        if not series.step_s:
            series.head.append(row)
            count = len(series.head)
            is_enough = count == _STAMPS_TO_LOOK_AT and is_sorted(series.head)
            if is_enough or count >= _UNSORTED_STAMPS_TO_LOOK_AT or row.span_s:
                yield from self._begin(series)
        elif series.is_plain:
            yield from self._take_plain(series, row)
        else:
            yield from self._collect(series, row)

    def _begin(self, series: _Series) -> Iterator[HourRow]:
        """Find the granularity from the first samples, and take them."""
        head, series.head = series.head, []
        series.step_s = head[0].span_s or find_step_s([s.stamp for s in head])
        if series.step_s > HOUR_S:
            raise coarser(series.step_s)
        self._findings.steps_s.add(series.step_s)
        series.runs_back = head[0].stamp > head[-1].stamp
        n_on_hour = sum(second_of_hour(sample.stamp) == 0 for sample in head)
        series.is_on_hour = 2 * n_on_hour >= len(head)
        if series.step_s == HOUR_S:
            series.is_plain = n_on_hour == len(head)
            if not series.is_on_hour and len(head) > 1:
                beside = second_of_hour(head[0].stamp) / 60
                self._findings.note(
                    f"Stamps lie {beside:.3g} minutes beside the full UTC hour; each"
                    " hour is weighed from the two rows that it touches."
                )
        for row in head:
            yield from self._take(series, row)

    def _take_plain(self, series: _Series, row: Sample) -> Iterator[HourRow]:
        """Take a row that does not come exactly an hour after the one before."""
        previous = series.last
        if second_of_hour(row.stamp) or row.span_s not in {0, HOUR_S}:
            # The file becomes finer here, or a row stands beside the hour.
            series.is_plain, series.last = False, None
            if previous is not None:
                yield from self._collect(series, previous)
            yield from self._collect(series, row)
            return
        series.last = row
        if previous is None:
            return
        gap = row.stamp - previous.stamp
        is_again = gap == series.gap and abs(gap) > HOUR
        series.gap, series.gap_count = gap, series.gap_count + 1 if is_again else 1
        if series.gap_count >= _HOURS_TO_BELIEVE and abs(gap) > HOUR:
            raise coarser(int(abs(gap).total_seconds()))
        yield self._plain_hour(previous)

    def _plain_hour(self, sample: Sample) -> HourRow:
        line_number, slug, hour_utc, values, raw_text, estimated, forecast, _ = sample
        if self._is_end:
            hour_utc -= HOUR
        if EARLIEST_UTC <= hour_utc <= self._last_hour:
            return ParsedRow(
                line_number, slug, hour_utc, values, raw_text, estimated, forecast
            )
        return _refuse([sample], self._outside(hour_utc))

    def _outside(self, hour_utc: datetime) -> RowRefused:
        shown = f"{hour_utc:%Y-%m-%d %H:%M} UTC"
        if hour_utc > self._now_utc:
            return RowRefused(Reason.FUTURE_HOUR, f"{shown} lies in the future.")
        if hour_utc > self._last_hour:
            message = f"The hour {shown} has not ended yet."
            return RowRefused(Reason.RUNNING_HOUR, message)
        message = f"{shown} is before {EARLIEST_UTC:%Y-%m-%d}."
        return RowRefused(Reason.TOO_EARLY, message)

    def _collect(self, series: _Series, row: Sample) -> Iterator[HourRow]:
        """Put a sample to its hour; close old hours when many are open."""
        if row.span_s > HOUR_S:
            raise coarser(row.span_s)
        seconds = (row.stamp - EPOCH).total_seconds()
        number = int(-(-seconds // HOUR_S) - 1 if self._is_end else seconds // HOUR_S)
        if number in series.closed:
            message = (
                f"Line {row.line_number} goes back to {row.stamp:%Y-%m-%d %H:%M} UTC,"
                " long after that hour was complete; sort the file by time."
            )
            raise BadFile(message)
        series.open.setdefault(number, []).append(row)
        series.open_count += 1
        if series.open_count > _MOST_HELD_SAMPLES:
            numbers = sorted(series.open, reverse=series.runs_back)
            yield from self._close(series, numbers[: max(len(numbers) // 2, 1)])

    def _close(self, series: _Series, numbers: list[int]) -> Iterator[HourRow]:
        """Make hours of the open ones named, in that order; they get no more rows."""
        if not numbers:
            return
        samples = {number: series.open[number] for number in numbers}
        around = series.edges | series.open
        steps_s = self._believed_steps_s(series, samples)
        for number, own in samples.items():
            yield from self._hour(series, number, own, around, steps_s[number])
            del series.open[number]
            series.open_count -= len(own)
        series.closed.update(numbers)
        edges = {numbers[0], numbers[-1]}
        series.edges = {number: samples[number] for number in edges}

    def _believed_steps_s(
        self, series: _Series, samples: Mapping[int, list[Sample]]
    ) -> dict[int, int]:
        """Granularity of each hour: that of the series, or of a long run of hours."""
        steps_s: dict[int, int] = {}
        run: list[int] = []
        run_s = 0
        for number, own in samples.items():
            even_s = own[0].span_s or even_step_s(own, is_end=self._is_end)
            if even_s != run_s or (run and abs(number - run[-1]) != 1):
                run, run_s = [], even_s
            run.append(number)
            steps_s[number] = own[0].span_s or series.step_s
            if run_s and len(run) >= _HOURS_TO_BELIEVE and run_s != series.step_s:
                series.step_s = run_s
                self._findings.steps_s.add(run_s)
                steps_s.update(dict.fromkeys(run, run_s))
        return steps_s

    def _hour(
        self,
        series: _Series,
        number: int,
        own: list[Sample],
        around: Mapping[int, list[Sample]],
        step_s: int,
    ) -> Iterator[HourRow]:
        hour_utc = EPOCH + number * HOUR
        if not EARLIEST_UTC <= hour_utc <= self._last_hour:
            yield _refuse(own, self._outside(hour_utc))
            return
        if step_s == HOUR_S and series.is_on_hour:
            yield from self._full_hour(own, hour_utc)
            return
        try:
            pieces = self._pieces(number, own, around, step_s)
            values = _hour_values(pieces, hour_utc, step_s)
            self._check_sums(values)
        except RowRefused as refusal:
            yield _refuse(own, refusal)
            return
        if step_s < HOUR_S and values[_WARMEST] is not None:
            self._findings.derived.add(Quantity.TEMPERATURE_MAX_C)
        yield _as_hour([sample for sample, _ in pieces], own, hour_utc, values)

    def _full_hour(self, own: list[Sample], hour_utc: datetime) -> Iterator[HourRow]:
        """Of an hourly series: what stands at the full hour; the rest is refused."""
        for sample in own:
            if not second_of_hour(sample.stamp):
                yield _as_hour([sample], [sample], hour_utc, sample.values)
                continue
            message = (
                f"{sample.stamp:%Y-%m-%d %H:%M:%S} UTC is not a full UTC hour, in a"
                " series of full hours."
            )
            yield _refuse([sample], RowRefused(Reason.NOT_FULL_HOUR, message))

    def _pieces(
        self,
        number: int,
        own: list[Sample],
        around: Mapping[int, list[Sample]],
        step_s: int,
    ) -> list[_Piece]:
        """Samples that cover a part of the hour, each with the seconds of it."""
        own = _merge_repeats(own)
        on_grid = HOUR_S % step_s == 0 and all(
            second_of_hour(sample.stamp) % step_s == 0 for sample in own
        )
        if on_grid:
            return [(sample, step_s) for sample in own]
        beside = around.get(number + (1 if self._is_end else -1), [])
        pieces: list[_Piece] = []
        for sample in [*own, *_merge_repeats(beside)]:
            begin_s = (sample.stamp - EPOCH).total_seconds() - number * HOUR_S
            begin_s -= step_s if self._is_end else 0
            covered_s = min(begin_s + step_s, HOUR_S) - max(begin_s, 0.0)
            if covered_s > 0.0:
                pieces.append((sample, covered_s))
        return pieces

    def _check_sums(self, values: Values) -> None:
        for quantity, value in zip(QUANTITIES, values, strict=True):
            is_sum = DEFINITIONS[quantity].hourly is HourlyValue.SUM
            if is_sum and value is not None:
                _require_range(quantity, value, self._ranges[quantity])


def _merge_repeats(samples: Sequence[Sample]) -> list[Sample]:
    """Samples of one stamp as one, when they agree or complete each other.

    Raises
    ------
    RowRefused
        When two give different values.
    """
    stamps = {sample.stamp for sample in samples}
    if len(stamps) == len(samples):
        return list(samples)
    merged: dict[datetime, Sample] = {}
    for sample in samples:
        known = merged.setdefault(sample.stamp, sample)
        pairs = list(zip(known.values, sample.values, strict=True))
        if any(None not in pair and pair[0] != pair[1] for pair in pairs):
            message = (
                f"Lines {known.line_number} and {sample.line_number} give different"
                f" values for {sample.stamp:%Y-%m-%d %H:%M:%S} UTC; the hour was not"
                " taken."
            )
            raise RowRefused(Reason.CONFLICTING_DUPLICATE, message)
        values = tuple(one if one is not None else other for one, other in pairs)
        merged[sample.stamp] = known._replace(values=values)
    return list(merged.values())


def _hour_values(pieces: Sequence[_Piece], hour_utc: datetime, step_s: int) -> Values:
    """The hour's value of each quantity that enough samples cover.

    Raises
    ------
    RowRefused
        When that is none.
    """
    values: list[float | None] = [None] * len(QUANTITIES)
    for slot, hourly in enumerate(_HOURLY):
        known = [
            (sample.values[slot], seconds)
            for sample, seconds in pieces
            if sample.values[slot] is not None
        ]
        covered_s = sum(seconds for _, seconds in known)
        is_sum = hourly is HourlyValue.SUM
        least = LEAST_SHARE_OF_SUM if is_sum else LEAST_SHARE
        if not known or covered_s < least * HOUR_S:
            continue
        if hourly is HourlyValue.MAXIMUM:
            values[slot] = max(value for value, _ in known if value is not None)
        else:
            weighed = sum((value or 0.0) * seconds for value, seconds in known)
            values[slot] = round(weighed / (step_s if is_sum else covered_s), 6)
        if slot == _DRY_BULB and step_s < HOUR_S:
            values[_WARMEST] = max(value for value, _ in known if value is not None)
    if values.count(None) == len(values):
        raise _too_few(pieces, hour_utc, step_s)
    return tuple(values)


def _too_few(pieces: Sequence[_Piece], hour_utc: datetime, step_s: int) -> RowRefused:
    shown = f"{hour_utc:%Y-%m-%d %H:%M} UTC"
    if step_s == HOUR_S:
        message = (
            f"Stamps are not full UTC hours, and for the hour {shown} one of the two"
            " rows that cover it is missing."
        )
        return RowRefused(Reason.NOT_FULL_HOUR, message)
    message = (
        f"The hour {shown} has {len(pieces)} of {HOUR_S // step_s} samples; a mean"
        f" needs {LEAST_SHARE:.0%} of them, a sum all."
    )
    return RowRefused(Reason.TOO_FEW_SAMPLES, message)


def _require_range(quantity: Quantity, value: float, valid: ValidRange) -> None:
    if not valid.contains(value):
        message = (
            f"{quantity} of the hour is {value:g}, outside {valid.low:g} to"
            f" {valid.high:g}."
        )
        raise RowRefused(Reason.OUT_OF_RANGE, message)


def _as_hour(
    samples: Sequence[Sample],
    own: Sequence[Sample],
    hour_utc: datetime,
    values: Values,
) -> ParsedRow:
    first = own[0]
    raw_text = first.raw_text
    if len(own) > 1:
        raw_text = f"{raw_text[:450]} (first of {len(own)} rows)"
    return ParsedRow(
        first.line_number,
        first.region_slug,
        hour_utc,
        values,
        raw_text,
        any(sample.is_estimated for sample in samples),
        any(sample.is_forecast for sample in samples),
        len(own),
    )


def _refuse(samples: Sequence[Sample], refusal: RowRefused) -> RefusedRow:
    first = samples[0]
    return refused_row(first.line_number, refusal, first.raw_text, len(samples))
