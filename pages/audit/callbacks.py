"""The Audit lists follow their address; filters change it; lists can be exported."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import uuid4

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput, NotFound
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.chain_export import export_newest
from orchestrator.audit.chain_status import ask_for_check, chain_status
from orchestrator.audit.event_list import event_detail, events_csv, list_audit_events
from orchestrator.decisions.lists import MAXIMUM_PAGE, decision_page, decisions_csv
from orchestrator.decisions.taking_back import take_back_decisions
from orchestrator.list_exports import CsvExport
from orchestrator.regions.region_choice import RegionScope
from orchestrator.use_cases import Request
from pages.addresses import Query, event_seq_of, parse_ids
from pages.audit import filters, list_grids
from pages.audit.content import chain_panel, event_page
from pages.audit.layout import CHAIN
from pages.components import notice, page_head
from pages.context import PageContext
from pages.grids import column_defs
from pages.list_controls import file_data, filter_options, serve_csv
from pages.refreshing import refreshing
from pages.region_picker import register_region_search
from pages.serving import follow_in_browser, serve
from pages.standing import ending_notice
from pages.time_range import follow_time
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the lists' callbacks."""
    register_region_search(
        app, context, "audit-region", scope=RegionScope.ALL, before=filter_options({})
    )
    _register_decisions(app, context)
    _register_taking_back(app, context)
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
            Output("audit-decisions-state", "children"),
            Output("audit-decisions-table", "rowData"),
            Output("audit-decisions-table", "columnDefs"),
            Output("audit-decisions-pager", "children"),
            Output("audit-region", "options"),
            Output("audit-actor", "options"),
            Output("audit-model", "options"),
        ],
        inputs=[Input("audit-url", "search"), Input("audit-taken", "data")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_decisions(search: str | None, _taken: object) -> tuple[object, ...]:
        query = Query.parse(search)
        shown = list_grids.decisions_shown(query)
        with context.request() as request:
            found = decision_page(
                request,
                filters.decision_filter(query, request.now),
                order=filters.decision_order(query),
                after=query.words("after"),
                with_runs=filters.with_runs(query),
                limit=MAXIMUM_PAGE if filters.with_runs(query) else 50,
            )
        page, zone = in_times(found, chosen_times()), chosen_times().zone_without_region
        return (
            [
                ending_notice(page.ending, request.now, zone),
                list_grids.decisions_state(page),
            ],
            list_grids.decision_rows(page, zone),
            column_defs(list_grids.DECISION_COLUMNS, shown),
            list_grids.decisions_pager(page, shown),
            *filters.choice_options(page.choices).values(),
        )

    follow_time(
        app,
        "audit",
        ["span", "from", "to"],
        others=[f"audit-{name}" for name in filters.DECISION_CONTROLS],
    )


def _register_taking_back(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("audit-take-status", "children"),
            Output("audit-taken", "data"),
            Output("audit-take-reason", "value"),
            Output("audit-decisions-table", "selectedRows"),
        ],
        inputs=[Input("audit-take", "n_clicks")],
        states=[
            State("audit-decisions-table", "selectedRows"),
            State("audit-take-reason", "value"),
        ],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def take_back(_clicks: int, rows: object, reason: object) -> tuple[object, ...]:
        with context.request() as request:
            made = take_back_decisions(
                request,
                decision_ids=_chosen_ids(rows),
                reason=reason if isinstance(reason, str) else "",
            )
        ids = [card.decision_id for card in made]
        return list_grids.taken_back(ids), ids, "", []

    # What is chosen is told in the browser: nothing is stored by choosing.
    follow_in_browser(
        app,
        "gfo_pages",
        "tell_chosen",
        Output("audit-chosen-words", "children"),
        Output("audit-taking", "hidden"),
        Input("audit-decisions-table", "selectedRows"),
        State("audit-take-reason", "value"),  # so it is only for those who decide
    )


def _chosen_ids(rows: object) -> list[int]:
    items = rows if isinstance(rows, list) else []
    ids = [row.get("id") for row in items if isinstance(row, dict)]
    return parse_ids(ids, "decisions that stand")


def _register_csv(app: Dash, context: PageContext) -> None:
    def decisions(request: Request, query: Query) -> tuple[str, CsvExport]:
        chosen = filters.decision_filter(query, request.now)
        order = filters.decision_order(query)
        return "decisions.csv", decisions_csv(request, chosen, order=order)

    def events(request: Request, query: Query) -> tuple[str, CsvExport]:
        export = events_csv(
            request,
            filters.event_filter(query, request.now),
            oldest_first=filters.is_oldest_first(query),
        )
        return "audit-events.csv", export

    serve_csv(
        app,
        context,
        "audit",
        location_id="audit-url",
        what="decisions",
        permission=Permission.VIEW_AUDIT_EVENTS,
        export=decisions,
    )
    serve_csv(
        app,
        context,
        "events",
        location_id="audit-events-url",
        what="events",
        permission=Permission.VIEW_AUDIT_EVENTS,
        export=events,
    )


def _register_events(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("audit-events-state", "children"),
            Output("audit-events-table", "rowData"),
            Output("audit-events-table", "columnDefs"),
            Output("audit-events-pager", "children"),
            Output("event-actor", "options"),
        ],
        inputs=[Input("audit-events-url", "search")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_events(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        shown = list_grids.events_shown(query)
        with context.request() as request:
            page = list_audit_events(
                request,
                filters.event_filter(query, request.now),
                from_seq=query.identifier("at"),
                oldest_first=filters.is_oldest_first(query),
            )
        return (
            list_grids.events_state(page),
            list_grids.event_rows(page, chosen_times().zone_without_region),
            column_defs(list_grids.EVENT_COLUMNS, shown),
            list_grids.events_pager(page, shown),
            filter_options({name: name for name in page.actors}),
        )

    follow_time(
        app,
        "event",
        ["span", "from", "to"],
        others=[f"event-{name}" for name in filters.EVENT_CONTROLS],
        location_id="audit-events-url",
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
            with context.request() as request:
                detail = event_detail(request, event_seq_of(pathname))
        except NotFound as exc:
            return ([page_head("No such event", exc.message)],)
        return (event_page(detail, chosen_times().zone_without_region),)


def _register_chain(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("audit-chain", "children")],
        inputs=[
            Input("audit-events-url", "pathname"),
            Input(f"{CHAIN}-refresh", "n_intervals"),
        ],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_chain(_pathname: str | None, _n_intervals: object) -> tuple[Component]:
        places = AnchorPlaces.of(context.runtime.settings)
        with refreshing(CHAIN), context.request() as request:
            status = chain_status(request, places)
        return (chain_panel(status, chosen_times().zone_without_region),)

    @serve(
        app,
        context,
        outputs=[Output("audit-check-status", "children")],
        inputs=[Input("audit-check", "n_clicks")],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def check_chain(_clicks: int) -> tuple[Component]:
        with context.request() as request:
            ask_for_check(request)
        return (
            notice(
                "The worker verifies the chain.",
                "What it finds stands above within a minute.",
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
            with context.request() as request:
                manifest = export_newest(
                    request,
                    file,
                    AnchorPlaces.of(context.runtime.settings),
                    first_seq=_seq(first),
                    last_seq=_seq(last),
                )
            content = file.read_bytes()
        name = f"audit-{manifest.first_seq}-{manifest.last_seq}.zip"
        status = f"Events {manifest.first_seq} to {manifest.last_seq}."
        return status, file_data(name, "application/zip", content)


def _seq(value: object) -> int | None:
    """The number of an event, or None for an empty box."""
    if value in (None, ""):
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**63:
        message = "The number of an event is a positive whole number."
        raise InvalidInput(message)
    return value
