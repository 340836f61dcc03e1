"""Endpoints of health, jobs, and what the worker sets up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from core.access import Permission
from db.setup_tasks import SetupTask
from orchestrator.operations.health_and_jobs import health, jobs_view, retry_job
from orchestrator.operations.setup_requests import (
    ask_for_hindcasts,
    ask_for_training,
    retire_demo,
)
from orchestrator.operations.setup_state import (
    FleetSetup,
    RegionSetup,
    TaskView,
    fleet_setup,
    region_setup,
    unfinished_tasks,
)
from orchestrator.operations.views import HealthView, JobsView
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, Slug

RUN = Permission.RUN_CYCLE
JobId = Annotated[int, Field(ge=1, le=2**62)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredRegions:
    """How many synthetic regions left the fleet."""

    count: int


def add_operations(api: Api) -> None:
    """See health, jobs and setup; retry a job, have a model trained and calibrated."""
    settings = api.runtime.settings

    @api.get("/health", RUN)
    def get_health(asked: Request) -> HealthView:
        """The findings of `gfo doctor`, those to look at first."""
        return health(asked, settings)

    @api.get("/jobs", RUN)
    def list_jobs(asked: Request) -> JobsView:
        """What runs, failed and waits, and how long jobs took lately."""
        return jobs_view(asked)

    @api.post("/jobs/<job_id>/retry", RUN)
    def retry_failed_job(asked: Request, job_id: JobId) -> JobsView:
        """Queue a failed job again."""
        retry_job(asked, job_id)
        return jobs_view(asked)

    @api.get("/setup", Permission.MANAGE_REGIONS)
    def get_setup(asked: Request) -> FleetSetup:
        """What is missing before the fleet has its first verdict."""
        return fleet_setup(asked)

    @api.get("/setup/tasks", Permission.VIEW_FLEET)
    def list_setup_tasks(asked: Request) -> tuple[TaskView, ...]:
        """Work of the worker that is under way or was given up."""
        return unfinished_tasks(asked)

    @api.get("/regions/<region_slug>/setup", Permission.VIEW_FLEET)
    def get_region_setup(asked: Request, region_slug: Slug) -> RegionSetup:
        """What a region has and lacks before its first verdict."""
        return region_setup(asked, region_slug)

    @api.post("/regions/<region_slug>/hindcasts", Permission.MANAGE_MODELS)
    def score_past_days(asked: Request, region_slug: Slug) -> SetupTask:
        """Have the serving model scored on a region's past days."""
        return ask_for_hindcasts(asked, region_slug)

    @api.post("/models/trainings", Permission.MANAGE_MODELS)
    def train_models(asked: Request) -> SetupTask:
        """Have a model of every target trained and evaluated."""
        return ask_for_training(asked)

    @api.post("/demo/retirement", Permission.MANAGE_REGIONS)
    def retire_demo_fleet(asked: Request) -> RetiredRegions:
        """Take every synthetic region out of the fleet."""
        return RetiredRegions(count=retire_demo(asked))
