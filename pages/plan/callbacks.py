"""The Plan page: its address names a stored plan; a button finds a new one."""

from __future__ import annotations

from collections.abc import Sequence

from dash import Dash, Input, Output, State, ctx
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.forecasts.day_page import day_view
from orchestrator.plans.planning import (
    find_plan,
    plan_window,
    record_plan,
    stored_plan,
)
from orchestrator.plans.replacing import change_plan, undo_plan
from pages.addresses import Query, parse_comment, parse_day, parse_record, parse_slug
from pages.context import PageContext
from pages.plan import content
from pages.plan.terms import FIELDS, FORM, read_terms
from pages.refreshing import as_of, mark_of, only_changes, refreshing
from pages.region_picker import region_options, register_region_search
from pages.serving import follow_in_browser, serve
from pages.time_range import DAY_OUTPUTS, day_choice
from pages.times import chosen_times, in_times

_FIELD_NAMES = tuple(item.name for item in FIELDS)
_FIELD_STATES = tuple(State(item.control_id(FORM), "value") for item in FIELDS)


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    register_region_search(app, context, "plan-region")
    _register_controls(app, context)
    _register_plan(app, context)
    _register_find(app, context)
    _register_record(app, context)
    _register_undo(app, context)
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
        app,
        "gfo_pages",
        "announce_search_for_plan",
        Input("plan-find", "n_clicks"),
        Input("plan-replace", "n_clicks"),
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
            Output("plan-find", "disabled"),
        ],
        inputs=[Input("plan-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_controls(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        with context.request() as request:
            window = plan_window(
                request, anchor_slug=query.text("region"), local_day=query.day("day")
            )
            # A coming day has no forecasts of its own yet.
            is_coming = window.known_at_utc is not None
            view = day_view(
                request,
                region_slug=window.region.slug,
                local_day=None if is_coming else window.local_day,
            )
        day = window.local_day.isoformat() if window.local_day else None
        return (
            content.window_notice(window, view.notice),
            {"region": window.region.slug, "day": day},
            region_options(window.regions),
            window.region.slug,
            *day_choice(
                window.local_day,
                window.first_day,
                window.last_day,
                window.missing_days,
            ),
            False,
        )


def _register_plan(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("plan-head", "children"),
            Output("plan-result", "children"),
            Output("plan-record-block", "className"),
            Output("plan-undo-block", "className"),
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
        may_decide = context.current_actor().may(Permission.DECIDE)
        if plan_id is None:
            shown_text = content.no_plan(may_decide=may_decide)
            return shown_text, None, "d-none", "d-none", None, None
        with refreshing("plan"), context.request() as request:
            view = stored_plan(request, plan_id)
        can_record = view.can_be_recorded and may_decide
        can_undo = bool(view.standing_decision_ids) and may_decide
        mark = mark_of(view)
        shown_view = in_times(view, chosen_times())
        answer = (
            content.head(shown_view),
            content.result(shown_view),
            "" if can_record else "d-none",
            "" if can_undo else "d-none",
            {"mark": mark},
            as_of(request.now, is_live=not view.is_simulation),
        )
        return only_changes("plan", shown, answer, mark)


def _register_find(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("plan-status", "children"), Output("plan-found", "data")],
        inputs=[Input("plan-find", "n_clicks"), Input("plan-replace", "n_clicks")],
        states=[
            State("plan-shown", "data"),
            State("plan-url", "search"),
            *_FIELD_STATES,
        ],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def find(
        _clicks: int,
        _replace_clicks: int,
        shown: object,
        search: str | None,
        *values: object,
    ) -> tuple[str, dict[str, object]]:
        window = parse_record(shown)
        replaces = ctx.triggered_id == "plan-replace"
        with context.request() as request:
            view = find_plan(
                request,
                terms=read_terms(dict(zip(_FIELD_NAMES, values, strict=True))),
                anchor_slug=parse_slug(window.get("region"), "plan’s"),
                local_day=None if replaces else parse_day(window.get("day")),
                instead_of=Query.parse(search).identifier("plan") if replaces else None,
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
            if stored_plan(request, plan_id).instead_of_plan_id is None:
                outcome = record_plan(request, plan_id=plan_id, comment=said)
            else:
                outcome = change_plan(request, plan_id=plan_id, reason=said)
        return (content.recorded(outcome),)


def _register_undo(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("plan-undone", "children")],
        inputs=[Input("plan-undo", "n_clicks")],
        states=[State("plan-url", "search"), State("plan-undo-reason", "value")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def undo(_clicks: int, search: str | None, reason: object) -> tuple[Component]:
        plan_id = Query.parse(search).identifier("plan")
        if plan_id is None:
            message = "Open a plan first; only a recorded one can be taken back."
            raise InvalidInput(message)
        with context.request() as request:
            outcome = undo_plan(
                request,
                plan_id=plan_id,
                reason=reason if isinstance(reason, str) else "",
            )
        return (content.taken_back(outcome),)
