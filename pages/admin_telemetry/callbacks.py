"""The Telemetry page follows its address; files go to `webapp.telemetry_upload`."""

from __future__ import annotations

from dash import Dash, Input, Output

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.services.telemetry_imports import import_detail, imports_page
from pages.addresses import Query
from pages.admin_telemetry.content import import_panel, imports_table
from pages.components import region_options
from pages.context import PageContext
from pages.serving import follow_in_browser, serve
from pages.times import chosen_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""

    @serve(
        app,
        context,
        outputs=[
            Output("telemetry-import", "children"),
            Output("telemetry-imports", "children"),
            Output("telemetry-region", "options"),
            Output("telemetry-region", "value"),
        ],
        inputs=[Input("telemetry-url", "search")],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def show_imports(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        batch_id, times = query.identifier("batch"), chosen_times()
        with context.runtime.transaction() as session:
            actor = context.current_actor()
            page = imports_page(session, actor, before_id=query.identifier("before"))
            detail = (
                import_detail(session, actor, batch_id, after=_after(query))
                if batch_id is not None
                else None
            )
        return (
            import_panel(detail, times) if detail else None,
            imports_table(page, times),
            [
                {"label": "named in the file", "value": ""},
                *region_options(page.regions),
            ],
            "",
        )

    follow_in_browser(
        app, "gfo_telemetry", "prepare", Input("telemetry-url", "pathname")
    )


def _after(query: Query) -> tuple[int, int]:
    """The line and row id that the page begins after, written `line.id`."""
    text = query.text("after")
    if text is None:
        return 0, 0
    line, _, row_id = text.partition(".")
    if not (
        line.isascii() and line.isdigit() and row_id.isascii() and row_id.isdigit()
    ):
        message = "after in the address is not like 120.7."
        raise InvalidInput(message)
    return int(line[:15]), int(row_id[:18])
