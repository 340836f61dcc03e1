"""Weather forecasts as issued, from a tidy CSV (plain or gzip)."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean
from typing import BinaryIO

import numpy as np

from core.aliases import FloatArray
from core.days import full_hour, issue_at_local_midnight, next_full_hour
from core.errors import InvalidInput, OutOfRange
from core.telemetry import (
    HOUR,
    VALID_RANGES,
    Quantity,
    TelemetryFrame,
    hours_between,
)
from core.weather_runs import IssuedRun, weather_runs
from orchestrator.telemetry.readers.lines import Line, read_lines
from orchestrator.telemetry.readers.sources import open_source

MAX_LEAD_H = 24 * 16
"""Global models end after 16 days; a longer lead is a mistake in a timestamp."""

_KNOWN_COLUMNS = ("known_at_utc", "retrieved_at_utc")
_VALUE = re.compile(rf"({'|'.join(Quantity)})_forecast(?:_([a-z0-9_.-]{{1,40}}))?\Z")
_DAY_MAX_VALUE = re.compile(
    r"temperature_day_max_c_forecast(?:_([a-z0-9_.-]{1,40}))?\Z"
)
_SHOWN_REFUSALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastFile:
    """A file of weather forecasts read whole.

    Attributes
    ----------
    runs : Mapping of slug to sequence of IssuedRun
        In order of issue.
    row_count, unproved_rows : int
        Rows read, and those of runs that cannot prove when they were known.
    refused : Mapping of str to int
        Rows, or values of rows, that were not taken, by reason.
    first_refusals : sequence of str
        The first few of them in words.
    """

    runs: Mapping[str, Sequence[IssuedRun]]
    sha256: str
    row_count: int
    unproved_rows: int
    refused: Mapping[str, int]
    first_refusals: Sequence[str]

    def with_frames(
        self,
        frames: Mapping[str, tuple[TelemetryFrame, str]],
        unproved_delay_h: float | None,
    ) -> dict[str, tuple[TelemetryFrame, str]]:
        """The telemetry of regions with their runs; see `core.weather_runs`."""
        return {
            slug: (
                replace(
                    frame,
                    runs=weather_runs(
                        self.runs.get(slug, ()), unproved_delay_h=unproved_delay_h
                    ),
                ),
                time_zone,
            )
            for slug, (frame, time_zone) in frames.items()
        }


def read_weather_forecasts(
    source: Path | BinaryIO, zones: Mapping[str, str], *, default_source: str = "file"
) -> ForecastFile:
    """Read forecasts of regions, given the IANA time zone of each by slug.

    Columns, in any order: `region`; two or three of `issued_at_utc`, `valid_at_utc` and
    `lead_h`; `known_at_utc` or `retrieved_at_utc`, blank where it cannot be proved;
    where there are several, `source`, `model` and `member`; and the values,
    `{quantity}_forecast` or `{quantity}_forecast_{model}`. Of an hour with several
    values (half-hourly forecasts, stamped with the begin of what they are for) the mean
    counts, if it has all the minutes that its run has.

    Forecasts of the highest temperature of a local day have `issued_at_utc`,
    `valid_day` (YYYY-MM-DD) and `temperature_day_max_c_forecast`.

    Raises
    ------
    InvalidInput
        When the file cannot be read, a column is missing, or nothing could be taken.
    """
    collected = _Collected(zones)
    with open_source(source) as content:
        lines = read_lines(io.BufferedReader(content))
        header = next(lines, None)
        layout = _Layout.of(header.text if header else "", default_source)
        for number, cells in _cells(lines, collected):
            collected.take(layout, cells, number)
        sha256 = content.finish_sha256()
    if not collected.rows:
        message = "No row of the weather forecasts could be taken." + "".join(
            f" {text}" for text in collected.first_refusals
        )
        raise InvalidInput(message)
    return ForecastFile(
        runs=collected.runs(),
        sha256=sha256,
        row_count=collected.row_count,
        unproved_rows=collected.unproved_rows,
        refused=dict(sorted(collected.refused.items())),
        first_refusals=collected.first_refusals,
    )


def _cells(
    lines: Iterator[Line], collected: _Collected
) -> Iterator[tuple[int, list[str]]]:
    for line in lines:
        if line.refusal is not None:
            collected.refuse("unreadable", line.number, str(line.refusal))
        elif '"' in line.text:
            yield line.number, next(csv.reader([line.text]))
        else:
            yield line.number, line.text.split(",")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a row has what; `values` by model, empty for the row's own.

    `is_daily` where its values are maxima of local days.
    """

    places: Mapping[str, int]
    values: Mapping[str, Sequence[tuple[int, Quantity]]]
    default_source: str
    is_daily: bool

    @classmethod
    def of(cls, header: str, default_source: str) -> _Layout:
        names = [name.strip().lower() for name in next(csv.reader([header]), [])]
        places = {name: place for place, name in enumerate(names)}
        if len(places) != len(names):
            message = "The weather forecasts name a column twice."
            raise InvalidInput(message)
        is_daily = "valid_day" in places
        values: dict[str, list[tuple[int, Quantity]]] = {}
        for name, place in places.items():
            if is_daily and (found := _DAY_MAX_VALUE.match(name)):
                daily = (place, Quantity.TEMPERATURE_C)
                values.setdefault(found.group(1) or "", []).append(daily)
            elif not is_daily and (found := _VALUE.match(name)):
                model = found.group(2) or ""
                values.setdefault(model, []).append((place, Quantity(found.group(1))))
        kinds = ("issued_at_utc", "valid_day" if is_daily else "valid_at_utc", "lead_h")
        times = [name for name in kinds if name in places]
        missing = [
            what
            for what, is_there in (
                ("region", "region" in places),
                ("two of issued_at_utc, valid_at_utc and lead_h", len(times) >= 2),
                (
                    "a column such as temperature_day_max_c_forecast"
                    if is_daily
                    else "a column such as temperature_c_forecast",
                    bool(values),
                ),
            )
            if not is_there
        ]
        if missing:
            message = f"The weather forecasts lack {missing[0]}."
            raise InvalidInput(message)
        return cls(
            places=places,
            values=values,
            default_source=default_source,
            is_daily=is_daily,
        )

    def cell(self, cells: Sequence[str], *names: str) -> str:
        """The first of these columns that the file has; empty without any."""
        place = next((self.places[n] for n in names if n in self.places), None)
        return cells[place].strip() if place is not None else ""


@dataclass(frozen=True, slots=True)
class _RunKey:
    slug: str
    source: str
    model: str
    member: str
    issued_at_utc: datetime
    known_at_utc: datetime | None
    is_day_max: bool


_Sample = tuple[Quantity, int]
"""What a value is of, and the minute of its hour."""


class _Collected:
    """The values of each run by lead, and what was refused."""

    def __init__(self, zones: Mapping[str, str]) -> None:
        self._zones = zones
        self._instants: dict[str, datetime] = {}
        self.rows: dict[_RunKey, dict[int, dict[_Sample, float]]] = {}
        self._samples: dict[_Sample, _Sample] = {}
        self.row_count = 0
        self.unproved_rows = 0
        self.refused: Counter[str] = Counter()
        self.first_refusals: list[str] = []

    def take(self, layout: _Layout, cells: Sequence[str], number: int) -> None:
        self.row_count += 1
        if len(cells) != len(layout.places):
            self.refuse("wrong_cell_count", number, "It has another number of cells.")
            return
        slug = layout.cell(cells, "region")
        if slug not in self._zones:
            self.refuse("unknown_region", number, f"Region {slug[:40]!r} is not known.")
            return
        try:
            issued, known, leads, minute = self._times(layout, cells, slug)
        except (ValueError, OverflowError, OutOfRange) as exc:
            self.refuse("bad_time", number, str(exc))
            return
        if not leads:  # of what was under way: no later issue can use the hour whole
            self.refused["hour_under_way"] += 1
            return
        self.unproved_rows += known is None
        for model, columns in layout.values.items():
            values = dict(self._values(cells, columns, number))
            if values:
                key = _RunKey(
                    slug,
                    layout.cell(cells, "source") or layout.default_source,
                    model or layout.cell(cells, "model"),
                    layout.cell(cells, "member"),
                    issued,
                    known,
                    layout.is_daily,
                )
                # A repeated row of one run adds nothing: the first one stays.
                for lead_h in leads:
                    hour = self.rows.setdefault(key, {}).setdefault(lead_h, {})
                    for quantity, value in values.items():
                        sample = (quantity, minute)
                        # Kept once: files have millions of them.
                        hour.setdefault(self._samples.setdefault(sample, sample), value)

    def _times(
        self, layout: _Layout, cells: Sequence[str], slug: str
    ) -> tuple[datetime, datetime | None, range, int]:
        """Issue, known from, leads of the hours that a row is for, minute in them."""
        known_text = layout.cell(cells, *_KNOWN_COLUMNS)
        if layout.is_daily:
            issued = self._instant(layout.cell(cells, "issued_at_utc"))
            leads, minute = self._day_leads(layout, cells, issued, slug), 0
        else:
            issued, leads, minute = self._hour(layout, cells)
        known = max(self._instant(known_text), issued) if known_text else None
        return issued, known, leads, minute

    def _day_leads(
        self, layout: _Layout, cells: Sequence[str], issued: datetime, slug: str
    ) -> range:
        """Leads of the hours of a local day, from the issue on."""
        day = date.fromisoformat(layout.cell(cells, "valid_day"))
        zone = self._zones[slug]
        first = next_full_hour(issued)
        begin, end = (
            hours_between(first, issue_at_local_midnight(zone, day + timedelta(days=n)))
            for n in (0, 1)
        )
        if not 0 < end <= MAX_LEAD_H:
            message = (
                f"The day {day} is not one of the {MAX_LEAD_H // 24} from the issue."
            )
            raise ValueError(message)
        return range(max(begin, 0), end)

    def _hour(
        self, layout: _Layout, cells: Sequence[str]
    ) -> tuple[datetime, range, int]:
        texts = [layout.cell(cells, name) for name in ("issued_at_utc", "valid_at_utc")]
        issued, valid = (self._instant(text) if text else None for text in texts)
        lead_text = layout.cell(cells, "lead_h")
        lead = timedelta(hours=float(lead_text)) if lead_text else None
        if issued is None and valid is not None and lead is not None:
            issued = valid - lead
        if valid is None and issued is not None and lead is not None:
            valid = issued + lead
        if issued is None or valid is None:
            message = "Issue and valid hour are not both known."
            raise ValueError(message)
        if lead is not None and abs(valid - issued - lead) >= HOUR:
            message = "Issue, valid hour and lead contradict each other."
            raise ValueError(message)
        if valid.minute % 5 or valid.second or valid.microsecond:
            message = f"{valid.isoformat()} is not a step of a forecast."
            raise ValueError(message)
        # Leads count from the first full hour: a run is never taken for an older one.
        whole, first = full_hour(issued), next_full_hour(issued)
        lead_h = hours_between(first, full_hour(valid))
        if not whole <= valid <= first + MAX_LEAD_H * HOUR:
            message = f"The lead of {lead_h} h is not within 0 to {MAX_LEAD_H}."
            raise ValueError(message)
        return issued, range(max(lead_h, 0), lead_h + 1), valid.minute

    def _instant(self, text: str) -> datetime:
        found = self._instants.get(text)
        if found is None:
            found = datetime.fromisoformat(text)
            if found.tzinfo is None:
                message = f"{text[:40]} has no time zone."
                raise ValueError(message)
            found = self._instants[text] = found.astimezone(UTC)
        return found

    def _values(
        self, cells: Sequence[str], columns: Sequence[tuple[int, Quantity]], number: int
    ) -> Iterator[tuple[Quantity, float]]:
        for place, quantity in columns:
            text = cells[place].strip()
            if not text:
                continue
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if VALID_RANGES[quantity].contains(value):
                yield quantity, value
            else:
                reason = f"{quantity} of {text[:20]!r} is out of range."
                self.refuse("value_out_of_range", number, reason)

    def runs(self) -> dict[str, list[IssuedRun]]:
        """The runs of each region, in order of issue."""
        found: dict[str, list[IssuedRun]] = {}
        for key, leads in self.rows.items():
            first, last = min(leads), max(leads)
            samples = sorted({sample for values in leads.values() for sample in values})
            minutes: dict[Quantity, list[_Sample]] = {}
            for sample in samples:
                minutes.setdefault(sample[0], []).append(sample)
            columns: dict[Quantity, FloatArray] = {}
            for quantity, wanted in minutes.items():
                column = columns[quantity] = np.full(last - first + 1, np.nan)
                for lead_h, values in leads.items():
                    if all(sample in values for sample in wanted):
                        column[lead_h - first] = fmean(values[s] for s in wanted)
            run = IssuedRun(
                source=key.source,
                model=key.model,
                member=key.member,
                issued_at_utc=key.issued_at_utc,
                known_at_utc=key.known_at_utc,
                first_lead_h=first,
                values=columns,
                is_day_max=key.is_day_max,
            )
            found.setdefault(key.slug, []).append(run)
        for runs in found.values():
            runs.sort(key=lambda run: run.issued_at_utc)
        return found

    def refuse(self, code: str, number: int, reason: str) -> None:
        self.refused[code] += 1
        if len(self.first_refusals) < _SHOWN_REFUSALS:
            self.first_refusals.append(f"Line {number}: {reason}")
