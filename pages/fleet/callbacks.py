"""The Fleet page asks once when it opens and then every minute."""

from __future__ import annotations

from dash import Dash, Input, Output
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.services.fleet import fleet_view
from pages.context import PageContext
from pages.fleet.layout import headline, table
from pages.serving import serve
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""

    @serve(
        app,
        context,
        outputs=[Output("fleet-status", "children"), Output("fleet-table", "children")],
        inputs=[Input("fleet-refresh", "n_intervals")],
        permission=Permission.VIEW_FLEET,
    )
    def show_fleet(_n_intervals: int | None) -> tuple[Component, Component]:
        with context.runtime.transaction() as session:
            view = fleet_view(
                session, context.current_actor(), now=context.runtime.clock()
            )
        return headline(view), table(in_times(view, chosen_times()))
