"""Where stored values come from: places, estimates, kinds of carbon, withdrawals."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import AuditAction
from core.carbon import CarbonSignalKind
from core.errors import InvalidInput
from core.telemetry import HOUR, VALID_RANGES, Quantity
from db.audit import list_events
from db.ingest import NewBatch
from db.telemetry import carbon_kinds, load_frame
from db.telemetry_merge import settle_staged
from db.telemetry_staging import open_staging, stage_rows
from db.users import system_actor
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.telemetry.batches import ImportSummary, SettledImport, finish_import
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.inspections import inspect_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.rows import BadFile
from tests.asking import asking

START = datetime(2024, 1, 1, tzinfo=UTC)
CARBON = Quantity.CARBON_INTENSITY_GCO2_KWH
HEADER = (
    "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
    "Carbon Intensity gCO₂eq/kWh (LCA),Low Carbon Percentage,Renewable Percentage,"
    "Data Source,Data Estimated,Data Estimation Method\n"
)

Import = Callable[..., ImportSummary]


@pytest.fixture
def actor(session: Session) -> Actor:
    """The user of the command line, with two regions."""
    actor = system_actor(session, "cli")
    for slug in ("SG", "GB"):
        draft = RegionDraft(
            slug=slug, name=slug, time_zone="UTC", latitude_deg=1.3, longitude_deg=103.8
        )
        add_region(asking(session, actor), draft)
    return actor


def zone_file(
    zone: str, *rows: tuple[float, bool], region: str | None = "SG", **facts: object
) -> FileToImport:
    """Hours of carbon intensity of a zone: values, and whether they are estimated."""
    lines = [
        f"{START + n * HOUR:%Y-%m-%d %H:%M:%S},X,Y,{zone},{value / 2},{value},1,1,z,"
        f"{str(estimated).lower()},\n"
        for n, (value, estimated) in enumerate(rows)
    ]
    facts.setdefault("label", f"{zone}.csv")
    return FileToImport(
        source=io.BytesIO((HEADER + "".join(lines)).encode()),
        telemetry_format=TelemetryFormat.AUTO,
        region_slug=region,
        **facts,  # type: ignore[arg-type]
    )


@pytest.fixture
def take(session: Session, actor: Actor) -> Import:
    """Import a file of a zone."""

    def run(zone: str, *rows: tuple[float, bool], **facts: object) -> ImportSummary:
        file = zone_file(zone, *rows, **facts)  # type: ignore[arg-type]
        return import_telemetry(asking(session, actor), file, ranges=VALID_RANGES)

    return run


def carbon(session: Session, n_hours: int = 2, *, shown: bool = False) -> list[float]:
    frame = load_frame(
        session, "SG", START, START + n_hours * HOUR, with_estimated=shown
    )
    return frame.column(CARBON).tolist()


def last_import(session: Session) -> dict[str, object]:
    """What the newest audit event says of the import."""
    event = list_events(session, limit=1)[0]
    assert event.action == AuditAction.TELEMETRY_IMPORTED
    after: dict[str, object] = json.loads(event.payload)["after"]
    return after


def test_a_region_takes_the_zone_of_its_first_import_only(
    session: Session, actor: Actor, take: Import
) -> None:
    first = take("SG-1", (400.0, False))
    assert "Region SG is bound to SG-1 in electricity-maps files" in first.notes[-1]
    assert last_import(session)["bound"] == {"region_slug": "SG", "former_place": None}

    with pytest.raises(BadFile, match=r"SG takes electricity-maps files of SG-1.*bind"):
        take("US-TEX-ERCO", (500.0, False))
    with pytest.raises(BadFile, match="SG takes electricity-maps files of SG-1"):
        inspect_telemetry(
            asking(session, actor),
            zone_file("US-TEX-ERCO", (500.0, False)),
            ranges=VALID_RANGES,
        )
    assert carbon(session, 1) == [400.0]
    again = take("SG-1", (410.0, False))
    assert not any("is bound" in note for note in again.notes)


def test_a_zone_of_another_region_is_refused_until_it_is_bound_anew(
    session: Session, take: Import
) -> None:
    take("Z", (400.0, False), region="GB")
    with pytest.raises(BadFile, match="Z, to which GB is bound in electricity-maps"):
        take("Z", (400.0, False))
    take("SG-1", (400.0, False))

    bound = take("Z", (400.0, False), binds_place=True)

    assert "bound to Z in electricity-maps files, no longer to SG-1" in bound.notes[-1]
    said = last_import(session)["bound"]
    assert said == {"region_slug": "SG", "former_place": "SG-1"}
    with pytest.raises(BadFile, match="SG takes electricity-maps files of Z"):
        take("SG-1", (400.0, False))
    take("Z", (410.0, False), region="GB")


def test_a_zone_that_is_the_name_of_another_region_can_be_bound(take: Import) -> None:
    with pytest.raises(BadFile, match="zone GB, which is region GB, not SG"):
        take("GB", (400.0, False))
    take("GB", (400.0, False), binds_place=True)
    take("GB", (401.0, False))


def test_a_file_of_which_nothing_is_taken_binds_nothing(take: Import) -> None:
    take("US-TEX-ERCO", (5000.0, False))
    take("SG-1", (400.0, False))


def test_estimated_hours_are_stored_but_not_used_until_they_are_measured(
    session: Session, take: Import
) -> None:
    take("SG", (400.0, False), (410.0, True))
    assert carbon(session, shown=True) == [400.0, 410.0]
    np.testing.assert_array_equal(carbon(session), [400.0, np.nan])

    late = take("SG", (390.0, True), (420.0, False))

    assert (late.counts.rows_updated, late.counts.rows_unchanged) == (1, 1)
    assert carbon(session) == [400.0, 420.0]


def test_each_hour_keeps_its_kind_of_carbon_intensity(
    session: Session, take: Import
) -> None:
    def kinds(n_hours: int = 2) -> frozenset[str | None]:
        return carbon_kinds(session, "SG", START, START + n_hours * HOUR)

    assert kinds() == frozenset()
    direct = CarbonSignalKind.parse("direct")
    take("SG", (400.0, False), (0.0, False))
    take("SG", (500.0, False), carbon_kind=direct)
    assert kinds() == {"direct average", "life-cycle average"}
    assert kinds(1) == {"direct average"}

    again = take("SG", (500.0, False), (0.0, False), carbon_kind=direct)

    assert (again.counts.rows_updated, again.counts.rows_unchanged) == (1, 1)
    assert kinds() == {"direct average"}


def test_an_hour_that_has_not_ended_is_stored_on_no_path(
    session: Session, actor: Actor
) -> None:
    now = START + timedelta(minutes=59)
    request = asking(session, actor, now=now)
    open_staging(session)
    region_id = session.connection().exec_driver_sql("select min(id) from region")
    values = [30.0, *[None] * (len(Quantity) - 1)]
    stage_rows(session, [(1, region_id.scalar(), START, *values, False, "")])
    settled = settle_staged(session, conflict_code="conflict")
    batch = NewBatch(
        source_label="feed",
        format="feed",
        content_sha256="0" * 64,
        origin="measured",
        carbon_kind=None,
        time_zone=None,
        region_slugs=["SG"],
        quantities=["temperature_c"],
        actor_id=actor.user_id,
    )

    with pytest.raises(InvalidInput, match="2024-01-01 00:00 UTC has not ended"):
        finish_import(
            request,
            SettledImport(batch=batch, settled=settled),
            action=AuditAction.TELEMETRY_IMPORTED,
        )
