"""The Forecast page follows its address; its controls change the address."""

from __future__ import annotations

from dash import Dash, Input, Output, State

from core.access import Permission
from orchestrator.services.forecasting import day_view
from orchestrator.services.freshness import KeptAnswers
from orchestrator.views import ForecastDayView
from pages.addresses import Query
from pages.components import region_options
from pages.context import PageContext
from pages.days import DAY_OUTPUTS, day_choice
from pages.forecast.layout import content
from pages.forecast_quality.callbacks import register_panel_callback
from pages.serving import follow_in_browser, serve
from pages.times import chosen_times, in_times
from pages.words import window_name


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    register_panel_callback(app, context)
    kept = KeptAnswers()

    @serve(
        app,
        context,
        outputs=[
            Output("forecast-panel", "children"),
            Output("forecast-shown", "data"),
            Output("forecast-region", "options"),
            Output("forecast-region", "value"),
            *(Output("forecast-day", name) for name in DAY_OUTPUTS),
        ],
        inputs=[Input("forecast-url", "search")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_day(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        region_slug, local_day = query.text("region"), query.day("day")
        now, times = context.runtime.clock(), chosen_times()
        actor = context.current_actor()

        def make() -> tuple[bool, tuple[object, ...]]:
            view = day_view(
                session, actor, region_slug=region_slug, local_day=local_day, now=now
            )
            return view.notice is None, _rendered(in_times(view, times))

        with context.runtime.transaction() as session:
            _, answer = kept.get(
                session,
                actor,
                (region_slug, local_day, times),
                now=now,
                make=make,
                # A view without a forecast asks for one, each time it is looked at.
                keep_if=lambda made: made[0],
            )
        return answer

    follow_in_browser(
        app,
        "gfo_pages",
        "follow_forecast_controls",
        Input("forecast-region", "value"),
        Input("forecast-day", "date"),
        Input("forecast-next-24h", "n_clicks"),
        State("forecast-shown", "data"),
    )
    follow_in_browser(
        app, "gfo_pages", "title_forecast", Input("forecast-shown", "data")
    )


def _rendered(view: ForecastDayView) -> tuple[object, ...]:
    shown = {
        "region": view.region.slug,
        "day": view.local_day.isoformat() if view.local_day else None,
        "title": f"{view.region.name}, {window_name(view.local_day)}",
    }
    return (
        content(view),
        shown,
        region_options(view.regions),
        view.region.slug,
        *day_choice(view.local_day, view.first_day, view.last_day, view.missing_days),
    )
