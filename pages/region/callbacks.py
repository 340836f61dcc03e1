"""The page of a region follows its address, and has the worker set the region up."""

from __future__ import annotations

from dash import Dash, Input, Output, State, ctx, set_props
from dash.exceptions import PreventUpdate

from core.access import Permission
from orchestrator.operations.setup_requests import ask_for_hindcasts, ask_for_training
from orchestrator.operations.setup_state import region_setup
from orchestrator.overview.history import local_today, region_history
from orchestrator.overview.region_page import region_page
from pages.addresses import Query, region_slug_of
from pages.components import notice
from pages.context import PageContext
from pages.history.content import history_panels
from pages.refreshing import is_refresh, refreshing
from pages.region.layout import USUAL_DAYS, region_more, region_now, setup_content
from pages.serving import serve
from pages.time_range import Period, compared_days, follow_time, period_of
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_view(app, context)
    _register_history(app, context)
    _register_setup(app, context)
    _register_actions(app, context)


def _register_view(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("region-now", "children"), Output("region-more", "children")],
        inputs=[
            Input("region-url", "pathname"),
            Input("region-refresh", "n_intervals"),
        ],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_region(pathname: str | None, _n: int | None) -> tuple[object, ...]:
        with refreshing("region"), context.request() as request:
            page = region_page(request, region_slug_of(pathname))
        return region_now(page, request.now), region_more(page, chosen_times())


def _register_history(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("region-history", "children")],
        inputs=[
            Input("region-url", "pathname"),
            Input("region-url", "search"),
            Input("region-refresh", "n_intervals"),
        ],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_history(
        pathname: str | None, search: str | None, _n: int | None
    ) -> tuple[object, ...]:
        slug, query = region_slug_of(pathname), Query.parse(search)
        with refreshing("region"), context.request() as request:
            today = local_today(request, slug)
            period = period_of(query, today) or Period.until(today, USUAL_DAYS)
            if is_refresh("region") and not period.is_live:
                raise PreventUpdate
            history = region_history(
                request,
                slug,
                period.first_day,
                period.last_day,
                compare_days=compared_days(query),
            )
        return (history_panels(in_times(history, chosen_times())),)

    follow_time(app, "region", ["span", "from", "to", "compare"])


def _register_setup(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("region-tasks", "children"),
            Output("region-steps", "children"),
            Output("region-setup", "hidden"),
            Output("region-setup-refresh", "disabled"),
            Output("region-steps-done", "data"),
        ],
        inputs=[
            Input("region-url", "pathname"),
            Input("region-changed", "data"),
            Input("region-setup-refresh", "n_intervals"),
            Input("region-refresh", "n_intervals"),
        ],
        states=[State("region-steps-done", "data")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_setup(
        pathname: str | None,
        _changed: object,
        _n: object,
        n_page: object,
        known: object,
    ) -> tuple[object, ...]:
        with refreshing("region"), context.request() as request:
            setup = region_setup(request, region_slug_of(pathname))
        tasks, steps = setup_content(setup)
        done = [step.is_done for step in setup.steps]
        if isinstance(known, list) and known != done:
            # A step ended: what the page says beside the steps rests on it.
            set_props(
                "region-refresh",
                {"n_intervals": n_page + 1 if isinstance(n_page, int) else 1},
            )
        is_hidden = setup.is_finished and not tasks
        return tasks, steps, is_hidden, not setup.is_busy, done


def _register_actions(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("region-status", "children"),
            Output("region-changed", "data"),
            Output("region-password", "value"),
        ],
        inputs=[
            Input("region-train", "n_clicks"),
            Input("region-hindcast", "n_clicks"),
        ],
        states=[
            State("region-url", "pathname"),
            State("region-password", "value"),
            State("region-changed", "data"),
        ],
        permission=Permission.MANAGE_MODELS,
        at_load=False,
    )
    def act(*values: object) -> tuple[object, int, str]:
        pathname, password, times = values[-3:]
        slug = region_slug_of(pathname)
        if ctx.triggered_id == "region-train":
            with context.confirmed_request(password) as request:
                ask_for_training(request)
        else:
            with context.request() as request:
                ask_for_hindcasts(request, slug)
        said = "The worker does it; you can leave this page."
        return notice("Asked.", said), times + 1 if isinstance(times, int) else 1, ""
