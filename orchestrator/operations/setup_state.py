"""What is still missing before a fleet, or a region, has its first verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.access import Permission
from core.conformity import required_scores
from core.days import WINDOW_H
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from db import (
    feeds,
    forecasts,
    model_versions,
    policies,
    regions,
    setup_tasks,
    telemetry,
    users,
    window_scores,
)
from db.regions import StoredRegion
from db.setup_tasks import SetupTask
from orchestrator.operations.setup_progress import DEMO, TRAINING, hindcasts_of
from orchestrator.operations.setup_requests import CHECKLIST
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import RegionChoice
from orchestrator.use_cases import Request, query

LEAST_HISTORY_DAYS = 90
"""A model needs more than the scores of its calibration: assumed three months."""


LOOKED_AT = 50
"""Regions that the checklist looks at; a fleet of more needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """One thing to do, and whether it is done.

    Attributes
    ----------
    name : str
        Says to pages where it is done.
    """

    name: str
    title: str
    state: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """Work of the worker that people wait for.

    Attributes
    ----------
    done_frac : float
        0 to 1.
    left_s : float | None
        How long it still takes, by how it went so far; None before anything is known.
    """

    name: str
    title: str
    state: str
    step: str
    done_frac: float
    left_s: float | None
    problem: str | None

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in {"waiting", "running"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSetup:
    """The checklist of an installation and the work that is under way.

    Attributes
    ----------
    is_closed : bool
        Whether the person who asks closed the checklist.
    n_synthetic : int
        Active regions of the demo.
    """

    steps: tuple[SetupStep, ...]
    tasks: tuple[TaskView, ...]
    is_closed: bool
    n_synthetic: int

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return all(step.is_done for step in self.steps)

    @property
    def is_busy(self) -> bool:
        """Whether anything waits or runs."""
        return any(task.is_open for task in self.tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSetup:
    """What a region has and lacks before its first verdict."""

    region: RegionChoice
    steps: tuple[SetupStep, ...]
    tasks: tuple[TaskView, ...]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return all(step.is_done for step in self.steps)

    @property
    def is_busy(self) -> bool:
        """Whether anything waits or runs."""
        return any(task.is_open for task in self.tasks)


@query(Permission.VIEW_FLEET)
def unfinished_tasks(request: Request) -> tuple[TaskView, ...]:
    """The work of the worker that is under way or was given up."""
    return _unfinished(request)


@query(Permission.MANAGE_REGIONS)
def fleet_setup(request: Request) -> FleetSetup:
    """The checklist; regions of the demo count for nothing in it."""
    session = request.session
    found = regions.list_regions(session)
    own = [item for item in found if not item.region.is_synthetic][:LOOKED_AT]
    with_data = [
        item for item in own if telemetry.first_and_last_hour(session, item.slug)
    ]
    people = [u for u in users.list_users(session) if u.is_active and not u.is_system]
    return FleetSetup(
        steps=(
            _step("region", "Add a region", _counted(len(own), "region"), bool(own)),
            _step(
                "data",
                "Bring its telemetry",
                f"{_counted(len(with_data), 'region')} of yours with telemetry,"
                f" {_counted(len(feeds.list_feeds(session)), 'feed')}",
                bool(with_data),
            ),
            *_model_steps(session, with_data),
            _verdict_step(session, with_data),
            _step(
                "people",
                "Invite people",
                _counted(len(people), "person", "people"),
                len(people) > 1,
            ),
        ),
        tasks=_unfinished(request),
        is_closed=setup_tasks.has_closed_hint(
            session, request.actor.user_id, CHECKLIST
        ),
        n_synthetic=sum(item.region.is_synthetic for item in found),
    )


@query(Permission.VIEW_FLEET)
def region_setup(request: Request, slug: str) -> RegionSetup:
    """What a region has and lacks; raises NotFound without one."""
    session = request.session
    stored = regions.region_by_slug(session, slug)
    return RegionSetup(
        region=region_choice(stored.region),
        steps=(
            _history_step(session, stored),
            _fresh_step(session, stored, request.now),
            _serving_step(session, stored),
            _calibration_step(session, stored),
            _verdict_step(session, [stored]),
        ),
        tasks=_unfinished(request, {hindcasts_of(slug), TRAINING}),
    )


def _unfinished(
    request: Request, names: set[str] | None = None
) -> tuple[TaskView, ...]:
    tasks = [
        task
        for task in setup_tasks.setup_tasks(request.session)
        if task.state != "done" and (names is None or task.name in names)
    ]
    return _task_views(tasks, request.now)


def _step(name: str, title: str, state: str, is_done: bool) -> SetupStep:
    return SetupStep(name=name, title=title, state=state, is_done=is_done)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def _model_steps(
    session: Session, with_data: list[StoredRegion]
) -> tuple[SetupStep, ...]:
    """Training, evaluation and activation of a model that knows the own regions."""
    wanted = {item.slug for item in with_data}
    versions = [
        version
        for version in model_versions.list_model_versions(session, limit=50)
        if version.target is Target.TEMPERATURE_C
        and wanted
        and wanted <= set(version.region_slugs)
    ]
    judged = [version for version in versions if version.state != "candidate"]
    serving = [version for version in versions if version.is_active]
    return (
        _step(
            "train",
            "Train a model on it",
            f"model {versions[0].version_id} knows your regions"
            if versions
            else "no model was trained on your regions",
            bool(versions),
        ),
        _step(
            "evaluate",
            "Have it evaluated",
            f"model {judged[0].version_id} is {judged[0].state}"
            if judged
            else "not evaluated yet",
            bool(judged),
        ),
        _step(
            "activate",
            "Activate it",
            f"model {serving[0].version_id} serves" if serving else "it does not serve",
            bool(serving),
        ),
    )


def _history_step(session: Session, stored: StoredRegion) -> SetupStep:
    span = telemetry.first_and_last_hour(session, stored.slug)
    days = 0 if span is None else int((span[1] - span[0] + HOUR) / HOUR) // WINDOW_H
    return _step(
        "data",
        "A history of telemetry",
        f"{days:,} of {LEAST_HISTORY_DAYS} days" if days else "no telemetry yet",
        days >= LEAST_HISTORY_DAYS,
    )


def _fresh_step(session: Session, stored: StoredRegion, now: datetime) -> SetupStep:
    policy = policies.effective_policy(session, stored.region_id)
    until = telemetry.measured_until(session, stored.slug, Quantity.TEMPERATURE_C)
    age_h = None if until is None else max((now - until) / HOUR, 0.0)
    most = policy.telemetry_max_age_h
    return _step(
        "fresh",
        "Telemetry that is fresh",
        f"the newest hour is {age_h:,.1f} h old, at most {most:g} h are allowed"
        if age_h is not None
        else "no telemetry yet",
        age_h is not None and age_h <= most,
    )


def _serving_step(session: Session, stored: StoredRegion) -> SetupStep:
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if active is None:
        return _step("model", "A model that serves", "none serves yet", False)
    knows = stored.slug in active.version.region_slugs
    how = "it was trained on it" if knows else "it serves it as any new region"
    return _step("model", "A model that serves", f"{active.version.label}: {how}", True)


def _calibration_step(session: Session, stored: StoredRegion) -> SetupStep:
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    policy = policies.effective_policy(session, stored.region_id)
    needed = required_scores(policy.alpha)
    fewest = 0
    if active is not None:
        counts = window_scores.score_counts(
            session, model_version_id=active.version.version_id
        )
        fewest = min(counts.get((stored.region_id, h), 0) for h in range(WINDOW_H))
    return _step(
        "calibration",
        "Past days that it was scored on",
        f"{fewest:,} of {needed} days, for the hour with the fewest",
        fewest >= needed,
    )


def _verdict_step(session: Session, found: list[StoredRegion]) -> SetupStep:
    newest = forecasts.newest_forecasts(
        session,
        [(item.region_id, Target.TEMPERATURE_C) for item in found],
        kind="live",
    )
    issued = [item.issued_at_utc for item in newest.values() if not item.refusal_code]
    first = min(issued, default=None)
    return _step(
        "verdict",
        "First forecast",
        f"issued {first:%Y-%m-%d %H:%M} UTC"
        if first
        else ("the newest was refused" if newest else "none yet"),
        first is not None,
    )


def _task_views(tasks: list[SetupTask], now: datetime) -> tuple[TaskView, ...]:
    return tuple(
        TaskView(
            name=task.name,
            title=_title(task.name),
            state=task.state,
            step=task.step,
            done_frac=task.done_s / task.total_s if task.total_s else 0.0,
            left_s=_left_s(task, now),
            problem=task.problem,
        )
        for task in tasks
    )


def _left_s(task: SetupTask, now: datetime) -> float | None:
    """By how it went so far, once a tenth is done; before, by how it usually goes."""
    if task.state != "running":
        return None
    spent_s = (now - task.started_at_utc).total_seconds()
    pace = spent_s / task.done_s if task.done_s > 0.1 * task.total_s else 1.0
    return max(task.total_s - task.done_s, 0.0) * max(pace, 0.2)


def _title(name: str) -> str:
    if name == DEMO:
        return "Making the demo fleet"
    if name == TRAINING:
        return "Training models"
    return f"Scoring past days of {name.partition(':')[2]}"
