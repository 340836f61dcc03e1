"""The Plan page: its address names a stored plan; a button finds a new one."""

from __future__ import annotations

from collections.abc import Sequence

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.forecasts.day_page import day_view
from orchestrator.plans.planning import find_plan, record_plan, stored_plan
from pages.addresses import Query, parse_comment, parse_day, parse_record, parse_slug
from pages.components import notice, region_options
from pages.context import PageContext
from pages.day_picker import DAY_OUTPUTS, day_choice
from pages.plan import content
from pages.plan.terms import FIELDS, read_terms
from pages.refreshing import as_of, mark_of, only_changes, refreshing
from pages.serving import follow_in_browser, serve
from pages.times import chosen_times, in_times

_FIELD_NAMES = tuple(item.name for item in FIELDS)
_FIELD_STATES = tuple(State(item.control_id, "value") for item in FIELDS)


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_controls(app, context)
    _register_plan(app, context)
    _register_find(app, context)
    _register_record(app, context)
    follow_in_browser(
        app,
        "gfo_pages",
        "follow_plan_controls",
        Input("plan-region", "value"),
        Input("plan-day", "date"),
        Input("plan-next-24h", "n_clicks"),
        State("plan-shown", "data"),
    )
    follow_in_browser(
        app, "gfo_pages", "announce_search_for_plan", Input("plan-find", "n_clicks")
    )
    follow_in_browser(app, "gfo_pages", "open_plan", Input("plan-found", "data"))


def _register_controls(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("plan-notice", "children"),
            Output("plan-shown", "data"),
            Output("plan-region", "options"),
            Output("plan-region", "value"),
            *(Output("plan-day", name) for name in DAY_OUTPUTS),
        ],
        inputs=[Input("plan-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_controls(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        with context.request() as request:
            view = day_view(
                request, region_slug=query.text("region"), local_day=query.day("day")
            )
        day = view.local_day.isoformat() if view.local_day else None
        return (
            notice("No plan can be made", view.notice, kind="warn")
            if view.notice
            else None,
            {"region": view.region.slug, "day": day},
            region_options(view.regions),
            view.region.slug,
            *day_choice(
                view.local_day, view.first_day, view.last_day, view.missing_days
            ),
        )


def _register_plan(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("plan-result", "children"),
            Output("plan-record-block", "className"),
            Output("plan-mark", "data"),
            Output("plan-as-of", "children"),
        ],
        inputs=[Input("plan-url", "search"), Input("plan-refresh", "n_intervals")],
        states=[State("plan-mark", "data")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_plan(
        search: str | None, _n_intervals: int | None, shown: object
    ) -> Sequence[object]:
        plan_id = Query.parse(search).identifier("plan")
        if plan_id is None:
            return None, "d-none", None, None
        with refreshing("plan"), context.request() as request:
            view = stored_plan(request, plan_id)
        can_record = view.can_be_recorded and request.actor.may(Permission.DECIDE)
        mark = mark_of(view)
        answer = (
            content.result(in_times(view, chosen_times())),
            "" if can_record else "d-none",
            {"mark": mark},
            as_of(request.now, is_live=not view.is_simulation),
        )
        return only_changes("plan", shown, answer, mark)


def _register_find(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("plan-status", "children"), Output("plan-found", "data")],
        inputs=[Input("plan-find", "n_clicks")],
        states=[State("plan-shown", "data"), *_FIELD_STATES],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def find(
        _clicks: int, shown: object, *values: object
    ) -> tuple[str, dict[str, object]]:
        window = parse_record(shown)
        with context.request() as request:
            view = find_plan(
                request,
                terms=read_terms(dict(zip(_FIELD_NAMES, values, strict=True))),
                anchor_slug=parse_slug(window.get("region"), "plan’s"),
                local_day=parse_day(window.get("day")),
            )
        said = f"Plan {view.plan_id} is found and kept."
        return said, {"plan_id": view.plan_id}


def _register_record(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("plan-recorded", "children")],
        inputs=[Input("plan-record", "n_clicks")],
        states=[State("plan-url", "search"), State("plan-comment", "value")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def record(_clicks: int, search: str | None, comment: object) -> tuple[Component]:
        plan_id = Query.parse(search).identifier("plan")
        if plan_id is None:
            message = "Find a plan first; only a stored one can be recorded."
            raise InvalidInput(message)
        said = parse_comment(comment)
        with context.request() as request:
            outcome = record_plan(request, plan_id=plan_id, comment=said)
        return (content.recorded(outcome),)
