"""The Fleet page asks once when it opens and then every minute."""

from __future__ import annotations

from dash import Dash, Input, Output
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.freshness import KeptAnswers
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
        now, times = context.runtime.clock(), chosen_times()
        actor = context.current_actor()

        def make() -> tuple[Component, Component]:
            view = fleet_view(session, actor, now=now)
            return headline(view), table(in_times(view, times))

        with context.runtime.transaction() as session:
            return kept.get(session, actor, times, now=now, make=make)
