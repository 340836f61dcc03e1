"""The Fleet page loads when it opens and then every minute."""

from __future__ import annotations

from dash import Dash, Input, Output
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.freshness import KeptAnswers
from orchestrator.use_cases import Request
from pages.context import PageContext
from pages.fleet.layout import headline, table
from pages.serving import serve
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    kept = KeptAnswers()

    @serve(
        app,
        context,
        outputs=[Output("fleet-status", "children"), Output("fleet-table", "children")],
        inputs=[Input("fleet-refresh", "n_intervals")],
        permission=Permission.VIEW_FLEET,
    )
    def show_fleet(_n_intervals: int | None) -> tuple[Component, Component]:
        times = chosen_times()

        def make(request: Request) -> tuple[Component, Component]:
            view = fleet_view(request)
            return headline(view), table(in_times(view, times))

        with context.request() as request:
            return kept.get(request, times, make)
