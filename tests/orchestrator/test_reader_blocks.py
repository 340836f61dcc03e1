"""Blocks of plain rows say exactly what their rows say one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import chain

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.telemetry import VALID_RANGES
from orchestrator.telemetry.readers import table_rows
from orchestrator.telemetry.readers.formats import TelemetryFormat, open_telemetry_file
from orchestrator.telemetry.readers.options import ReadOptions, ReadRules, StampAt
from orchestrator.telemetry.readers.rows import (
    BadFile,
    HourBlock,
    ParsedRow,
    RegionGate,
    TelemetryFile,
)
from orchestrator.telemetry.readers.sources import open_source

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(hours=140)
HEADER = "timestamp,region,temperature_c,it_load_mw,price_usd_mwh,note"
SLUGS = ("oslo", "lima", "cairo")
N_HOURS = 130

CELLS = (
    *("", " ", "nan", "NA", "-999", "999.9", "inf", "x", "1e1", "+5", "-0", ".5"),
    *("5.", "12 C", "1_0", "1,5", '"7,5"', '"8.25"', "1.234", "1.234.567", "٣", "80"),
    *("\x00", "−5", "0x1", " 7.0 ", "1e400"),
)
STAMPS = (
    *("2024-01-02T05:00:00Z", "2024-01-02T05:30:00Z", "2024-01-02 06:00", "Mon, 1 Jan"),
    *("2024-01-02T24:00:00Z", "2024-02-30T00:00:00Z", "0000-01-01T00:00:00Z"),
    *("1999-12-31T23:00:00Z", "2024-01-07T00:00:00Z", "2024-01-01T07:00:00+02:00", ""),
    *("2024-01-02T05:00:00+00:00", "2024-01-02T05:30:00+00:00"),
    *("2024-01-02", "03/04/2024 05:00", "1704164400", "2024-01-02T05:00:00Z "),
)
REGIONS = ("oslo", "paris", "lima ", "", "OSLO", "sealed")


def plain_lines(*, is_by_region: bool, starts_with_point: bool) -> list[str]:
    """A well-formed file of hourly rows."""
    ended = "" if starts_with_point else "0"
    places = [(slug, hour) for slug in SLUGS for hour in range(N_HOURS)]
    if not is_by_region:
        places.sort(key=lambda place: place[1])
    return [
        f"{START + timedelta(hours=hour):%Y-%m-%dT%H}:00:00Z,{slug},"
        f"{10 + hour % 7}{'.5' if starts_with_point else ended},"
        f"{'' if hour % 5 == 0 else 40 + hour % 3},{hour}.{hour % 10},ok"
        for slug, hour in places
    ]


def read(content: bytes, rules: ReadRules) -> tuple[object, ...]:
    """Everything that reading the file says."""
    opened: TelemetryFile | None = None
    try:
        with open_source(BytesIO(content)) as source:
            opened = open_telemetry_file(TelemetryFormat.CSV, source, rules)
            rows = sorted(
                (row for row in opened.rows if row is not None),
                key=lambda row: row.line_number,
            )
    except BadFile as refusal:
        return (refusal.message,)
    found = opened.findings
    # The text of a float tells zero from negative zero.
    return (
        list(map(repr, rows)),
        found.notes,
        found.missing_cells,
        sorted(found.steps_s),
        sorted(found.derived),
    )


def both_ways(
    content: bytes, rules: ReadRules, block_lines: int
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """What blocks say, and what single rows say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_rows, "BLOCK_LINES", block_lines)
        by_block = read(content, rules)
        patch.setattr(
            "orchestrator.telemetry.readers.blocks.PlainTable.block",
            lambda *_given, **_facts: None,
        )
        return by_block, read(content, rules)


def rules_of(**facts: object) -> ReadRules:
    """Rules of an import of the three regions."""
    given_facts: Mapping[str, object] = {
        "gate": RegionGate(frozenset(SLUGS), {"sealed": "It is sealed."}),
        "region_slug": None,
        "zone": None,
        "now_utc": NOW,
        "ranges": VALID_RANGES,
        **facts,
    }
    return ReadRules(**given_facts)  # type: ignore[arg-type]  # as given above


Change = tuple[int, int, str]
PLACES = st.integers(0, 3 * N_HOURS - 1)
changes = st.lists(
    st.tuples(PLACES, st.integers(0, 5), st.sampled_from(CELLS))
    | st.tuples(PLACES, st.just(0), st.sampled_from(STAMPS))
    | st.tuples(PLACES, st.just(1), st.sampled_from(REGIONS)),
    max_size=4,
)
moves = st.lists(
    st.tuples(
        PLACES,
        st.sampled_from(["drop", "again", "last", "cut", "blank", "more"]),
    ),
    max_size=3,
)


def changed(
    lines: list[str], cells: list[Change], moved: list[tuple[int, str]]
) -> bytes:
    """The file with some cells and lines that are not plain."""
    lines = list(lines)
    for place, column, text in cells:
        parts = lines[place].split(",")
        parts[column] = text
        lines[place] = ",".join(parts)
    for place, move in moved:
        line = lines[place % len(lines)]
        match move:
            case "drop":
                del lines[place % len(lines)]
            case "again":
                lines.insert(place % len(lines), line)
            case "last":
                lines.append(line)
            case "cut":
                lines[place % len(lines)] = line[:-12]
            case "blank":
                lines.insert(place % len(lines), "  ")
            case "more":
                lines[place % len(lines)] = f"{line},"
    return "\n".join([HEADER, *lines]).encode("utf-8", "replace")


@settings(max_examples=25, deadline=None)
@given(
    cells=changes,
    moved=moves,
    is_by_region=st.booleans(),
    starts_with_point=st.booleans(),
    block_lines=st.sampled_from([3, 64, 200, 2_048]),
    stamp_at=st.sampled_from([None, StampAt.END]),
    region_slug=st.sampled_from([None, None, "lima"]),
)
@example([(70, 2, "")], [], True, True, 2_048, None, None)
@example([(389, 2, "-999")], [(2, "last")], False, False, 64, StampAt.END, None)
def test_a_block_says_what_its_rows_say(
    cells: list[Change],
    moved: list[tuple[int, str]],
    is_by_region: bool,
    starts_with_point: bool,
    block_lines: int,
    stamp_at: StampAt | None,
    region_slug: str | None,
) -> None:
    lines = plain_lines(is_by_region=is_by_region, starts_with_point=starts_with_point)
    rules = rules_of(options=ReadOptions(stamp_at=stamp_at), region_slug=region_slug)
    by_block, by_row = both_ways(changed(lines, cells, moved), rules, block_lines)
    assert by_block == by_row


@pytest.mark.parametrize("is_by_region", [True, False])
def test_most_of_a_plain_file_comes_in_blocks(is_by_region: bool) -> None:
    lines = plain_lines(is_by_region=is_by_region, starts_with_point=True)
    with open_source(BytesIO("\n".join([HEADER, *lines]).encode())) as source:
        opened = open_telemetry_file(TelemetryFormat.CSV, source, rules_of())
        hours = list(opened.hours)
    in_blocks = sum(len(item) for item in hours if isinstance(item, HourBlock))
    singly = [item for item in hours if isinstance(item, ParsedRow)]
    assert in_blocks + len(singly) == len(lines)
    # The first hours of a region show its granularity, and the last comes alone.
    assert len(singly) <= len(SLUGS) * 64
    rows = chain.from_iterable(
        item.rows() if isinstance(item, HourBlock) else [item]
        for item in hours
        if isinstance(item, HourBlock | ParsedRow)
    )
    assert sorted(row.line_number for row in rows) == list(range(2, len(lines) + 2))


def test_refused_regions_are_named_from_a_list_that_is_made_once() -> None:
    class Counted(frozenset[str]):
        walks = 0

        def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204
            Counted.walks += 1
            return super().__iter__()

    gate = RegionGate(Counted(SLUGS))
    content = "\n".join(
        [HEADER, *plain_lines(is_by_region=True, starts_with_point=True)]
    )
    by_block, _ = both_ways(
        content.replace("lima", "paris").encode(), rules_of(gate=gate), 2_048
    )
    assert "known regions: cairo, lima, oslo" in str(by_block[0])
    assert Counted.walks == 1
