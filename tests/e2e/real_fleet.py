"""Two real regions from their published files, through the services that people use."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from core.access import Actor
from core.forecasts import Target
from core.telemetry import VALID_RANGES
from db.engine import DatabaseUrls
from db.users import system_actor
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import train_models
from orchestrator.runtime import Runtime
from orchestrator.telemetry.imports import FileToImport, import_telemetry
from orchestrator.telemetry.readers.formats import TelemetryFormat
from tests.asking import asking
from tests.fleet import SEED, runtime_on

NOW = datetime(2024, 1, 2, tzinfo=UTC)
TEXAS, ONTARIO = "US-TEX-ERCO", "CA-ON"
YEARS = (2021, 2022, 2023)
TRAINED_UNTIL = date(2022, 1, 1)
HINDCAST_UNTIL = date(2023, 9, 1)

_REGIONS = (
    RegionDraft(
        slug=TEXAS,
        name="Texas",
        time_zone="America/Chicago",
        latitude_deg=32.78,
        longitude_deg=-96.79,
    ),
    RegionDraft(
        slug=ONTARIO,
        name="Ontario",
        time_zone="America/Toronto",
        latitude_deg=43.70,
        longitude_deg=-79.42,
    ),
)


def make_real_fleet(urls: DatabaseUrls, real_data: Path) -> Runtime:
    """Import, train on 2021, hindcast from 2022 on; the clock stands after 2023."""
    runtime = runtime_on(urls, now=NOW)
    with runtime.transaction() as session:
        actor = system_actor(session, "cli")
        ensure_first_policy(asking(session, actor), runtime.settings.first_policy())
        for draft in _REGIONS:
            add_region(asking(session, actor), draft)
            _import_files(session, actor, draft.slug, real_data / "raw")
        train_models(
            asking(session, actor, now=NOW),
            targets=[Target.TEMPERATURE_C],
            until_day=TRAINED_UNTIL,
            seed=SEED,
            activate=True,
        )
        found = active_regions(session)
        hindcast_regions(
            asking(session, actor, now=NOW),
            ModelCache(),
            stored_regions=found,
            compared_with=found,
            from_day=TRAINED_UNTIL,
            until_day=HINDCAST_UNTIL,
        )
    return runtime


def _import_files(session: Session, actor: Actor, slug: str, raw: Path) -> None:
    for year in YEARS:
        carbon = f"carbon_intensity/{slug}/{year}/{slug}_{year}_hourly.csv.gz"
        for path, telemetry_format in (
            (f"weather/{slug}/{year}.json.gz", TelemetryFormat.OPEN_METEO),
            (carbon, TelemetryFormat.ELECTRICITY_MAPS),
        ):
            request = FileToImport(
                source=raw / path,
                label=path,
                telemetry_format=telemetry_format,
                region_slug=slug,
            )
            import_telemetry(asking(session, actor), request, ranges=VALID_RANGES)
