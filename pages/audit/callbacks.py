"""The Audit lists follow their address; filters change it; lists can be taken along."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from uuid import uuid4

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput, NotFound
from orchestrator.anchor_files import AnchorPlaces
from orchestrator.services.audit import (
    ask_for_check,
    chain_status,
    event_detail,
    list_audit_events,
)
from orchestrator.services.audit_export import export_newest
from orchestrator.services.decision_lists import decision_page, decisions_csv
from pages.addresses import Query, event_seq_of
from pages.audit import filters
from pages.audit.content import (
    chain_panel,
    decisions_table,
    event_page,
    events_table,
)
from pages.components import notice, page_head
from pages.context import PageContext
from pages.serving import follow_in_browser, serve


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the lists' callbacks."""
    _register_decisions(app, context)
    _register_csv(app, context)
    _register_events(app, context)
    _register_event(app, context)
    _register_chain(app, context)
    _register_export(app, context)


def _register_decisions(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("audit-decisions", "children"),
            Output("audit-region", "options"),
            Output("audit-actor", "options"),
            Output("audit-model", "options"),
        ],
        inputs=[Input("audit-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_decisions(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        shown = filters.given(query, filters.DECISION_CONTROLS)
        order = filters.decision_order(query)
        with context.runtime.transaction() as session:
            page = decision_page(
                session,
                context.current_actor(),
                filters.decision_filter(query),
                order=order,
                after=query.words("after"),
            )
        options = filters.choice_options(page.choices)
        return (decisions_table(page, shown, order), *options.values())

    follow_in_browser(
        app,
        "gfo_audit",
        "show_decision_filters",
        *(Output(f"audit-{name}", "value") for name in filters.DECISION_CONTROLS),
        Input("audit-url", "search"),
    )
    follow_in_browser(
        app,
        "gfo_audit",
        "follow_decision_filters",
        *(Input(f"audit-{name}", "value") for name in filters.DECISION_CONTROLS),
    )


def _register_csv(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("audit-csv-status", "children"),
            Output("audit-csv-file", "data"),
        ],
        inputs=[Input("audit-csv", "n_clicks")],
        states=[State("audit-url", "search")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def download_csv(_clicks: int, search: str | None) -> tuple[str, object]:
        query = Query.parse(search)
        with context.runtime.transaction() as session:
            export = decisions_csv(
                session,
                context.current_actor(),
                filters.decision_filter(query),
                order=filters.decision_order(query),
            )
        more = "" if export.is_complete else " There are more; narrow the filters."
        return (
            f"{export.row_count} decisions.{more}",
            file_data("decisions.csv", "text/csv", export.text.encode("utf-8-sig")),
        )


def _register_events(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("audit-events", "children"),
            Output("event-actor", "options"),
        ],
        inputs=[Input("audit-events-url", "search")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_events(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        shown = filters.given(query, filters.EVENT_CONTROLS)
        with context.runtime.transaction() as session:
            page = list_audit_events(
                session,
                context.current_actor(),
                filters.event_filter(query),
                from_seq=query.identifier("at"),
                oldest_first=filters.is_oldest_first(query),
            )
        return (
            events_table(page, shown),
            filters.filter_options({name: name for name in page.actors}),
        )

    follow_in_browser(
        app,
        "gfo_audit",
        "show_event_filters",
        *(Output(f"event-{name}", "value") for name in filters.EVENT_CONTROLS),
        Input("audit-events-url", "search"),
    )
    follow_in_browser(
        app,
        "gfo_audit",
        "follow_event_filters",
        *(Input(f"event-{name}", "value") for name in filters.EVENT_CONTROLS),
    )


def _register_event(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("event-detail", "children")],
        inputs=[Input("event-url", "pathname")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_event(pathname: str | None) -> tuple[list[Component | None]]:
        try:
            with context.runtime.transaction() as session:
                detail = event_detail(
                    session, context.current_actor(), event_seq_of(pathname)
                )
        except NotFound as exc:
            return ([page_head("No such event", exc.message)],)
        return (event_page(detail),)


def _register_chain(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("audit-chain", "children")],
        inputs=[Input("audit-events-url", "pathname")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_chain(_pathname: str | None) -> tuple[Component]:
        with context.runtime.transaction() as session:
            status = chain_status(
                session,
                context.current_actor(),
                AnchorPlaces.of(context.runtime.settings),
            )
        return (chain_panel(status),)

    @serve(
        app,
        context,
        outputs=[Output("audit-check-status", "children")],
        inputs=[Input("audit-check", "n_clicks")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def check_chain(_clicks: int) -> tuple[Component]:
        with context.runtime.transaction() as session:
            ask_for_check(
                session, context.current_actor(), request_id=context.request_id()
            )
        return (
            notice(
                "The worker verifies the chain.",
                "Reload this page in a moment to see what it found.",
            ),
        )


def _register_export(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("export-status", "children"), Output("export-file", "data")],
        inputs=[Input("export-start", "n_clicks")],
        states=[State("export-first", "value"), State("export-last", "value")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def download_events(
        _clicks: int, first: object, last: object
    ) -> tuple[str, object]:
        with tempfile.TemporaryDirectory(prefix="gfo-export-") as folder:
            file = Path(folder) / f"{uuid4().hex}.zip"
            with context.runtime.transaction() as session:
                manifest = export_newest(
                    session,
                    context.current_actor(),
                    file,
                    AnchorPlaces.of(context.runtime.settings),
                    first_seq=_seq(first),
                    last_seq=_seq(last),
                    now=context.runtime.clock(),
                )
            content = file.read_bytes()
        name = f"audit-{manifest.first_seq}-{manifest.last_seq}.zip"
        said = f"Events {manifest.first_seq} to {manifest.last_seq}."
        return said, file_data(name, "application/zip", content)


def file_data(name: str, kind: str, content: bytes) -> dict[str, object]:
    """A file as `dcc.Download` takes it."""
    return {
        "filename": name,
        "type": kind,
        "base64": True,
        "content": base64.b64encode(content).decode("ascii"),
    }


def _seq(value: object) -> int | None:
    """The number of an event, or None for an empty box."""
    if value in (None, ""):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        message = "The number of an event is a positive whole number."
        raise InvalidInput(message)
    return value
