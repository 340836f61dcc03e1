"""The Audit pages follow their address; filters change it."""

from __future__ import annotations

from dash import Dash, Input, Output
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput, NotFound
from core.scheduler import Outcome
from orchestrator.services.audit import list_audit_events
from orchestrator.services.decisions import decision_detail, list_decisions
from pages.addresses import Query, decision_id_of
from pages.audit.content import decision_page, decisions_table, events_table
from pages.audit.layout import ANY, filter_options
from pages.components import page_head
from pages.context import PageContext
from pages.serving import follow_in_browser, serve
from pages.words import KIND_WORDS

_OUTCOMES = tuple(item.value for item in Outcome)
_FILTERS = ("kind", "region", "outcome", "live")


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the pages' callbacks."""
    _register_decisions(app, context)
    _register_events(app, context)
    _register_detail(app, context)


def _register_decisions(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("audit-decisions", "children"),
            Output("audit-kind", "value"),
            Output("audit-region", "options"),
            Output("audit-region", "value"),
            Output("audit-outcome", "value"),
            Output("audit-live", "value"),
        ],
        inputs=[Input("audit-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_decisions(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        filters = {name: query.text(name) for name in _FILTERS}
        with context.runtime.transaction() as session:
            page = list_decisions(
                session,
                context.current_actor(),
                kind=_one_of(filters["kind"], tuple(KIND_WORDS), "kind"),
                region_slug=filters["region"],
                outcome=_one_of(filters["outcome"], _OUTCOMES, "verdict"),
                live_only=filters["live"] == "1",
                before_id=query.identifier("before"),
            )
        return (
            decisions_table(page, filters),
            filters["kind"] or ANY,
            filter_options({item.slug: item.name for item in page.regions}),
            filters["region"] or ANY,
            filters["outcome"] or ANY,
            filters["live"] == "1",
        )

    follow_in_browser(
        app,
        "gfo_pages",
        "follow_audit_filters",
        Input("audit-kind", "value"),
        Input("audit-region", "value"),
        Input("audit-outcome", "value"),
        Input("audit-live", "value"),
    )


def _register_events(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("audit-events", "children")],
        inputs=[Input("audit-events-url", "search")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_events(search: str | None) -> tuple[list[Component | None]]:
        before_seq = Query.parse(search).identifier("before")
        with context.runtime.transaction() as session:
            page = list_audit_events(
                session, context.current_actor(), before_seq=before_seq
            )
        return (events_table(page),)


def _register_detail(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("decision-detail", "children")],
        inputs=[Input("decision-url", "pathname")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_decision(pathname: str | None) -> tuple[list[Component | None]]:
        try:
            with context.runtime.transaction() as session:
                detail = decision_detail(
                    session, context.current_actor(), decision_id_of(pathname)
                )
        except NotFound as exc:
            return ([page_head("No such decision", exc.message)],)
        return (decision_page(detail),)


def _one_of(value: str | None, known: tuple[str, ...], what: str) -> str | None:
    if value is not None and value not in known:
        message = f"There is no {what} {value!r}. Known: {', '.join(known)}."
        raise InvalidInput(message)
    return value
