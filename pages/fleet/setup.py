"""The checklist of a new installation, and work of the worker that people wait for."""

from __future__ import annotations

from collections.abc import Sequence

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.operations.setup_requests import (
    ask_for_training,
    close_checklist,
    retire_demo,
)
from orchestrator.operations.setup_state import (
    FleetSetup,
    SetupStep,
    TaskView,
    fleet_setup,
    unfinished_tasks,
)
from pages import addresses
from pages.attributes import aria
from pages.components import Child, disclosure, link, notice, own_password
from pages.context import PageContext
from pages.serving import serve
from pages.words import typeset, wait_words_s

REFRESH_MS = 3_000
"""While work is under way; else the page asks for nothing."""

_PLACES = {
    "region": (("Add a region", f"{addresses.ADMIN_REGIONS}?new=1"),),
    "data": (
        ("Import a file", addresses.ADMIN_TELEMETRY),
        ("Add a feed", addresses.ADMIN_FEEDS),
    ),
    "evaluate": (("Models", addresses.ADMIN_MODELS),),
    "activate": (("Models", addresses.ADMIN_MODELS),),
    "people": (("Users", addresses.ADMIN_USERS),),
}
"""Where a step is done."""


def setup_frame(*, has_room: bool) -> Component:
    """Always in the tree, so that what is typed survives a refresh.

    `has_room` keeps room for the list before it comes, so that nothing moves then: as
    much as it took last in this browser.
    """
    return html.Div(
        [
            dcc.Interval(id="setup-refresh", interval=REFRESH_MS, disabled=True),
            dcc.Store(id="setup-changed"),
            html.Div(id="setup-tasks"),
            html.Section(
                [
                    html.Div(
                        [
                            html.H2("Set up your fleet", id="setup-heading"),
                            html.Button(
                                "Hide this list",
                                id="setup-close",
                                type="button",
                                className="gfo-button gfo-button-quiet",
                            ),
                        ],
                        className="gfo-heading-row",
                    ),
                    html.Div(id="setup-steps"),
                    html.P(
                        "What a region still lacks before its first verdict stands on"
                        " its own page, with a button to score its past days.",
                        className="gfo-muted gfo-hint",
                    ),
                    disclosure(
                        "Train, or retire the demo",
                        own_password("setup-password"),
                        html.Div(
                            [
                                dbc.Button(
                                    "Train models on all regions",
                                    id="setup-train",
                                    color="primary",
                                    class_name="gfo-decides",
                                ),
                                dbc.Button(
                                    "Retire the demo fleet",
                                    id="setup-retire",
                                    color="secondary",
                                    class_name="gfo-decides",
                                ),
                            ],
                            className="gfo-actions",
                        ),
                    ),
                    html.Div(id="setup-status", role="status"),
                ],
                id="setup-list",
                className="gfo-card gfo-panel",
                hidden=True,
                **aria(labelledby="setup-heading"),
            ),
        ],
        id="setup-frame",
        className="gfo-setup-room" if has_room else "",
    )


def task_lines(tasks: Sequence[TaskView]) -> list[Component]:
    """Each task with its bar, its step and how long it still takes."""
    return [_task(task) for task in tasks]


def _task(task: TaskView) -> Component:
    if task.problem is not None:
        return notice(f"{task.title} failed.", task.problem, kind="warn")
    left = "" if task.left_s is None else f", about {wait_words_s(task.left_s)} left"
    return html.Div(
        [
            html.Strong(task.title),
            html.Progress(value=f"{100 * task.done_frac:.0f}", max="100"),
            html.Span(
                f"{typeset(task.step.removesuffix(' …'))}{left}", className="gfo-muted"
            ),
        ],
        className="gfo-notice gfo-task",
        role="status",
    )


def step_list(steps: Sequence[SetupStep]) -> Component:
    """Steps in order, each with what there is of it and where it is done."""
    return html.Ol(
        [
            html.Li(
                [
                    html.Span(
                        "✓" if step.is_done else "○",
                        className="gfo-step-mark",
                        **aria(hidden="true"),
                    ),
                    html.Span(
                        [
                            html.Strong(step.title),
                            html.Span(
                                " (done)" if step.is_done else " (to do)",
                                className="visually-hidden",
                            ),
                            html.Span(step.state, className="gfo-second"),
                            html.Span(_links(step), className="gfo-step-links"),
                        ],
                    ),
                ],
                className="gfo-step-done" if step.is_done else "",
            )
            for step in steps
        ],
        className="gfo-steps-list",
    )


def _links(step: SetupStep) -> list[Child]:
    if step.is_done:
        return []
    return [link(text, href) for text, href in _PLACES.get(step.name, ())]


def register_setup(app: Dash, context: PageContext) -> None:
    """Register what fills the checklist and what its buttons do."""
    _register_tasks(app, context)
    _register_list(app, context)
    _register_actions(app, context)


def _register_tasks(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("setup-tasks", "children"),
            Output("setup-refresh", "disabled"),
        ],
        inputs=[
            Input("setup-refresh", "n_intervals"),
            Input("setup-changed", "data"),
        ],
        permission=Permission.VIEW_FLEET,
    )
    def show_tasks(*_reasons: object) -> tuple[object, bool]:
        with context.request() as request:
            tasks = unfinished_tasks(request)
        return task_lines(tasks), not any(task.is_open for task in tasks)


def _register_list(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("setup-steps", "children"),
            Output("setup-list", "hidden"),
            Output("setup-retire", "disabled"),
        ],
        inputs=[
            Input("fleet-refresh", "n_intervals"),
            Input("setup-changed", "data"),
        ],
        permission=Permission.MANAGE_REGIONS,
    )
    def show_list(*_reasons: object) -> tuple[object, bool, bool]:
        with context.request() as request:
            setup = fleet_setup(request)
        return step_list(setup.steps), _is_hidden(setup), setup.n_synthetic == 0


def _is_hidden(setup: FleetSetup) -> bool:
    return setup.is_closed or setup.is_finished


def _register_actions(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("setup-status", "children"),
            Output("setup-changed", "data"),
            Output("setup-password", "value"),
        ],
        inputs=[
            Input("setup-close", "n_clicks"),
            Input("setup-train", "n_clicks"),
            Input("setup-retire", "n_clicks"),
        ],
        states=[State("setup-password", "value"), State("setup-changed", "data")],
        permission=Permission.MANAGE_REGIONS,
        at_load=False,
    )
    def act(*values: object) -> tuple[object, object, object]:
        password, times = values[-2], values[-1]
        count = times + 1 if isinstance(times, int) else 1
        if ctx.triggered_id == "setup-close":
            with context.request() as request:
                close_checklist(request, is_closed=True)
            return no_update, count, no_update
        with context.confirmed_request(password) as request:
            if ctx.triggered_id == "setup-train":
                ask_for_training(request)
                said = "The worker trains and evaluates; you can leave this page."
            else:
                n_regions = retire_demo(request)
                said = f"{n_regions} synthetic regions left the fleet."
        return notice("Done.", said), count, ""
