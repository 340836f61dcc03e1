"""The Telemetry page follows its address; files go to `webapp.telemetry_upload`."""

from __future__ import annotations

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.list_exports import CsvExport
from orchestrator.regions.region_choice import RegionScope
from orchestrator.telemetry.import_pages import (
    import_row,
    imports_page,
    refused_csv,
    refused_page,
)
from orchestrator.telemetry.suspect_hours import suspect_hours
from orchestrator.telemetry.withdrawals import withdraw_import
from orchestrator.use_cases import Request
from pages.addresses import Query
from pages.admin_telemetry import refused
from pages.admin_telemetry.content import import_panel, imports_table, suspect_table
from pages.admin_telemetry.layout import NAMED_IN_FILE
from pages.components import notice
from pages.context import PageContext
from pages.grids import column_defs
from pages.list_controls import ANY, filter_options, follow_filters, serve_csv
from pages.region_picker import region_options, register_region_search
from pages.serving import follow_in_browser, serve
from pages.times import chosen_times

SUSPECT_SHOWN = 50


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    register_region_search(
        app,
        context,
        "telemetry-region",
        permission=Permission.MANAGE_TELEMETRY,
        scope=RegionScope.MEASURED,
        before=[NAMED_IN_FILE],
    )
    _register_imports(app, context)
    _register_withdrawal(app, context)
    _register_refused(app, context)
    _register_csv(app, context)
    follow_in_browser(
        app, "gfo_file_forms", "prepare", Input("telemetry-url", "pathname")
    )


def _register_imports(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("telemetry-import", "children"),
            Output("telemetry-suspect", "children"),
            Output("telemetry-imports", "children"),
            Output("telemetry-region", "options"),
            Output("telemetry-region", "value"),
            Output("telemetry-withdraw-block", "hidden"),
        ],
        inputs=[
            Input("telemetry-url", "search"),
            Input("telemetry-withdrawn", "data"),
        ],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def show_imports(search: str | None, _withdrawn: object) -> tuple[object, ...]:
        query = Query.parse(search)
        batch_id, times = query.identifier("batch"), chosen_times()
        with context.request() as request:
            page = imports_page(request, before_id=query.identifier("before"))
            row = import_row(request, batch_id) if batch_id else None
            suspect = suspect_hours(request, limit=SUSPECT_SHOWN)
        return (
            import_panel(row, times) if row else None,
            suspect_table(suspect, times),
            imports_table(page, times),
            region_options(page.regions, before=[NAMED_IN_FILE]),
            ANY,
            row is None or not row.can_be_withdrawn,
        )


def _register_withdrawal(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("telemetry-withdraw-status", "children"),
            Output("telemetry-withdraw-reason", "value"),
            Output("telemetry-withdrawn", "data"),
        ],
        inputs=[Input("telemetry-withdraw", "n_clicks")],
        states=[
            State("telemetry-url", "search"),
            State("telemetry-withdraw-reason", "value"),
        ],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def withdraw(
        _n_clicks: int, search: str | None, reason: object
    ) -> tuple[Component, str, int]:
        batch_id = Query.parse(search).identifier("batch")
        if batch_id is None:
            message = "Open an import first."
            raise InvalidInput(message)
        said = reason if isinstance(reason, str) else ""
        with context.request() as request:
            done = withdraw_import(
                request,
                batch_id,
                reason=said,
                ranges=context.runtime.settings.valid_ranges(),
            )
        return notice("Withdrawn.", done.sentence), "", done.withdrawal_id


def _register_refused(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("telemetry-refused-state", "children"),
            Output("telemetry-refused-table", "rowData"),
            Output("telemetry-refused-table", "columnDefs"),
            Output("telemetry-refused-pager", "children"),
            Output("refused-code", "options"),
            Output("telemetry-refused-block", "hidden"),
        ],
        inputs=[Input("telemetry-url", "search")],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def show_refused(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        batch_id = query.identifier("batch")
        if batch_id is None:
            return None, [], column_defs(refused.COLUMNS), None, [], True
        shown = refused.refused_shown(query)
        with context.request() as request:
            page = refused_page(
                request,
                batch_id,
                refused.refused_filter(query),
                last_first=refused.is_last_first(query),
                after=refused.place_after(query),
            )
        return (
            refused.refused_state(page),
            refused.refused_grid_rows(page),
            column_defs(refused.COLUMNS, shown),
            refused.refused_pager(page, shown),
            filter_options(refused.reason_words(page.reasons)),
            False,
        )

    follow_filters(
        app, "telemetry-url", [f"refused-{name}" for name in refused.CONTROLS]
    )


def _register_csv(app: Dash, context: PageContext) -> None:
    def refused_rows(request: Request, query: Query) -> tuple[str, CsvExport]:
        batch_id = query.identifier("batch")
        if batch_id is None:
            message = "Open an import first."
            raise InvalidInput(message)
        export = refused_csv(
            request,
            batch_id,
            refused.refused_filter(query),
            last_first=refused.is_last_first(query),
        )
        return f"refused-rows-{batch_id}.csv", export

    serve_csv(
        app,
        context,
        "refused",
        location_id="telemetry-url",
        what="rows",
        permission=Permission.MANAGE_TELEMETRY,
        export=refused_rows,
    )
