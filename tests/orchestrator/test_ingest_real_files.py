"""The published weather and grid files, compared with the table joined from them.

The table was built by other code, so agreement is evidence for both: for the fixed
offset of the weather files, for the columns taken, and for the derived wet bulb.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from core.access import Actor
from core.telemetry import VALID_RANGES, Quantity, TelemetryFrame, hours_between
from db.telemetry import load_frame
from db.users import system_actor
from orchestrator.regions.changes import add_regions_from_csv
from orchestrator.telemetry.batches import ImportSummary
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from tests.asking import asking

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START, END = datetime(2021, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
N_HOURS = hours_between(START, END)
WEATHER = (
    Quantity.TEMPERATURE_C,
    Quantity.RELATIVE_HUMIDITY_PCT,
    Quantity.CLOUD_COVER_PCT,
    Quantity.WIND_SPEED_KMH,
)


@pytest.fixture
def actor(session: Session, real_data: Path) -> Actor:
    """The command line's user, with the six real regions in place."""
    actor = system_actor(session, "cli")
    add_regions_from_csv(asking(session, actor), real_data / "regions.csv")
    return actor


def import_file(
    session: Session,
    actor: Actor,
    path: Path,
    telemetry_format: TelemetryFormat,
    region_slug: str | None = None,
) -> ImportSummary:
    request = FileToImport(
        source=path,
        label=path.name,
        telemetry_format=telemetry_format,
        region_slug=region_slug,
    )
    return import_telemetry(asking(session, actor), request, ranges=VALID_RANGES)


def read_tidy(real_data: Path, slug: str) -> TelemetryFrame:
    """The region's part of the joined table, read by nothing of ours but `csv`."""
    values = {quantity: np.full(N_HOURS, np.nan) for quantity in Quantity}
    for row in tidy_rows(real_data / "telemetry_real.csv.gz", slug):
        instant = datetime.fromisoformat(row["timestamp"])
        index = hours_between(START, instant)
        for quantity in Quantity:
            if row.get(quantity.value):
                values[quantity][index] = float(row[quantity.value])
    return TelemetryFrame(
        region_slug=slug, start_utc=START, n_hours=N_HOURS, values=values
    )


def tidy_rows(path: Path, slug: str) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["region"] == slug:
                yield row


def estimated_hours(folder: Path) -> list[int]:
    """Hours that the files say were estimated, read by nothing of ours but `csv`."""
    hours = []
    for path in folder.glob("*/*.csv.gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            hours += [
                row["Datetime (UTC)"]
                for row in csv.DictReader(stream)
                if row["Data Estimated"].lower() == "true"
            ]
    instants = (datetime.fromisoformat(hour).replace(tzinfo=UTC) for hour in hours)
    return [hours_between(START, instant) for instant in instants]


def check_raw_files(session: Session, actor: Actor, real_data: Path, slug: str) -> None:
    raw = real_data / "raw"
    for path in sorted((raw / "weather" / slug).glob("*.json.gz")):
        summary = import_file(session, actor, path, TelemetryFormat.OPEN_METEO, slug)
        assert summary.counts.rows_refused == 0
    for path in sorted((raw / "carbon_intensity" / slug).glob("*/*.csv.gz")):
        summary = import_file(
            session, actor, path, TelemetryFormat.ELECTRICITY_MAPS, slug
        )
        assert summary.counts.rows_refused == 0

    stored = load_frame(session, slug, START, END, with_suspect=True)
    tidy = read_tidy(real_data, slug)

    for quantity in (*WEATHER, Quantity.CARBON_INTENSITY_GCO2_KWH):
        expected = tidy.column(quantity)
        assert np.isfinite(expected).sum() >= N_HOURS - 11
        if quantity is Quantity.CARBON_INTENSITY_GCO2_KWH:
            # Estimates are stored, and nothing takes them for measurements.
            expected[estimated_hours(raw / "carbon_intensity" / slug)] = np.nan
        np.testing.assert_array_equal(stored.column(quantity), expected)
    np.testing.assert_allclose(
        stored.column(Quantity.WET_BULB_C),
        tidy.column(Quantity.WET_BULB_C),
        rtol=0.0,
        atol=0.0051,
    )


# Its clock changes twice a year, and its carbon zone has another name (DE).
def test_raw_files_of_frankfurt_equal_the_joined_table(
    session: Session, actor: Actor, real_data: Path
) -> None:
    check_raw_files(session, actor, real_data, "DE-LU")


@pytest.mark.parametrize(
    "slug", ["US-TEX-ERCO", "US-CAL-CISO", "CA-ON", "SG", "AU-NSW"]
)
def test_raw_files_of_every_region_equal_the_joined_table(
    session: Session, actor: Actor, real_data: Path, slug: str
) -> None:
    check_raw_files(session, actor, real_data, slug)


def test_whole_joined_table_goes_in_once(
    session: Session, actor: Actor, real_data: Path
) -> None:
    path = real_data / "telemetry_real.csv.gz"
    first = import_file(session, actor, path, TelemetryFormat.CSV)

    assert first.counts.rows_inserted == first.counts.rows_read == 157_680
    assert len(first.region_slugs) == 6
    assert first.ignored_columns == ()
    again = import_file(session, actor, path, TelemetryFormat.CSV)
    assert again.is_repeat
    assert again.counts.rows_unchanged == 157_680
