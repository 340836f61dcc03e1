"""A chunk of regions gets what each of them would get alone, bit by bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from core.days import full_hour
from core.forecasts import Target
from core.telemetry import HOUR, VALID_RANGES
from db.engine import libpq_url
from db.users import system_actor
from models.export import export_onnx
from models.train import train_model
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.forecasts.scoring import score_finished_windows
from orchestrator.jobs import CHUNK_REGIONS
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.activation import add_version, switch_to
from orchestrator.registry.upload_checks import new_version
from orchestrator.runtime import Runtime
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.windows.database_source import load_model_frame
from tests.asking import NOW, asking
from tests.conftest import PostgresForTests
from tests.fleet import runtime_on

STORED = """
select to_jsonb(t) - 'created_at_utc' from forecast t order by id;
select to_jsonb(t) from forecast_input t order by forecast_id;
select to_jsonb(t) from forecast_mode t order by forecast_id, input_mode;
select to_jsonb(t) - 'id' - 'created_at_utc' from window_score t
order by region_id, model_version_id, issued_at_utc, input_mode, revision;
select to_jsonb(t) from model_watch t
order by region_id, model_version_id, local_issue_hour;
select to_jsonb(t) - 'created_at_utc' from decision t order by id;
select (payload::jsonb - 'occurred_at_utc') #- '{after,record_sha256}'
from audit_event order by seq
"""
"""Decisions with the canonical text of their inputs, reasons and bounds."""


def cycle_in_chunks(
    postgres: PostgresForTests, template: str, instants: Sequence[datetime], size: int
) -> list[list[Mapping[str, Any]]]:
    """All that cycles at these clocks leave in a copy, with chunks of this size."""
    name = postgres.create(prefix="chunks", template=template)
    cache = ModelCache()
    for now in instants:
        runtime = runtime_on(postgres.urls(name), now)
        with runtime.transaction() as session:
            request = asking(session, system_actor(session, "worker"), now=now)
            found = active_regions(session)
            chunks = [found[i : i + size] for i in range(0, len(found), size)]
            for chunk in chunks:
                score_finished_windows(request, stored_regions=chunk)
            for chunk in chunks:
                issue_live(
                    request, cache, issued_at_utc=full_hour(now), stored_regions=chunk
                )
        with runtime.transaction() as session:
            stored = [list(session.scalars(text(query))) for query in STORED.split(";")]
        runtime.engine.dispose()
    cache.close()
    postgres.drop(name)
    return stored


def require_alike(
    postgres: PostgresForTests, template: str, instants: Sequence[datetime]
) -> list[list[Mapping[str, Any]]]:
    alone = cycle_in_chunks(postgres, template, instants, 1)
    together = cycle_in_chunks(postgres, template, instants, CHUNK_REGIONS)
    for rows, others in zip(alone, together, strict=True):
        for row, other in zip(rows, others, strict=True):
            assert row == other
    return together


@pytest.mark.slow
def test_a_chunk_stores_what_its_regions_would_alone(
    postgres: PostgresForTests,
    _fleet_template: str,  # noqa: PT019 -- the name of a database
) -> None:
    """One region's newest hours are late, another's came too late for a forecast."""
    spoilt = postgres.create(prefix="spoilt", template=_fleet_template)
    with psycopg.connect(libpq_url(postgres.urls(spoilt).owner)) as connection:
        late = "delete from telemetry where hour_utc >= %s and region_id = %s"
        connection.execute(late, [full_hour(NOW) - 3 * HOUR, 1])
        connection.execute(late, [full_hour(NOW) - 20 * HOUR, 2])
    day = timedelta(days=1)
    clocks = [NOW - day - HOUR, NOW - 2 * HOUR, NOW - HOUR, NOW - HOUR]
    forecasts, *_, decisions, events = require_alike(postgres, spoilt, clocks)
    postgres.drop(spoilt)
    assert len(forecasts) > len(clocks)
    assert len(decisions) < len(events)


PLACES = {
    "US-TEX-ERCO": ("America/Chicago", 32.78, -96.79),
    "CA-ON": ("America/Toronto", 43.70, -79.42),
    "DE-LU": ("Europe/Berlin", 50.09, 8.65),
}
TRAINED_UNTIL = datetime(2023, 4, 1, tzinfo=UTC)
SCORED = (date(2023, 6, 10), date(2023, 9, 2))


def make_real_year(runtime: Runtime, real_data: Path) -> None:
    """Weather and carbon of 2023, a model of its first months, scores of its summer.

    The model was never judged by its gate: it is to be served, not to be good.
    """
    with runtime.transaction() as session:
        request = asking(session, system_actor(session, "cli"), now=runtime.clock())
        ensure_first_policy(request, runtime.settings.first_policy())
        for slug, (zone, latitude_deg, longitude_deg) in PLACES.items():
            draft = RegionDraft(
                slug=slug,
                name=slug,
                time_zone=zone,
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
            )
            add_region(request, draft)
            for path, telemetry_format in (
                (f"weather/{slug}/2023.json.gz", TelemetryFormat.OPEN_METEO),
                (
                    f"carbon_intensity/{slug}/2023/{slug}_2023_hourly.csv.gz",
                    TelemetryFormat.ELECTRICITY_MAPS,
                ),
            ):
                file = FileToImport(
                    source=real_data / "raw" / path,
                    label=path,
                    telemetry_format=telemetry_format,
                    region_slug=slug,
                )
                import_telemetry(request, file, ranges=VALID_RANGES)
        start_utc = datetime(2023, 1, 1, tzinfo=UTC)
        frames = {
            slug: (load_model_frame(session, slug, start_utc, TRAINED_UNTIL), zone)
            for slug, (zone, *_) in PLACES.items()
        }
        for target in (Target.TEMPERATURE_C, Target.CARBON_INTENSITY_GCO2_KWH):
            trained = train_model(frames, target, TRAINED_UNTIL)
            content = export_onnx(trained)
            new = new_version(trained.contract, content, sha256(content).hexdigest())
            version_id, _ = add_version(
                session,
                replace(new, state="validated"),
                added_by_id=request.actor.user_id,
            )
            switch_to(request, version_id, reason="serves this test")
        found = active_regions(session)
        cache = ModelCache()
        first_day, until_day = SCORED
        hindcast_regions(
            request,
            cache,
            stored_regions=found,
            from_day=first_day,
            until_day=until_day,
        )
        cache.close()


@pytest.mark.real_data
@pytest.mark.slow
def test_real_regions_together_get_what_they_get_alone(
    postgres: PostgresForTests, real_data: Path
) -> None:
    name = postgres.create(prefix="real")
    runtime = runtime_on(postgres.urls(name), datetime(2024, 1, 2, tzinfo=UTC))
    make_real_year(runtime, real_data)
    runtime.engine.dispose()
    first = datetime(2023, 9, 4, 20, 10, tzinfo=UTC)
    clocks = [first + n_hours * HOUR for n_hours in (0, 1, 24, 25)]
    forecasts, *_, decisions, _ = require_alike(postgres, name, clocks)
    postgres.drop(name)
    assert len(forecasts) >= 2 * len(PLACES) * len(clocks)
    assert len(decisions) == len(PLACES) * len(clocks)
    assert {row["score_count"] for row in forecasts if row["kind"] == "live"} - {None}
