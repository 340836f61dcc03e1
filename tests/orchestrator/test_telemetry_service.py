"""Import and generation of telemetry against a real database."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.carbon import CarbonSignalKind
from core.errors import Forbidden, InvalidInput
from core.synthetic import generate
from core.telemetry import HOUR, VALID_RANGES, Quantity
from db.audit import list_events
from db.ingest import find_batch, list_batches
from db.rejects import list_rejects
from db.telemetry import load_frame
from db.users import system_actor
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.telemetry.batches import ImportSummary, Origin
from orchestrator.telemetry.demo_regions import DEMO_REGIONS, first_demo_profiles
from orchestrator.telemetry.imports import (
    FileToImport,
    generate_telemetry,
    import_telemetry,
    refused_rows,
)
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.rows import BadFile, RowRefused
from tests.asking import asking

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START = datetime(2023, 8, 1, tzinfo=UTC)

Import = Callable[..., ImportSummary]


@pytest.fixture
def actor(session: Session) -> Actor:
    return system_actor(session, "cli")


@pytest.fixture
def texas(session: Session, actor: Actor) -> str:
    draft = RegionDraft(
        slug="texas",
        name="Texas",
        time_zone="America/Chicago",
        latitude_deg=32.8,
        longitude_deg=-96.8,
    )
    return add_region(asking(session, actor), draft).slug


@pytest.fixture
def import_text(session: Session, actor: Actor, texas: str) -> Import:
    """Import a text as a CSV file; keywords go into the request."""
    del texas

    def run(content: str, **facts: object) -> ImportSummary:
        request = FileToImport(
            source=io.BytesIO(content.encode()),
            label="test.csv",
            telemetry_format=TelemetryFormat.CSV,
        )
        return import_telemetry(
            asking(session, actor), replace(request, **facts), ranges=VALID_RANGES
        )

    return run


def outcome(summary: ImportSummary) -> tuple[int, int, int, int]:
    """Rows inserted, updated, unchanged and refused."""
    counts = summary.counts
    assert counts.rows_read == (
        counts.rows_inserted
        + counts.rows_updated
        + counts.rows_unchanged
        + counts.rows_refused
    )
    return (
        counts.rows_inserted,
        counts.rows_updated,
        counts.rows_unchanged,
        counts.rows_refused,
    )


def column(session: Session, quantity: Quantity, n_hours: int = 3) -> list[float]:
    frame = load_frame(session, "texas", START, START + n_hours * HOUR)
    return frame.column(quantity).tolist()


TWO_HOURS = """timestamp,region,temperature_c,it_load_mw
2023-08-01T00:00:00Z,texas,36.5,50
2023-08-01T01:00:00Z,texas,35.25,51.5
"""


def test_rows_of_a_file_become_hours_of_the_region(
    session: Session, import_text: Import
) -> None:
    summary = import_text(TWO_HOURS)

    assert outcome(summary) == (2, 0, 0, 0)
    assert summary.counts.first_hour_utc == START
    assert summary.counts.last_hour_utc == START + HOUR
    assert summary.region_slugs == ("texas",)
    np.testing.assert_array_equal(
        column(session, Quantity.TEMPERATURE_C), [36.5, 35.25, np.nan]
    )
    np.testing.assert_array_equal(
        column(session, Quantity.IT_LOAD_MW), [50.0, 51.5, np.nan]
    )


def test_same_file_again_changes_nothing_and_says_so(
    session: Session, import_text: Import
) -> None:
    first = import_text(TWO_HOURS)
    batches = list_batches(session)
    events = list_events(session)

    again = import_text(TWO_HOURS)

    assert outcome(again) == (0, 0, 2, 0)
    assert again.is_repeat
    assert again.batch_id == first.batch_id
    assert "nothing changed" in again.notes[0]
    assert list_batches(session) == batches
    assert list_events(session) == events


def test_gzip_and_plain_text_are_the_same_content(import_text: Import) -> None:
    first = import_text(TWO_HOURS)

    packed = io.BytesIO(gzip.compress(TWO_HOURS.encode()))
    again = import_text("", source=packed)

    assert again.batch_id == first.batch_id
    assert again.is_repeat


def test_quantities_that_a_file_does_not_carry_stay(
    session: Session, import_text: Import
) -> None:
    import_text(TWO_HOURS)

    summary = import_text(
        "timestamp,region,price_usd_mwh,temperature_c\n"
        "2023-08-01T00:00:00Z,texas,99.5,\n"
    )

    assert outcome(summary) == (0, 1, 0, 0)
    assert column(session, Quantity.TEMPERATURE_C)[0] == 36.5
    assert column(session, Quantity.PRICE_USD_MWH)[0] == 99.5


def test_a_correction_updates_and_keeps_what_it_replaced(
    session: Session, import_text: Import
) -> None:
    first = import_text(TWO_HOURS)

    second = import_text(TWO_HOURS.replace("36.5", "37.0"))

    assert outcome(second) == (0, 1, 1, 0)
    kept = session.execute(
        text(
            "select temperature_c, batch_id, replaced_by_batch_id"
            " from telemetry_revision where replaced_by_batch_id = :batch"
        ),
        {"batch": second.batch_id},
    ).all()
    assert kept == [(36.5, first.batch_id, second.batch_id)]


def test_refused_rows_keep_line_reason_and_text(
    session: Session, actor: Actor, import_text: Import
) -> None:
    summary = import_text(
        "timestamp,region,temperature_c\n"
        "2023-08-01T00:00:00Z,texas,36.5\n"
        "\n"
        "2023-08-01T01:00:00Z,texas,warm\n"
        "2023-08-01T02:00:00Z,atlantis,20\n"
        "2023-08-01T03:00:00,texas,20\n"
    )

    assert outcome(summary) == (1, 0, 0, 3)
    rejects = refused_rows(asking(session, actor), summary.batch_id)
    assert [(r.line_number, r.reason_code) for r in rejects] == [
        (4, "bad_number"),
        (5, "unknown_region"),
        (6, "naive_timestamp"),
    ]
    assert rejects[0].raw_text == "2023-08-01T01:00:00Z,texas,warm"
    assert "'warm'" in rejects[0].reason
    assert "texas" in rejects[1].reason
    assert {r.reason_code for r in summary.top_refusals} == {
        "bad_number",
        "unknown_region",
        "naive_timestamp",
    }


def test_pages_of_refused_rows_follow_each_other(
    session: Session, import_text: Import
) -> None:
    bad = "2023-08-01T00:00:00Z,texas,x\n"
    summary = import_text("timestamp,region,temperature_c\n" + bad * 5)

    first = list_rejects(session, summary.batch_id, limit=2)
    rest = list_rejects(
        session,
        summary.batch_id,
        after=(first[-1].line_number, first[-1].reject_id),
    )

    assert [r.line_number for r in [*first, *rest]] == [2, 3, 4, 5, 6]


def test_a_wholly_refused_file_is_kept_as_such(import_text: Import) -> None:
    summary = import_text(
        "timestamp,region,temperature_c\n2023-08-01T00:00:00Z,texas,-999\n"
    )

    assert summary.is_wholly_refused
    assert summary.counts.first_hour_utc is None
    assert summary.top_refusals[0].reason_code == "sentinel"


def test_identical_duplicates_count_once(import_text: Import) -> None:
    summary = import_text(TWO_HOURS + "2023-08-01T01:00:00Z,texas,35.25,51.5\n")

    assert outcome(summary) == (2, 0, 1, 0)
    assert summary.duplicate_count == 1


def test_rows_of_an_hour_complete_each_other(
    session: Session, import_text: Import
) -> None:
    summary = import_text(
        "timestamp,region,temperature_c,it_load_mw\n"
        "2023-08-01T00:00:00Z,texas,36.5,\n"
        "2023-08-01T00:00:00Z,texas,,50\n"
    )

    assert outcome(summary) == (1, 0, 1, 0)
    assert column(session, Quantity.TEMPERATURE_C)[0] == 36.5
    assert column(session, Quantity.IT_LOAD_MW)[0] == 50.0


@pytest.mark.parametrize("stored", [None, 36.5, 40.0])
def test_contradicting_duplicates_are_all_refused_whatever_is_stored(
    session: Session, import_text: Import, stored: float | None
) -> None:
    head = "timestamp,region,temperature_c\n"
    if stored is not None:
        import_text(f"{head}2023-08-01T00:00:00Z,texas,{stored}\n")

    summary = import_text(
        f"{head}2023-08-01T00:00:00Z,texas,36.5\n"
        "2023-08-01T01:00:00Z,texas,30\n"
        "2023-07-31T19:00:00-05:00,texas,40.0\n"
    )

    assert outcome(summary) == (1, 0, 0, 2)
    rejects = list_rejects(session, summary.batch_id)
    assert [(r.line_number, r.reason_code) for r in rejects] == [
        (2, "conflicting_duplicate"),
        (4, "conflicting_duplicate"),
    ]
    assert "Lines 2 and 4" in rejects[0].reason
    assert rejects[1].raw_text == "2023-07-31T19:00:00-05:00,texas,40.0"
    kept = column(session, Quantity.TEMPERATURE_C)[0]
    np.testing.assert_equal(kept, np.nan if stored is None else stored)


def test_import_needs_the_permission(session: Session, texas: str) -> None:
    del texas
    operator = Actor(user_id=1, name="op", role=Role.OPERATOR)
    request = FileToImport(
        source=io.BytesIO(TWO_HOURS.encode()),
        label="x",
        telemetry_format=TelemetryFormat.CSV,
    )

    with pytest.raises(Forbidden):
        import_telemetry(asking(session, operator), request, ranges=VALID_RANGES)
    with pytest.raises(Forbidden):
        refused_rows(asking(session, operator), 1)


def test_import_is_audited_with_its_counts(
    session: Session, import_text: Import
) -> None:
    summary = import_text(TWO_HOURS)

    event = list_events(session, action=AuditAction.TELEMETRY_IMPORTED)[0]
    assert (event.object_type, event.object_id) == (
        "ingest_batch",
        str(summary.batch_id),
    )
    assert '"rows_inserted":2' in event.payload
    assert find_batch(session, summary.batch_id).facts.content_sha256 in event.payload


def test_measured_rows_are_refused_by_a_synthetic_region(
    session: Session, actor: Actor, import_text: Import
) -> None:
    generate_telemetry(
        asking(session, actor),
        first_demo_profiles(1),
        start_utc=START,
        end_utc=START + 24 * HOUR,
        seed=7,
    )
    content = TWO_HOURS + "2023-08-01T02:00:00Z,arizona,20,50\n"

    summary = import_text(content)

    assert outcome(summary) == (2, 0, 0, 1)
    assert summary.top_refusals[0].reason_code == "region_origin"
    with pytest.raises(RowRefused, match="holds generated telemetry"):
        import_text(content, region_slug="arizona")


def test_generated_rows_are_refused_by_a_measured_region(import_text: Import) -> None:
    with pytest.raises(RowRefused, match="holds measured telemetry"):
        import_text(TWO_HOURS, region_slug="texas", origin=Origin.SYNTHETIC)


def test_region_asked_for_passes_over_the_others(import_text: Import) -> None:
    content = TWO_HOURS + "2023-08-01T02:00:00Z,elsewhere,20,50\n"

    summary = import_text(content, region_slug="texas")

    assert outcome(summary) == (2, 0, 0, 0)
    assert summary.rows_passed_over == 1
    with pytest.raises(InvalidInput, match="unknown"):
        import_text(content, region_slug="elsewhere")


def test_a_file_without_rows_is_a_bad_file(import_text: Import) -> None:
    with pytest.raises(BadFile, match="no row"):
        import_text("timestamp,region,temperature_c\n")
    with pytest.raises(BadFile, match="empty"):
        import_text("")


def test_damaged_gzip_is_a_bad_file_and_stores_nothing(
    session: Session, import_text: Import
) -> None:
    before = list_batches(session)
    packed = gzip.compress(TWO_HOURS.encode() * 100)

    with pytest.raises(BadFile, match="damaged"):
        import_text("", source=io.BytesIO(packed[: len(packed) // 2]))
    assert list_batches(session) == before


def test_a_weather_file_of_another_place_is_a_bad_file(
    import_text: Import,
) -> None:
    content = (
        '{"latitude": 53.3, "longitude": -6.2, "utc_offset_seconds": 0,'
        '"hourly_units": {"temperature_2m": "°C"},'
        '"hourly": {"time": ["2023-08-01T00:00"], "temperature_2m": [18.0]}}'
    )
    with pytest.raises(BadFile, match=r"about 53\.30"):
        import_text(
            content,
            telemetry_format=TelemetryFormat.OPEN_METEO,
            region_slug="texas",
        )


def test_mixing_carbon_kinds_is_noted(import_text: Import) -> None:
    head = "timestamp,region,carbon_intensity_gco2_kwh\n"
    import_text(head + "2023-08-01T00:00:00Z,texas,400\n")

    summary = import_text(
        head + "2023-08-01T01:00:00Z,texas,350\n",
        carbon_kind=CarbonSignalKind.parse("direct"),
    )

    assert any("life-cycle" in note for note in summary.notes)


def test_progress_tells_rows_read(
    session: Session, actor: Actor, texas: str, tmp_path: Path
) -> None:
    del texas
    path = tmp_path / "many.csv"
    hours = (START - timedelta(hours=n) for n in range(25_000))
    rows = (f"{hour:%Y-%m-%dT%H:%M:%SZ},texas,20\n" for hour in hours)
    path.write_text("timestamp,region,temperature_c\n" + "".join(rows))
    seen: list[int] = []

    summary = import_telemetry(
        asking(session, actor),
        FileToImport(
            source=path, label=path.name, telemetry_format=TelemetryFormat.CSV
        ),
        ranges=VALID_RANGES,
        on_progress=seen.append,
    )

    assert summary.counts.rows_inserted == 25_000
    assert seen == [10_000, 20_000, 25_000]


def test_generation_stores_what_the_generator_makes(
    session: Session, actor: Actor
) -> None:
    profiles = first_demo_profiles(2)

    summary = generate_telemetry(
        asking(session, actor),
        profiles,
        start_utc=START,
        end_utc=START + 48 * HOUR,
        seed=7,
    )

    assert outcome(summary) == (96, 0, 0, 0)
    for profile in profiles:
        stored = load_frame(session, profile.region.slug, START, START + 48 * HOUR)
        expected = generate(profile, START, 48, seed=7)
        for quantity in Quantity:
            np.testing.assert_array_equal(
                stored.column(quantity), expected.column(quantity)
            )


def test_generation_hour_by_hour_continues_and_repeats_nothing(
    session: Session, actor: Actor
) -> None:
    def run(start_utc: datetime, end_utc: datetime) -> ImportSummary:
        return generate_telemetry(
            asking(session, actor),
            first_demo_profiles(1),
            start_utc=start_utc,
            end_utc=end_utc,
            seed=7,
        )

    run(START, START + 24 * HOUR)

    assert outcome(run(START + 23 * HOUR, START + 25 * HOUR)) == (1, 0, 1, 0)
    assert outcome(run(START, START + 25 * HOUR)) == (0, 0, 25, 0)


def test_generation_adds_missing_regions_with_their_event_first(
    session: Session, actor: Actor
) -> None:
    generate_telemetry(
        asking(session, actor),
        first_demo_profiles(1),
        start_utc=START,
        end_utc=START + HOUR,
        seed=7,
    )

    newest, before, *_ = list_events(session)
    assert newest.action == AuditAction.TELEMETRY_GENERATED
    assert (before.action, before.object_id) == (AuditAction.REGION_ADDED, "arizona")


def test_generation_refuses_hours_to_come(session: Session, actor: Actor) -> None:
    with pytest.raises(InvalidInput, match="future"):
        generate_telemetry(
            asking(session, actor),
            first_demo_profiles(1),
            start_utc=NOW,
            end_utc=NOW + HOUR,
            seed=7,
        )


def test_generation_leaves_a_measured_region_alone(
    session: Session, actor: Actor
) -> None:
    region = DEMO_REGIONS[0].region
    add_region(
        asking(session, actor),
        RegionDraft(
            slug=region.slug,
            name="Phoenix, measured",
            time_zone=region.time_zone,
            latitude_deg=region.latitude_deg,
            longitude_deg=region.longitude_deg,
        ),
    )

    with pytest.raises(InvalidInput, match="holds measured telemetry"):
        generate_telemetry(
            asking(session, actor),
            first_demo_profiles(1),
            start_utc=START,
            end_utc=START + HOUR,
            seed=7,
        )
