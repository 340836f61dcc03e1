"""The Health page shows what was found; the Jobs page retries what failed."""

from __future__ import annotations

import time

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.operations.health import health, jobs_view, retry_job
from pages.addresses import Query
from pages.components import notice
from pages.context import PageContext
from pages.health import content
from pages.refreshing import as_of, refreshing
from pages.serving import serve
from pages.times import chosen_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the callbacks of both pages."""
    _register_health(app, context)
    _register_jobs(app, context)
    _register_retry(app, context)


def _register_health(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("health-notice", "children"),
            Output("health-findings", "children"),
            Output("health-as-of", "children"),
        ],
        inputs=[
            Input("health-url", "pathname"),
            Input("health-refresh", "n_intervals"),
        ],
        permission=Permission.RUN_CYCLE,
        at_load=False,
    )
    def show_health(*_given: object) -> tuple[Component, Component, Component]:
        with refreshing("health"), context.request() as request:
            view = health(request, context.runtime.settings)
        return (
            content.health_notice(view),
            content.findings_table(view),
            as_of(view.as_of_utc),
        )


def _register_jobs(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("jobs-notice", "children"),
            Output("jobs-queue", "children"),
            Output("jobs-long", "children"),
            Output("jobs-durations", "children"),
            Output("jobs-one", "children"),
            Output("jobs-chosen", "hidden"),
            Output("jobs-retry", "disabled"),
            Output("jobs-as-of", "children"),
        ],
        inputs=[
            Input("jobs-url", "search"),
            Input("jobs-acted", "data"),
            Input("jobs-refresh", "n_intervals"),
        ],
        permission=Permission.RUN_CYCLE,
        at_load=False,
    )
    def show_jobs(search: str | None, *_changed: object) -> tuple[object, ...]:
        wanted = Query.parse(search).identifier("job")
        zone = chosen_times().zone_without_region
        with refreshing("jobs"), context.request() as request:
            view = jobs_view(request)
        chosen = None if wanted is None else content.find_job(view.jobs, wanted)
        return (
            None,
            content.queue(view, zone),
            content.long_work(view, zone),
            content.durations(view, zone),
            content.chosen_job(chosen, zone) if chosen else None,
            chosen is None,
            chosen is None or chosen.job.status != "failed",
            as_of(view.as_of_utc),
        )


def _register_retry(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("jobs-act-status", "children"), Output("jobs-acted", "data")],
        inputs=[Input("jobs-retry", "n_clicks")],
        states=[State("jobs-url", "search")],
        permission=Permission.RUN_CYCLE,
        at_load=False,
    )
    def retry(_n_clicks: object, search: str | None) -> tuple[Component, int]:
        job_id = Query.parse(search).identifier("job")
        if job_id is None:
            message = "Open a failed job first."
            raise InvalidInput(message)
        with context.request() as request:
            retry_job(request, job_id)
        return notice("Queued.", f"A worker takes job {job_id}."), time.monotonic_ns()
