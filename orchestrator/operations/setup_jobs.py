"""What the worker sets up: training, and the calibration of a region's past days.

Imports scikit-learn and MAPIE: for the worker, never for the web process.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

from sqlalchemy.orm import Session

from core.days import full_hour
from core.errors import ModelUnavailable, NotFound
from core.forecasts import Target
from core.telemetry import HOUR
from db import model_versions, regions, telemetry
from models.catalogue import MAX_LAG_H
from orchestrator.cycle.issuance import issue_live
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.jobs import queue_training
from orchestrator.operations.setup_progress import (
    TRAINING,
    TaskReport,
    hindcasts_of,
    reported,
)
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import train_models
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER

_USUAL_STEP_S = 20.0
_HINDCAST_S = 30.0


def train_next(runtime: Runtime, step: int) -> None:
    """Train the model of one target and evaluate it; the next is queued behind it.

    So the hourly cycle, which is more urgent, waits for one target at most.
    """
    targets = list(Target)
    with runtime.transaction() as session:
        n_steps = len(regions.list_regions(session)) + 1
    target_s = _USUAL_STEP_S * n_steps
    report = TaskReport(runtime=runtime, name=TRAINING, total_s=target_s * len(targets))
    steps = count()

    def say(text: str) -> None:
        done_s = step * target_s + min(next(steps), n_steps) * _USUAL_STEP_S
        report.say(text, done_s=done_s)

    with reported(report):
        with runtime.request_as(WORKER_USER) as request:
            train_models(
                request,
                targets=[targets[step]],
                until_day=None,
                seed=runtime.settings.demo_seed,
                activate=False,
                on_progress=say,
            )
        if step + 1 == len(targets):
            report.end("Trained and evaluated; see the Models page.")
            return
        with runtime.transaction() as session:
            queue_training(session, step=step + 1)


def hindcast_one(runtime: Runtime, slug: str) -> None:
    """Score the serving model on a region's past days, then issue it again."""
    report = TaskReport(runtime=runtime, name=hindcasts_of(slug), total_s=_HINDCAST_S)
    cache = ModelCache()
    try:
        with reported(report):
            report.say("Scoring its past days", done_s=0.0)
            with runtime.request_as(WORKER_USER) as request:
                found = active_regions(request.session)
                stored = [item for item in found if item.slug == slug]
                first_day = _first_day(request.session, slug)
                hindcast_regions(
                    request,
                    cache,
                    stored_regions=stored,
                    from_day=first_day,
                    until_day=full_hour(request.now).date() + timedelta(days=1),
                )
            report.say("Its first forecast", done_s=_HINDCAST_S - 5.0)
            with runtime.request_as(WORKER_USER) as request:
                issue_live(
                    request,
                    cache,
                    issued_at_utc=full_hour(request.now),
                    stored_regions=stored,
                )
            report.end("Its past days are scored.")
    finally:
        cache.close()


def _first_day(session: Session, slug: str) -> date:
    """The first day that the model did not train on and can be asked about."""
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if active is None:
        message = "No temperature model serves yet; train one first."
        raise ModelUnavailable(message)
    span = telemetry.first_and_last_hour(session, slug)
    if span is None:
        message = f"{slug} has no telemetry yet; import some first."
        raise NotFound(message)
    known_utc = span[0] + MAX_LAG_H * HOUR
    return max(known_utc, active.version.trained_until_utc).date() + timedelta(days=1)
