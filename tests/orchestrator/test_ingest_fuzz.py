"""Damaged files of every format: read, refused, or refused as a whole; never a crash.

Runs for some seconds, or for as long as `GFO_FUZZ_SECONDS` says: 600 are ten minutes. A
failure names the seed of its file; `GFO_FUZZ_SEED` begins with that one.
"""

from __future__ import annotations

import io
import os
import random
import re
import time
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidInput
from core.telemetry import HOUR, VALID_RANGES, Quantity, require_full_utc_hour
from orchestrator.regions.changes import OPTIONAL_COLUMNS, REQUIRED_COLUMNS
from orchestrator.regions.regions_file import read_regions_file
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.telemetry.readers.formats import (
    TelemetryFormat,
    open_reading,
    open_telemetry_file,
)
from orchestrator.telemetry.readers.options import (
    DateOrder,
    DecimalMark,
    ReadOptions,
    ReadRules,
    StampAt,
)
from orchestrator.telemetry.readers.rows import (
    QUANTITIES,
    HourBlock,
    HourRow,
    ParsedRow,
    RefusedRow,
)
from orchestrator.telemetry.readers.sources import open_source
from orchestrator.telemetry.readers.stamps import parse_zone
from tests.reading import NOW, RULES
from tests.telemetry_files import FILES

SECONDS = float(os.environ.get("GFO_FUZZ_SECONDS", "8"))
FIRST_SEED = int(os.environ.get("GFO_FUZZ_SEED", "1"))

TOKENS = (
    *("", " ", "NA", "null", "-999", "1e400", "nan", "inf", "-0", "1_0", "12,5"),
    *("1.234", "1.234,5", "1,234.5", "12.5.6", "99999999999", "-1", "true", "[]"),
    *("{}", '"', "'", "2024-02-30T00:00:00Z", "2025-03-30 02:30", "2025-10-26 02:30"),
    *("24:00", "25:00", "2025-03-01", "01/02/2025 03:00", "13/02/2025 03:00", "Z"),
    *("1740787200", "1e18", "9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z", "+15:00"),
    *("CEST", "A", "(CET)", "\x00", "\ufeff", "\u0665", "\u2212", "\ud7ff", ",", ";"),
    *("\t", "\n", "\r\n", "|", "5 kW", "5 mW", "10 \u00b0F", "$5", "=1+1", "\u00e9"),
    *("1" * 400, "[" * 50, "sep=;"),
)
ZONES = (None, None, "UTC", "-05:00", "+05:45", "Europe/Berlin", "America/Toronto")


def damaged(text: str, chance: random.Random) -> bytes:
    """The file with a few cells, lines or bytes changed."""
    for _ in range(chance.randint(0, 4)):
        kind = chance.randrange(7)
        at = chance.randrange(len(text) + 1)
        if kind == 0:
            text = text[:at] + chance.choice(TOKENS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + chance.randint(1, 20) :]
        elif kind == 2:
            lines = text.split("\n")
            line = chance.choice(lines)
            lines.insert(chance.randrange(len(lines) + 1), line)
            text = "\n".join(lines)
        elif kind == 3:
            lines = text.split("\n")
            chance.shuffle(lines)
            text = "\n".join(lines)
        else:
            parts = re.split(r"([,;\n\t:])", text)
            parts[chance.randrange(len(parts))] = chance.choice(TOKENS)
            text = "".join(parts)
    content = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.05:
        at = chance.randrange(len(content) + 1)
        content = content[:at] + chance.randbytes(3) + content[at:]
    return content


def rules_of(chance: random.Random) -> ReadRules:
    """Rules with some of the options."""
    options = ReadOptions(
        stamp_at=chance.choice([None, None, *StampAt]),
        date_order=chance.choice([None, None, None, *DateOrder]),
        decimal_mark=chance.choice([None, None, None, *DecimalMark]),
        rates_usd={"EUR": 1.1, "CAD": 0.7, "AUD": 0.65},
        columns=chance.choice([{}, {}, {}, {"Demand (MW)": "it_load_mw"}]),
        units=chance.choice(
            [{}, {}, {Quantity.TEMPERATURE_C: "F", Quantity.WIND_SPEED_KMH: "mph"}]
        ),
    )
    zone = chance.choice(ZONES)
    return replace(
        RULES,
        region_slug=chance.choice(["GB", "GB", None]),
        zone=parse_zone(zone) if zone else None,
        options=options,
    )


def read(content: bytes, rules: ReadRules) -> tuple[list[HourRow], int] | InvalidInput:
    """All hours, and how many samples the file has; or why it cannot be read."""
    try:
        with open_source(io.BytesIO(content)) as opened:
            reading = open_reading(TelemetryFormat.AUTO, opened, rules)
            samples = sum(
                len(item) if isinstance(item, HourBlock) else 1
                for item in reading.samples
            )
        with open_source(io.BytesIO(content)) as opened:
            file = open_telemetry_file(TelemetryFormat.AUTO, opened, rules)
            return list(file.rows), samples
    except InvalidInput as refusal:
        return refusal


def check(rows: list[HourRow], samples: int) -> None:
    """Every sample is accounted for once; what is accepted can be stored."""
    counted = sum(1 if row is None else row.sample_count for row in rows)
    assert counted == samples
    for row in rows:
        if isinstance(row, RefusedRow):
            assert row.reason
            assert "\x00" not in row.raw_text
        elif isinstance(row, ParsedRow):
            assert row.hour_utc.tzinfo is UTC
            require_full_utc_hour(row.hour_utc)
            assert row.hour_utc + HOUR <= NOW
            for quantity, value in zip(QUANTITIES, row.values, strict=True):
                assert value is None or VALID_RANGES[quantity].contains(value)


@pytest.mark.timeout(SECONDS + 120)
def test_no_damaged_file_is_more_than_read_or_refused() -> None:
    until = time.monotonic() + SECONDS
    seed = FIRST_SEED
    accepted = refused = bad = 0
    while time.monotonic() < until:
        chance = random.Random(seed)  # noqa: S311
        name = chance.choice(sorted(FILES))
        content, rules = damaged(FILES[name], chance), rules_of(chance)
        try:
            outcome = read(content, rules)
            if isinstance(outcome, InvalidInput):
                assert outcome.message.endswith((".", "!", "?")), outcome.message
                bad += 1
            else:
                check(*outcome)
                accepted += sum(isinstance(row, ParsedRow) for row in outcome[0])
                refused += sum(isinstance(row, RefusedRow) for row in outcome[0])
        except Exception as exc:
            message = f"GFO_FUZZ_SEED={seed}: {name}, {content[:2000]!r}"
            raise AssertionError(message) from exc
        seed += 1
    assert accepted > 0 < refused
    assert bad > 0


@pytest.mark.parametrize("seed", range(60))
def test_a_plain_number_is_never_read_as_another(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    content = damaged(FILES["csv"], chance)
    outcome = read(content, RULES)
    if isinstance(outcome, InvalidInput):
        return
    slot = QUANTITIES.index(Quantity.TEMPERATURE_C)
    for row in outcome[0]:
        cells = row.raw_text.split(",") if isinstance(row, ParsedRow) else []
        if len(cells) == 4 and re.fullmatch(r"-?[0-9]+\.[0-9]+", cells[2]):
            assert isinstance(row, ParsedRow)
            assert row.values[slot] in {None, float(cells[2])}


WEATHER_FORECASTS = (
    "region,issued_at_utc,known_at_utc,lead_h,temperature_c_forecast,"
    "relative_humidity_pct_forecast_gfs\n"
    + "".join(
        f"GB,2025-03-01T{6 * run:02}:00Z,2025-03-01T{6 * run:02}:20Z,{lead},"
        f"{lead / 3:.1f},5{lead}\n"
        for run in range(3)
        for lead in range(6)
    )
)
REGIONS = (
    "slug,name,time_zone,latitude,longitude,it_capacity_mw\n"
    "GB,Great Britain,Europe/London,51.5,-0.1,40\n"
    "DE,Germany,Europe/Berlin,50.1,8.7,60\n"
)


def test_no_damaged_file_of_weather_forecasts_is_more_than_read_or_refused() -> None:
    until = time.monotonic() + SECONDS / 4
    seed, taken, refusals = FIRST_SEED, 0, set[str]()
    while time.monotonic() < until:
        content = damaged(WEATHER_FORECASTS, random.Random(seed))  # noqa: S311
        try:
            file = read_weather_forecasts(io.BytesIO(content), {"GB": "Europe/London"})
        except InvalidInput as refusal:
            refusals.add(refusal.message)
        except Exception as exc:
            message = f"GFO_FUZZ_SEED={seed}: {content[:2000]!r}"
            raise AssertionError(message) from exc
        else:
            for run in file.runs["GB"]:
                known = run.known_at_utc
                assert known is None or known >= run.issued_at_utc
                for quantity, column in run.values.items():
                    finite = column[np.isfinite(column)]
                    assert all(VALID_RANGES[quantity].contains(v) for v in finite)
                    taken += len(finite)
        seed += 1
    assert taken > 0 < len(refusals)
    assert all(text.endswith((".", "!", "?")) for text in refusals)


def test_no_damaged_file_of_regions_is_more_than_read_or_refused(
    tmp_path: Path,
) -> None:
    until = time.monotonic() + SECONDS / 8
    seed, taken, refusals = FIRST_SEED, 0, set[str]()
    path = tmp_path / "regions.csv"
    while time.monotonic() < until:
        path.write_bytes(damaged(REGIONS, random.Random(seed)))  # noqa: S311
        try:
            read = read_regions_file(path, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
        except InvalidInput as refusal:
            refusals.add(refusal.message)
        except Exception as exc:
            message = f"GFO_FUZZ_SEED={seed}: {path.read_bytes()!r}"
            raise AssertionError(message) from exc
        else:
            taken += len(read.lines)
        seed += 1
    assert taken > 0 < len(refusals)
    assert all(text.endswith((".", "!", "?")) for text in refusals)
