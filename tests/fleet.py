"""A small synthetic fleet in July: telemetry, models, hindcasts, one live issue.

Made once per test process and cloned for each test that needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from core.access import Actor
from core.days import full_hour
from core.forecasts import Target
from db.engine import DatabaseUrls, make_engine
from db.users import system_actor
from models.metadata import Family
from orchestrator.cycle.issuance import issue_live
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import train_models
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.asking import NOW, asking

TRAINED_UNTIL = date(2025, 3, 1)
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A runtime on a database of its own, with a clock that stands still."""

    runtime: Runtime
    urls: DatabaseUrls

    def actor(self, session: Session, name: str = "cli") -> Actor:
        """A system user."""
        return system_actor(session, name)


def runtime_on(urls: DatabaseUrls, now: datetime = NOW) -> Runtime:
    """A runtime as the app role, whose clock shows `now`."""
    settings = load_settings(None).model_copy(
        update={"data_dir": Path("unused"), "demo_seed": SEED}
    )
    return Runtime(settings=settings, engine=make_engine(urls.app), clock=lambda: now)


def run_cycle(jobs: WorkerJobs) -> None:
    """The cycle of the present hour, all chunks by this one worker."""
    for chunk in jobs.present_chunks():
        jobs.cycle_chunk(chunk)


def make_fleet(urls: DatabaseUrls, *, n_regions: int = 3, n_days: int = 500) -> None:
    """Fill a migrated database with the fleet."""
    runtime = runtime_on(urls)
    end_utc = full_hour(NOW)
    with runtime.transaction() as session:
        actor = system_actor(session, "worker")
        ensure_first_policy(asking(session, actor), runtime.settings.first_policy())
        generate_telemetry(
            asking(session, actor),
            first_demo_profiles(n_regions),
            start_utc=end_utc - timedelta(days=n_days),
            end_utc=end_utc,
            seed=SEED,
        )
        train_models(
            asking(session, actor),
            targets=list(Target),
            until_day=TRAINED_UNTIL,
            seed=SEED,
            family=Family.RIDGE,  # trains in a tenth of the time
            activate=False,
        )
        found = active_regions(session)
        hindcast_regions(
            asking(session, actor),
            ModelCache(),
            stored_regions=found,
            compared_with=found,
            from_day=TRAINED_UNTIL + timedelta(days=1),
            until_day=NOW.date() + timedelta(days=1),
        )
        issue_live(
            asking(session, actor),
            ModelCache(),
            issued_at_utc=full_hour(NOW),
            stored_regions=found,
        )
    runtime.engine.dispose()
