"""The Trade-offs page follows its address; playing it asks the server for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from dash import Dash, Input, Output, State
from plotly.io.json import to_json_plotly

from core.access import Permission
from core.errors import InvalidInput
from core.shares import HoursOfDay
from orchestrator.forecasts.fleet import ends_to_open
from orchestrator.freshness import KeptAnswers
from orchestrator.trade_offs.page import trade_off_view
from orchestrator.trade_offs.views import TradeOffView, WaterScope
from orchestrator.use_cases import Request
from orchestrator.windows.views import Ground
from pages.addresses import Query, instant_text
from pages.context import PageContext
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
from pages.theme import local_labels
from pages.time_range import DAY_OUTPUTS, day_choice, follow_time
from pages.times import chosen_times, in_times
from pages.trade_offs import content
from pages.trade_offs.figures import scatter_summary, trade_off_scatter

_OUTPUTS = (
    Output("trade-offs-notice", "children"),
    Output("trade-offs-data", "data"),
    Output("trade-offs-source", "options"),
    Output("trade-offs-source", "value"),
    Output("trade-offs-target", "options"),
    Output("trade-offs-target", "value"),
    Output("trade-offs-shift", "value"),
    Output("trade-offs-water", "value"),
    Output("trade-offs-chart", "figure"),
    Output("trade-offs-chart-summary", "children"),
    Output("trade-offs-chart-caption", "children"),
    Output("trade-offs-numbers", "children"),
    Output("trade-offs-efficiency", "children"),
    *(Output("trade-offs-day", name) for name in DAY_OUTPUTS),
    Output("trade-offs-as-of", "children"),
)


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    register_region_search(app, context, "trade-offs-source")
    register_region_search(app, context, "trade-offs-target")
    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=_OUTPUTS,
        inputs=[
            Input("trade-offs-url", "search"),
            Input("trade-offs-refresh", "n_intervals"),
        ],
        states=[State("trade-offs-data", "data")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_trade_offs(
        search: str | None, _n_intervals: int | None, shown: object
    ) -> Sequence[object]:
        query = Query.parse(search)
        ends = asked_regions("trade-offs", shown, query, "source", "target")
        question = _question(query)
        issued_at_utc = asked_issue("trade-offs", shown, query.instant("issued"))
        times = chosen_times()

        def make(request: Request) -> tuple[str, tuple[object, ...]]:
            source, target = ends_to_open(request, *ends)
            day, shift_pct, hours_of_day, scope, ground = question
            view = trade_off_view(
                request,
                source_slug=source,
                target_slug=target,
                local_day=day,
                issued_at_utc=issued_at_utc,
                shift_pct=shift_pct,
                ground=ground,
                hours_of_day=hours_of_day,
            )
            return _rendered(in_times(view, times), scope)

        with refreshing("trade-offs"), context.request() as request:
            asked = ends, question, issued_at_utc, times
            mark, answer = kept.get(request, asked, make)
        return only_changes("trade-offs", shown, answer, mark)

    follow_time(app, "trade-offs", ["frozen"], refresh="trade-offs-refresh")
    follow_in_browser(
        app,
        "gfo_trade_offs",
        "follow_controls",
        Input("trade-offs-source", "value"),
        Input("trade-offs-target", "value"),
        Input("trade-offs-shift", "value"),
        Input("trade-offs-day", "date"),
        Input("trade-offs-next-24h", "n_clicks"),
        Input("trade-offs-water", "value"),
        State("trade-offs-data", "data"),
    )
    follow_in_browser(app, "gfo_trade_offs", "begin", Input("trade-offs-data", "data"))


def _question(
    query: Query,
) -> tuple[date | None, float, HoursOfDay | None, WaterScope, Ground]:
    """What the address asks of the ends: day, shift, hours, whose water, which load."""
    return (
        query.day("day"),
        query.shift_pct("shift"),
        query.hours_of_day("hours"),
        _scope(query.text("water")),
        Ground(query.one_of("ground", list(Ground), "ground") or Ground.RECORDED.value),
    )


def _scope(text: str | None) -> WaterScope:
    try:
        return WaterScope(text or WaterScope.ON_SITE)
    except ValueError as exc:
        message = f"The water {text!r} is unknown; use on_site or total."
        raise InvalidInput(message) from exc


def _rendered(view: TradeOffView, scope: WaterScope) -> tuple[str, tuple[object, ...]]:
    mark = mark_of(view)
    options = region_options(view.regions)
    others = region_options(view.regions.without(view.source.slug))
    figure = trade_off_scatter(view, scope)
    return mark, (
        content.window_notice(view),
        _browser_data(view, scope, mark),
        options,
        view.source.slug,
        others,
        view.target.slug if view.target else None,
        view.shift_pct,
        scope.value,
        figure,
        scatter_summary(view, scope),
        content.caption(view),
        content.hourly_numbers(view, scope),
        content.efficiency_table(view),
        *day_choice(view.local_day, view.first_day, view.last_day, view.missing_days),
        as_of(view.as_of_utc, is_live=view.local_day is None),
    )


def _browser_data(view: TradeOffView, scope: WaterScope, mark: str) -> dict[str, Any]:
    return {
        "title": f"{view.source.name}, {content.shown_window(view)}",
        "mark": mark,
        "is_newest": not view.is_simulation,
        "issue": instant_text(view.hours_utc[0]),
        "named": {
            "source": view.source.slug,
            "target": view.target.slug if view.target else None,
        },
        "is_issued": view.is_issued,
        "source": view.source.slug,
        "target": view.target.slug if view.target else None,
        "day": view.local_day.isoformat() if view.local_day else None,
        "shift": view.shift_pct,
        "hours": view.hours_of_day,
        "water": scope.value,
        "ground": view.ground.value if view.ground is Ground.NOW else None,
        "labels": local_labels(view.hours_utc, view.source.time_zone),
    }
