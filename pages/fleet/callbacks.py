"""The Fleet page loads when it opens and then every minute."""

from __future__ import annotations

from dash import Dash, Input, Output
from plotly.io.json import to_json_plotly

from core.access import Permission
from orchestrator.alarms.alarm_lists import standing_alarms
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.freshness import KeptAnswers
from orchestrator.overview.first_page import overview
from orchestrator.use_cases import Request
from pages.context import PageContext
from pages.fleet.layout import fleet_pager, headline, shown_of, table
from pages.fleet.overview import overview_panels
from pages.fleet.setup import register_setup
from pages.list_controls import follow_filters
from pages.region_list import filters_css
from pages.serving import serve
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=[
            Output("fleet-status", "children"),
            Output("fleet-table", "children"),
            Output("fleet-pager", "children"),
            Output("fleet-filters", "className"),
            Output("fleet-overview", "children"),
        ],
        inputs=[
            Input("fleet-refresh", "n_intervals"),
            Input("fleet-url", "search"),
        ],
        permission=Permission.VIEW_FLEET,
    )
    def show_fleet(_n_intervals: int | None, search: str | None) -> tuple[object, ...]:
        times = chosen_times()
        question, shown = shown_of(search)

        def make(request: Request) -> tuple[object, ...]:
            view = fleet_view(request, question)
            more = overview(request, sum(view.counts.values()))
            return (
                headline(view, standing_alarms(request)),
                table(in_times(view, times)),
                fleet_pager(view, question, shown),
                filters_css(is_long=view.part is not None),
                overview_panels(view, more, times),
            )

        with context.request() as request:
            return kept.get(request, (times, question), make)

    follow_filters(app, "fleet-url", ["fleet-find", "fleet-verdict"])
    register_setup(app, context)
