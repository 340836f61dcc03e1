"""Local times of a zone with daylight saving to instants, or why the zone is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from core.telemetry import HOUR
from orchestrator.telemetry.readers.rows import (
    BadFile,
    Findings,
    HourBlock,
    Reason,
    RowRefused,
    Sample,
    SampleRow,
    refused_row,
)
from orchestrator.telemetry.readers.stamps import offset_text

_MOST_HELD = 20_000
"""Samples within the repeated hour of one region; one a second are 7,200."""


@dataclass(slots=True)
class _Series:
    """One region's clock: its last plain stamp, and the samples of a repeated hour."""

    last: datetime | None = None
    held: list[Sample] = field(default_factory=list)


class LocalClock:
    """Puts local times on the time line of UTC, checking the zone against them.

    An hour that the zone skips in spring, or one that it repeats in autumn but the
    file holds once between its neighbours, shows that the file keeps another clock.
    """

    def __init__(self, zone: ZoneInfo, findings: Findings) -> None:
        self._zone = zone
        self._findings = findings
        self._series: dict[str, _Series] = {}

    def read(
        self, rows: Iterator[SampleRow | HourBlock]
    ) -> Iterator[SampleRow | HourBlock]:
        """The rows with instants in UTC; those of blocks are.

        Raises
        ------
        BadFile
            When the file's stamps contradict the zone.
        """
        for row in rows:
            if type(row) is not Sample or row.stamp.tzinfo is not None:
                yield row
                continue
            local = row.stamp.replace(tzinfo=self._zone)
            before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
            series = self._series.get(row.region_slug)
            if series is None:
                series = self._series[row.region_slug] = _Series()
            if before == after:
                if series.held:
                    yield from self._settle(series, row.stamp)
                series.last = row.stamp
                yield row._replace(stamp=local.astimezone(UTC))
            elif before is not None and after is not None and before < after:
                raise self._contradiction(
                    local, f"holds {row.stamp}, which the clock of {self._zone} skips"
                )
            else:
                series.held.append(row)
                if len(series.held) > _MOST_HELD:
                    message = f"{row.stamp} stands in too many rows of the file."
                    raise BadFile(message)
        for series in self._series.values():
            yield from self._settle(series, None)

    def _settle(
        self, series: _Series, following: datetime | None
    ) -> Iterator[SampleRow]:
        """Decide about the samples of a repeated hour, now that it is complete."""
        held, series.held = series.held, []
        if not held:
            return
        folds = _folds(held, descending=_runs_back(series.last, held, following))
        if folds is None:
            first, last = held[0].stamp, held[-1].stamp
            if _adjacent(series.last, first) and _adjacent(last, following):
                raise self._contradiction(
                    first.replace(tzinfo=self._zone),
                    f"holds {first} once, which the clock of {self._zone} repeats",
                )
            folds = [None] * len(held)
        elif None not in folds:
            self._findings.note(
                f"The hour that {self._zone} repeats on {held[0].stamp:%Y-%m-%d} was"
                " read in the order of the file: summer time first."
            )
        for sample, fold in zip(held, folds, strict=True):
            if fold is None:
                message = (
                    f"{sample.stamp} happens twice in {self._zone}; write it with its"
                    " offset."
                )
                refusal = RowRefused(Reason.AMBIGUOUS_HOUR, message)
                yield refused_row(sample.line_number, refusal, sample.raw_text)
            else:
                local = sample.stamp.replace(tzinfo=self._zone, fold=fold)
                yield sample._replace(stamp=local.astimezone(UTC))

    def _contradiction(self, local: datetime, what: str) -> BadFile:
        offset, saving = local.utcoffset(), local.dst()
        # On the day of a change, whichever side of it `local` is on.
        standard = (offset or timedelta()) - (saving or timedelta())
        shown = offset_text(standard)
        message = (
            f"The file {what}: its stamps are not in {self._zone}. It looks like one"
            f" offset all year, {shown}; say --timezone {shown}, or the offset that its"
            " source names."
        )
        return BadFile(message)


def _folds(held: list[Sample], *, descending: bool) -> list[int | None] | None:
    """0 or 1 for each sample, the first or the second pass of the hour.

    None for a sample of which that is not known; None as a whole when the hour came
    once.
    """
    counts = Counter(sample.stamp for sample in held)
    if max(counts.values()) == 1:
        return None
    first, second = (1, 0) if descending else (0, 1)
    jumps = [
        index
        for index in range(1, len(held))
        if (held[index].stamp < held[index - 1].stamp) is not descending
        and held[index].stamp != held[index - 1].stamp
    ]
    if len(jumps) == 1 and max(counts.values()) == 2:
        return [first if i < jumps[0] else second for i in range(len(held))]
    seen: Counter[datetime] = Counter()
    folds: list[int | None] = []
    carried: dict[datetime, set[tuple[bool, ...]]] = {}
    for sample in held:
        known = tuple(value is None for value in sample.values)
        carried.setdefault(sample.stamp, set()).add(known)
        seen[sample.stamp] += 1
        pass_number = first if seen[sample.stamp] == 1 else second
        folds.append(pass_number if counts[sample.stamp] == 2 else None)
    # Two rows with different quantities complete one hour; they are no pair.
    return [
        fold if len(carried[sample.stamp]) == 1 else None
        for sample, fold in zip(held, folds, strict=True)
    ]


def _runs_back(
    last: datetime | None, held: list[Sample], following: datetime | None
) -> bool:
    """Whether the file goes from late to early."""
    if last is not None:
        return held[0].stamp < last
    return following is not None and following < held[0].stamp


def _adjacent(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and abs(other - one) <= HOUR
