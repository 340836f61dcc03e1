"""One decision: shown, replayed, compared, and replaced by a new one."""

from __future__ import annotations

from dash import Dash, Input, Output, State, ctx
from dash.development.base_component import Component

from core.access import Permission
from core.decision_states import DecisionState
from core.errors import InvalidInput, NotFound
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.event_list import decision_proof
from orchestrator.decisions import recording
from orchestrator.decisions.comments import comment_decision
from orchestrator.decisions.details import decision_detail, replay_decision
from orchestrator.decisions.states import decision_standing, state_decision
from orchestrator.decisions.views import DecisionDetail
from pages.addresses import (
    Query,
    decision_id_of,
    parse_hours_of_day,
    parse_judged_id,
    parse_shift_pct,
    parse_slug,
)
from pages.audit.decision_content import (
    comments,
    comparison,
    decision_evidence,
    decision_page,
    replayed,
    superseded,
)
from pages.audit.decision_layout import STATE_BUTTONS
from pages.components import page_head
from pages.context import PageContext
from pages.region_picker import region_options, register_region_search
from pages.serving import follow_in_browser, serve
from pages.standing import parse_term
from pages.times import chosen_times, in_times
from pages.verdicts import verdict_card


def register_decision_callbacks(app: Dash, context: PageContext) -> None:
    """Register the callbacks of a decision's page and of the comparison."""
    register_region_search(
        app, context, "supersede-target", permission=Permission.DECIDE
    )
    _register_detail(app, context)
    _register_comment(app, context)
    _register_replay(app, context)
    _register_compare(app, context)
    _register_form(app, context)
    _register_evaluate(app, context)
    _register_record(app, context)
    _register_states(app, context)


def _register_states(app: Dash, context: PageContext) -> None:
    buttons = [f"state-{name}" for name in STATE_BUTTONS]

    @serve(
        app,
        context,
        outputs=[
            Output("state-problem", "children"),
            Output("decision-stating", "hidden"),
            *(Output(name, "className") for name in buttons),
        ],
        inputs=[Input("decision-url", "pathname"), Input("decision-stated", "data")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def show_states(pathname: str | None, _stated: object) -> tuple[object, ...]:
        with context.request() as request:
            standing = decision_standing(request, decision_id_of(pathname))
        possible = standing.next_states if standing else ()
        shown = [
            "gfo-button gfo-decides" if state in possible else "d-none"
            for state in STATE_BUTTONS
        ]
        return (None, not possible, *shown)

    @serve(
        app,
        context,
        outputs=[
            Output("state-status", "children"),
            Output("decision-stated", "data"),
        ],
        inputs=[Input(name, "n_clicks") for name in buttons],
        states=[State("decision-url", "pathname"), State("state-reason", "value")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def say(*values: object) -> tuple[object, ...]:
        pathname, reason = values[-2:]
        state = str(ctx.triggered_id).removeprefix("state-")
        with context.request() as request:
            standing = state_decision(
                request,
                decision_id=decision_id_of(pathname),
                state=DecisionState(state),
                reason=reason if isinstance(reason, str) else "",
            )
        return None, standing.state.value


def _register_detail(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("decision-detail", "children"),
            Output("decision-comments", "children"),
            Output("decision-evidence", "children"),
        ],
        inputs=[
            Input("decision-url", "pathname"),
            Input("decision-stated", "data"),
            Input("decision-replaced", "data"),
            Input("decision-written", "data"),
        ],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_decision(pathname: str | None, *_changed: object) -> tuple[object, ...]:
        try:
            decision_id = decision_id_of(pathname)
            detail = _detail(context, decision_id)
        except NotFound as exc:
            return [page_head("No such decision", exc.message)], None, None
        places = AnchorPlaces.of(context.runtime.settings)
        proof = None
        if context.current_actor().may(Permission.VIEW_AUDIT_EVENTS):
            with context.request() as request:
                proof = decision_proof(request, decision_id, places)
        zone = chosen_times().zone_without_region
        return (
            decision_page(detail),
            comments(detail),
            decision_evidence(detail, proof, zone),
        )


def _register_comment(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("decision-write-status", "children"),
            Output("decision-comment", "value"),
            Output("decision-written", "data"),
        ],
        inputs=[Input("decision-write", "n_clicks")],
        states=[State("decision-url", "pathname"), State("decision-comment", "value")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def write(_clicks: int, pathname: str | None, text: object) -> tuple[object, ...]:
        with context.request() as request:
            found = comment_decision(
                request,
                decision_id=decision_id_of(pathname),
                comment=text if isinstance(text, str) else "",
            )
        return "Written.", "", len(found)


def _register_replay(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("decision-replayed", "children")],
        inputs=[Input("decision-replay", "n_clicks")],
        states=[State("decision-url", "pathname")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def replay(_clicks: int, pathname: str | None) -> tuple[Component]:
        with context.request() as request:
            found = replay_decision(request, decision_id_of(pathname))
        return (replayed(found),)


def _register_compare(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("compare-table", "children")],
        inputs=[Input("compare-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def compare(search: str | None) -> tuple[list[Component]]:
        query = Query.parse(search)
        left_id, right_id = query.identifier("left"), query.identifier("right")
        if left_id is None or right_id is None:
            message = "Name two decisions: /audit/compare?left=1&right=2."
            raise InvalidInput(message)
        left, right = _detail(context, left_id), _detail(context, right_id)
        return (comparison(left, right),)

    follow_in_browser(
        app,
        "gfo_pages",
        "compare_decisions",
        Input("compare-open", "n_clicks"),
        State("compare-right", "value"),
    )


def _detail(context: PageContext, decision_id: int) -> DecisionDetail:
    with context.request() as request:
        detail = decision_detail(request, decision_id)
    return in_times(detail, chosen_times())


def _register_form(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("supersede-status", "children"),
            Output("decision-supersede", "hidden"),
            Output("supersede-target", "options"),
            Output("supersede-target", "value"),
            Output("supersede-shift", "value"),
        ],
        inputs=[Input("decision-url", "pathname"), Input("decision-stated", "data")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def show_form(pathname: str | None, _stated: object) -> tuple[object, ...]:
        decision_id = decision_id_of(pathname)
        with context.request() as request:
            form = recording.supersede_form(request, decision_id)
        return (
            None,
            not form.is_open,
            region_options(form.targets),
            form.target_slug,
            round(form.shift_pct, 1),
        )


def _register_evaluate(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("supersede-verdict", "children"),
            Output("supersede-judged", "data"),
        ],
        inputs=[Input("supersede-evaluate", "n_clicks")],
        states=[
            State("decision-url", "pathname"),
            State("supersede-target", "value"),
            State("supersede-shift", "value"),
        ],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def judge(
        _clicks: int, pathname: str | None, target: object, shift: object
    ) -> tuple[Component, dict[str, object]]:
        decision_id = decision_id_of(pathname)
        with context.request() as request:
            form = recording.supersede_form(request, decision_id)
            card = recording.evaluate_instead(
                request,
                decision_id=decision_id,
                target_slug=parse_slug(target, "target"),
                shift_pct=parse_shift_pct(shift),
                hours_of_day=parse_hours_of_day(form.hours_of_day),
            )
        return verdict_card(in_times(card, chosen_times())), {
            "decision_id": card.decision_id
        }


def _register_record(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("supersede-record-status", "children"),
            Output("decision-replaced", "data"),
        ],
        inputs=[Input("supersede-record", "n_clicks")],
        states=[
            State("supersede-reason", "value"),
            State("supersede-judged", "data"),
            State("supersede-term", "value"),
        ],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def record(
        _clicks: int, reason: object, judged: object, term: object
    ) -> tuple[object, ...]:
        with context.request() as request:
            outcome = recording.record(
                request,
                what_if_id=parse_judged_id(judged),
                comment=reason if isinstance(reason, str) else "",
                lasts_h=parse_term(term),
            )
        return superseded(outcome), outcome.card and outcome.card.decision_id
