"""The fleet's table, and the panel of the Forecast page."""

from __future__ import annotations

from dash import Dash, Input, Output, State
from plotly.io.json import to_json_plotly

from core.access import Permission
from orchestrator.forecasts.quality_page import fleet_quality_view, quality_view
from orchestrator.freshness import KeptAnswers
from orchestrator.use_cases import Request
from pages import addresses
from pages.addresses import Query
from pages.context import PageContext
from pages.forecast_quality.content import fleet_content, quality_content
from pages.region_list import asked_part, part_answer, part_outputs
from pages.serving import serve
from pages.time_range import follow_time, period_of


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callback."""

    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=[Output("quality-panel", "children"), *part_outputs("quality")],
        inputs=[Input("quality-url", "search")],
        permission=Permission.VIEW_FLEET,
    )
    def show_fleet(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        asked = query.given(("span", "from", "to"))
        question, shown = asked_part(query, addresses.FORECAST_QUALITY, asked)
        period = period_of(query, context.runtime.clock().date())

        def make(request: Request) -> tuple[object, ...]:
            days = None if period is None else (period.first_day, period.last_day)
            view = fleet_quality_view(request, question, period=days)
            content = fleet_content(view, period)
            return content, *part_answer(view.part, question, shown)

        with context.request() as request:
            answer: tuple[object, ...] = kept.get(
                request, (question, period, *asked.values()), make
            )
        return answer

    follow_time(app, "quality", ["span", "from", "to"], others=["quality-find"])


def register_panel_callback(app: Dash, context: PageContext) -> None:
    """Register the callback that fills the panel of the Forecast page.

    Apart from the page's own, because it replays a year: the verdict is not to wait.
    """

    @serve(
        app,
        context,
        outputs=[Output("forecast-quality-content", "children")],
        inputs=[Input("forecast-shown", "data")],
        states=[State("forecast-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_region(_shown: object, search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        with context.request() as request:
            view = quality_view(
                request,
                region_slug=query.text("region"),
                local_day=query.day("day"),
            )
        return (quality_content(view),)
