"""How a file would be read, said before anything of it is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.access import Permission
from core.telemetry import Quantity, ValidRange
from db.regions import list_regions
from orchestrator.telemetry.imports import (
    FileToImport,
    as_measured,
    read_rules,
    require_measured,
)
from orchestrator.telemetry.place_bindings import PlaceBinding, require_own_place
from orchestrator.telemetry.readers.formats import (
    format_named,
    open_telemetry_file,
)
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    HourRow,
    ParsedRow,
    RefusedRow,
    TelemetryFile,
)
from orchestrator.telemetry.readers.sources import open_source
from orchestrator.telemetry.readers.steps import step_words
from orchestrator.use_cases import Request, query

SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedColumn:
    """A column of the file, what it means, and the unit in which it is read."""

    name: str
    quantity: Quantity
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedRow:
    """An hour as it would be stored."""

    line_number: int
    region_slug: str
    hour_utc: datetime
    values: Mapping[Quantity, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a file is, how it would be read, and what is odd about it.

    Attributes
    ----------
    granularity : tuple of str
        Steps of the file, in words.
    odd : tuple of str
        What would be refused, by its reason, and notes of the reader.
    """

    label: str
    format: str
    format_words: str
    granularity: tuple[str, ...]
    time_zone: str
    carbon_kind: str | None
    place: str | None
    region_slugs: tuple[str, ...]
    columns: tuple[InspectedColumn, ...]
    ignored_columns: tuple[str, ...]
    hours_accepted: int
    hours_refused: int
    rows_passed_over: int
    first_hour_utc: datetime | None
    last_hour_utc: datetime | None
    first_rows: tuple[InspectedRow, ...]
    odd: tuple[str, ...]


@query(Permission.MANAGE_TELEMETRY)
def inspect_telemetry(
    request: Request, file: FileToImport, *, ranges: Mapping[Quantity, ValidRange]
) -> Inspection:
    """Read the whole file as an import would, and store nothing.

    Raises
    ------
    InvalidInput
        When the file as a whole would be refused.
    """
    regions = list_regions(request.session, active_only=False)
    rules = read_rules(file, regions, request.now, ranges)
    tally = _Tally()
    with open_source(file.source, largest_bytes=file.largest_bytes) as content:
        opened = open_telemetry_file(file.telemetry_format, content, rules)
        require_measured(opened, file)
        binding = require_own_place(
            request.session,
            opened,
            regions,
            region_slug=file.region_slug,
            binds_anew=file.binds_place,
        )
        for row in map(as_measured, opened.rows):
            tally.take(row)
    return _inspection(file.label, opened, tally, binding)


class _Tally:
    """Counts of the rows, and the first of them."""

    def __init__(self) -> None:
        self.accepted = self.refused = self.passed_over = 0
        self.first_rows: list[InspectedRow] = []
        self.region_slugs: set[str] = set()
        self.first: datetime | None = None
        self.last: datetime | None = None
        self.reasons: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def take(self, row: HourRow) -> None:
        if row is None:
            self.passed_over += 1
        elif isinstance(row, ParsedRow):
            self._accept(row)
        else:
            self._refuse(row)

    def _accept(self, row: ParsedRow) -> None:
        self.accepted += 1
        self.region_slugs.add(row.region_slug)
        self.first = min(self.first or row.hour_utc, row.hour_utc)
        self.last = max(self.last or row.hour_utc, row.hour_utc)
        if len(self.first_rows) < SHOWN_ROWS:
            pairs = zip(QUANTITIES, row.values, strict=True)
            self.first_rows.append(
                InspectedRow(
                    line_number=row.line_number,
                    region_slug=row.region_slug,
                    hour_utc=row.hour_utc,
                    values={q: value for q, value in pairs if value is not None},
                )
            )

    def _refuse(self, row: RefusedRow) -> None:
        self.refused += 1
        self.reasons[row.code.value] += 1
        self.examples.setdefault(
            row.code.value, f"line {row.line_number}: {row.reason}"
        )


def _inspection(
    label: str, opened: TelemetryFile, tally: _Tally, binding: PlaceBinding | None
) -> Inspection:
    odd = [binding.sentence] if binding else []
    odd += [
        f"{count:,} x {code}, first in {tally.examples[code]}"
        for code, count in tally.reasons.most_common()
    ]
    return Inspection(
        label=label,
        format=opened.format,
        format_words=format_named(opened.format).shape.words,
        granularity=tuple(step_words(step) for step in sorted(opened.findings.steps_s)),
        time_zone=opened.time_zone,
        carbon_kind=str(opened.carbon_kind) if opened.carbon_kind else None,
        place=opened.place,
        region_slugs=tuple(sorted(tally.region_slugs)),
        columns=tuple(
            InspectedColumn(name=name, quantity=quantity, unit=unit)
            for name, quantity, unit in opened.columns
        ),
        ignored_columns=opened.ignored_columns,
        hours_accepted=tally.accepted,
        hours_refused=tally.refused,
        rows_passed_over=tally.passed_over,
        first_hour_utc=tally.first,
        last_hour_utc=tally.last,
        first_rows=tuple(tally.first_rows),
        odd=(*opened.findings.notes, *odd),
    )


def preview_tables(inspection: Inspection) -> dict[str, object]:
    """The inspection as the import form shows it: three small tables, and notes."""
    hours = "none"
    if inspection.first_hour_utc and inspection.last_hour_utc:
        hours = (
            f"{inspection.first_hour_utc:%Y-%m-%d %H:%M} to"
            f" {inspection.last_hour_utc:%Y-%m-%d %H:%M} UTC"
        )
    facts = [
        ["Format", inspection.format_words],
        ["Granularity", " and ".join(inspection.granularity) or "not known"],
        ["Times", inspection.time_zone],
        ["Place in the file", inspection.place or "not named"],
        ["Regions", ", ".join(inspection.region_slugs) or "none"],
        ["Hours", f"{inspection.hours_accepted:,}, {hours}"],
        ["Refused", f"{inspection.hours_refused:,}"],
        ["Not used", ", ".join(inspection.ignored_columns) or "nothing"],
    ]
    if inspection.carbon_kind:
        facts.append(["Carbon intensity", inspection.carbon_kind])
    quantities = sorted({q for row in inspection.first_rows for q in row.values})
    heads = [
        "Line",
        "Hour, UTC",
        "Region",
        *(quantity.value for quantity in quantities),
    ]
    rows = [
        [
            str(row.line_number),
            f"{row.hour_utc:%Y-%m-%d %H:%M}",
            row.region_slug,
            *(f"{row.values[q]:g}" if q in row.values else "" for q in quantities),
        ]
        for row in inspection.first_rows
    ]
    columns = [[c.name, c.quantity.value, c.unit] for c in inspection.columns]
    tables = {
        "How the file would be read": [["Fact", "Value"], *facts],
        "Columns": [["Column", "Read as", "In"], *columns],
        "First hours as understood": [heads, *rows],
    }
    return {
        "tables": [{"caption": name, "rows": rows} for name, rows in tables.items()],
        "notes": list(inspection.odd),
    }
