"""The demo fleet: synthetic regions with a history, models and hindcasts."""

from __future__ import annotations

from datetime import timedelta

from core.aliases import Progress
from core.days import full_hour
from core.errors import InvalidInput
from core.forecasts import Target
from db import telemetry
from models.metadata import DEFAULT_FAMILY, Family
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import split_day, train_models
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from orchestrator.use_cases import WORKER_USER

DEMO_FAMILIES = {Target.TEMPERATURE_C: DEFAULT_FAMILY}
"""Decisions rest on the temperature; for the rest the quicker family keeps a first
start short, and synthetic weather has little that trees could find."""


def make_demo_fleet(
    runtime: Runtime, *, n_regions: int, n_days: int, on_progress: Progress
) -> None:
    """Telemetry up to now, models trained on the older part, hindcasts on the rest.

    Each step is a transaction, and a step that is done is not done again.

    Raises
    ------
    InvalidInput
        When more regions are asked for than there are.
    """
    now = runtime.clock()
    end_utc = full_hour(now)
    profiles = first_demo_profiles(n_regions)
    with runtime.request_as(WORKER_USER) as request:
        ensure_first_policy(request, runtime.settings.first_policy())
        on_progress(f"Generating {n_days} days of telemetry for {n_regions} regions …")
        generate_telemetry(
            request,
            profiles,
            start_utc=end_utc - timedelta(days=n_days),
            end_utc=end_utc,
            seed=runtime.settings.demo_seed,
        )
    with runtime.request_as(WORKER_USER) as request:
        span = telemetry.first_and_last_hour(request.session, profiles[0].region.slug)
        if span is None:
            message = "The demo fleet has no telemetry."
            raise InvalidInput(message)
        first_day = split_day(*span)
        for target in Target:
            train_models(
                request,
                targets=[target],
                until_day=first_day,
                family=DEMO_FAMILIES.get(target, Family.RIDGE),
                seed=runtime.settings.demo_seed,
                activate=False,
                on_progress=on_progress,
            )
    with runtime.request_as(WORKER_USER) as request:
        found = active_regions(request.session)
        hindcast_regions(
            request,
            ModelCache(),
            stored_regions=found,
            all_regions=found,
            from_day=first_day + timedelta(days=1),
            until_day=end_utc.date() + timedelta(days=1),
            on_progress=on_progress,
        )
