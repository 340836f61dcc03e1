"""What people have the worker set up: training, a region's calibration, the demo.

These only queue. The work is in `setup_jobs` and `demo`, which load scikit-learn.
"""

from __future__ import annotations

from dataclasses import replace

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput
from db import regions, setup_tasks, telemetry
from db.setup_tasks import SetupTask
from orchestrator.feeds.demo_feed import remove_demo_feed
from orchestrator.jobs import queue_demo_step, queue_region_hindcasts, queue_training
from orchestrator.operations.setup_progress import (
    DEMO,
    TRAINING,
    hindcasts_of,
    waiting_task,
)
from orchestrator.regions.changes import out_of_fleet
from orchestrator.use_cases import Done, Event, Request, change

CHECKLIST = "setup-checklist"
"""The hint that the first page shows to admins until they close it."""


def _known(request: Request, name: str) -> SetupTask:
    known = setup_tasks.setup_task(request.session, name)
    fresh = waiting_task(name, total_s=1.0, now=request.now)
    return known or replace(fresh, state="done")


@change(
    Permission.MANAGE_REGIONS,
    repeat=None,
    unaudited="it only queues; what the worker then makes is audited",
)
def ask_for_demo(request: Request) -> Done[bool]:
    """Have the worker fill a database that nobody else uses; False when it need not.

    A demo that was cut short begins again; steps that are done are not done again.
    """
    found = regions.list_regions(request.session, active_only=False)
    task = setup_tasks.setup_task(request.session, DEMO)
    is_unfinished = task is not None and task.state != "done"
    if found and not (
        is_unfinished and all(stored.region.is_synthetic for stored in found)
    ):
        return Done(answer=False)
    _wait(request, DEMO)
    queue_demo_step(request.session, step=0)
    return Done(answer=True)


@change(
    Permission.MANAGE_MODELS,
    AuditAction.MODEL_TRAINING_ASKED,
    repeat=_known,
    confirmed=True,
)
def ask_for_training(request: Request) -> Done[SetupTask]:
    """Have the worker train and evaluate a model of every target.

    A model is a candidate and serves only once somebody activates it, unless none
    serves its target yet.

    Raises
    ------
    Conflict, InvalidInput
        When a training waits or runs; when no region has telemetry.
    """
    _require_closed(request, TRAINING, "A training is under way already.")
    found = regions.list_regions(request.session)
    if not any(telemetry.first_and_last_hour(request.session, r.slug) for r in found):
        message = "No region has telemetry yet; import some first."
        raise InvalidInput(message)
    queue_training(request.session, step=0)
    event = Event(action=AuditAction.MODEL_TRAINING_ASKED, object_type="model")
    return Done(answer=_wait(request, TRAINING), events=(event,), kept=TRAINING)


@change(
    Permission.MANAGE_MODELS,
    AuditAction.HINDCASTS_ASKED,
    repeat=_known,
)
def ask_for_hindcasts(request: Request, slug: str) -> Done[SetupTask]:
    """Have the worker score the serving model on a region's past days.

    Raises
    ------
    NotFound, Conflict, InvalidInput
        Without such a region; when its past days wait or run; without telemetry.
    """
    stored = regions.region_by_slug(request.session, slug)
    name = hindcasts_of(stored.slug)
    _require_closed(request, name, "Its past days are being scored already.")
    if telemetry.first_and_last_hour(request.session, stored.slug) is None:
        message = f"{stored.region.name} has no telemetry yet; import some first."
        raise InvalidInput(message)
    queue_region_hindcasts(request.session, slug=stored.slug)
    event = Event(
        action=AuditAction.HINDCASTS_ASKED, object_type="region", object_id=slug
    )
    return Done(answer=_wait(request, name), events=(event,), kept=name)


@change(
    Permission.MANAGE_REGIONS,
    AuditAction.REGION_CHANGED,
    AuditAction.FEED_REMOVED,
    repeat=lambda _request, kept: int(kept),
    confirmed=True,
)
def retire_demo(request: Request) -> Done[int]:
    """Take every synthetic region out of the fleet; returns how many there were.

    What was decided on them stays in the audit history, where nothing is ever removed.
    The feed of the demo is removed.

    Raises
    ------
    Conflict
        While the demo is being made.
    """
    _require_closed(request, DEMO, "The demo fleet is still being made; wait for it.")
    found = [
        item
        for item in regions.list_regions(request.session)
        if item.region.is_synthetic
    ]
    events = tuple(out_of_fleet(request, item) for item in found)
    events += remove_demo_feed(request)
    return Done(answer=len(found), events=events, kept=len(found))


@change(
    Permission.VIEW_FLEET,
    repeat=None,
    unaudited="only what one person sees of their own page",
)
def close_checklist(request: Request, *, is_closed: bool) -> Done[bool]:
    """Hide the checklist from the person who asks, or show it again."""
    change_hint = setup_tasks.close_hint if is_closed else setup_tasks.open_hint
    change_hint(request.session, request.actor.user_id, CHECKLIST)
    return Done(answer=is_closed)


def _wait(request: Request, name: str) -> SetupTask:
    task = waiting_task(name, total_s=1.0, now=request.now)
    setup_tasks.store_task(request.session, task)
    return task


def _require_closed(request: Request, name: str, sentence: str) -> None:
    known = setup_tasks.setup_task(request.session, name)
    if known is not None and known.is_open:
        raise Conflict(sentence)
