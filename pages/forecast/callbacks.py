"""The Forecast page follows its address; its controls change the address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from dash import Dash, Input, Output, State
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

from core.access import Permission
from core.errors import InvalidInput
from core.telemetry import HOUR, Quantity, hours_between
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import ends_to_open
from orchestrator.forecasts.views import ForecastDayView
from orchestrator.freshness import KeptAnswers
from orchestrator.overview.history import marks_between, measured_temperature
from orchestrator.telemetry.suspect_hours import accept_suspect_hours
from orchestrator.use_cases import Request
from orchestrator.windows.views import Ground, Series
from pages import addresses
from pages.addresses import (
    Query,
    parse_comment,
    parse_instant,
    parse_record,
    parse_slug,
)
from pages.components import notice
from pages.context import PageContext
from pages.forecast.figures import Beside
from pages.forecast.layout import content, issue_options, shown_window
from pages.forecast_quality.callbacks import register_panel_callback
from pages.history.content import mark_href
from pages.refreshing import (
    as_of,
    asked_issue,
    asked_regions,
    mark_of,
    only_changes,
    refreshing,
)
from pages.region_picker import region_options, register_region_search
from pages.serving import follow_in_browser, serve
from pages.time_range import DAY_OUTPUTS, compared_days, day_choice, follow_time
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    register_region_search(app, context, "forecast-region")
    register_panel_callback(app, context)
    _register_acceptance(app, context)
    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=[
            Output("forecast-panel", "children"),
            Output("forecast-shown", "data"),
            Output("forecast-region", "options"),
            Output("forecast-region", "value"),
            *(Output("forecast-day", name) for name in DAY_OUTPUTS),
            Output("forecast-issue", "options"),
            Output("forecast-issue", "value"),
            Output("forecast-accept-panel", "hidden"),
            Output("forecast-as-of", "children"),
        ],
        inputs=[
            Input("forecast-url", "search"),
            Input("forecast-refresh", "n_intervals"),
        ],
        states=[State("forecast-shown", "data")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_day(
        search: str | None, _n_intervals: int | None, shown: object
    ) -> Sequence[object]:
        query = Query.parse(search)
        (region_slug,) = asked_regions("forecast", shown, query, "region")
        local_day = query.day("day")
        ground = Ground(
            query.one_of("ground", list(Ground), "ground") or Ground.NOW.value
        )
        issued_at_utc = asked_issue("forecast", shown, query.instant("issued"))
        compare_days = compared_days(query)
        times = chosen_times()

        def make(request: Request) -> tuple[bool, str, tuple[object, ...]]:
            view = day_view(
                request,
                region_slug=region_slug or ends_to_open(request)[0],
                local_day=local_day,
                issued_at_utc=issued_at_utc,
                ground=ground,
            )
            may_decide = request.actor.may(Permission.DECIDE)
            rendered = _rendered(
                in_times(view, times),
                _beside(request, view, compare_days),
                may_decide=may_decide,
            )
            return view.notice is None, *rendered

        with refreshing("forecast"), context.request() as request:
            _, mark, answer = kept.get(
                request,
                (region_slug, local_day, issued_at_utc, ground, compare_days, times),
                make,
                # A view without a forecast requests one each time it is opened.
                keep_if=lambda made: made[0],
            )
        return only_changes("forecast", shown, answer, mark)

    follow_time(app, "forecast", ["compare", "frozen"], refresh="forecast-refresh")
    follow_in_browser(
        app,
        "gfo_pages",
        "follow_forecast_controls",
        Input("forecast-region", "value"),
        Input("forecast-day", "date"),
        Input("forecast-next-24h", "n_clicks"),
        Input("forecast-issue", "value"),
        State("forecast-shown", "data"),
    )
    follow_in_browser(
        app, "gfo_pages", "show_forecast", Input("forecast-shown", "data")
    )


def _register_acceptance(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("forecast-accept-status", "children")],
        inputs=[Input("forecast-accept", "n_clicks")],
        states=[
            State("forecast-shown", "data"),
            State("forecast-accept-reason", "value"),
        ],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def accept_hours(_n_clicks: int, shown: object, reason: object) -> tuple[Component]:
        posted = parse_record(shown)
        start_utc = parse_instant(posted.get("suspect_from"))
        last_utc = parse_instant(posted.get("suspect_to"))
        if start_utc is None or last_utc is None:
            message = "No hour that is shown is suspect."
            raise InvalidInput(message)
        with context.request() as request:
            count = accept_suspect_hours(
                request,
                region_slug=parse_slug(posted.get("region"), "suspect"),
                quantity=Quantity.TEMPERATURE_C,
                start_utc=start_utc,
                end_utc=last_utc + HOUR,
                reason=parse_comment(reason),
                ranges=context.runtime.settings.valid_ranges(),
            )
        text = f"{count} h are accepted; the next issue uses them."
        return (notice("Accepted", text),)


def _beside(
    request: Request, view: ForecastDayView, compare_days: int | None
) -> Beside:
    """What was decided and raised in the hours of the chart, and other days' hours."""
    start_utc = (*view.history_hours_utc, *view.hours_utc)[0]
    end_utc = view.hours_utc[-1] + HOUR
    slug = view.region.slug
    marks = marks_between(request, slug, start_utc, end_utc)
    compared: Series = ()
    if compare_days:
        compared = measured_temperature(
            request,
            slug,
            start_utc - timedelta(days=compare_days),
            hours_between(start_utc, end_utc),
        )
    return Beside(
        marks=marks,
        mark_hrefs=tuple(mark_href(mark) for mark in marks),
        compare_days=compare_days,
        compared_c=compared,
    )


def _rendered(
    view: ForecastDayView, beside: Beside, *, may_decide: bool
) -> tuple[str, tuple[object, ...]]:
    suspect = view.suspect_hours_utc
    mark = mark_of(view) + mark_of(beside)
    shown = {
        "mark": mark,
        "is_newest": not view.is_simulation,
        "region": view.region.slug,
        "named": {"region": view.region.slug},
        "day": view.local_day.isoformat() if view.local_day else None,
        "issue": addresses.instant_text(view.window_start_utc),
        "is_issued": view.issued_at_utc is not None,
        "title": f"{view.region.name}, {shown_window(view)}",
        "suspect_from": addresses.instant_text(suspect[0]) if suspect else None,
        "suspect_to": addresses.instant_text(suspect[-1]) if suspect else None,
    }
    return mark, (
        content(view, beside),
        shown,
        region_options(view.regions),
        view.region.slug,
        *day_choice(view.local_day, view.first_day, view.last_day, view.missing_days),
        issue_options(view),
        addresses.instant_text(view.window_start_utc),
        not (suspect and may_decide),
        as_of(view.as_of_utc, is_live=view.local_day is None),
    )
