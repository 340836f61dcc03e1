"""The What-if page: its address gives a view, a released slider stores a verdict.

Dragging is followed in the browser alone (`webapp/assets/what_if.js`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from dash import Dash, Input, Output, State
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

from core.access import Permission
from orchestrator.decisions.recording import evaluate, record
from orchestrator.decisions.views import DecisionCard, WhatIfView
from orchestrator.decisions.what_if import what_if_view
from orchestrator.forecasts.fleet import ends_to_open
from orchestrator.freshness import KeptAnswers
from orchestrator.use_cases import Request
from pages.addresses import (
    Query,
    instant_text,
    parse_comment,
    parse_day,
    parse_hours_of_day,
    parse_judged_id,
    parse_record,
    parse_request_id,
    parse_shift_pct,
    parse_slug,
)
from pages.context import PageContext
from pages.refreshing import (
    as_of,
    asked_issue,
    asked_regions,
    is_refresh,
    mark_of,
    only_changes,
    refreshing,
)
from pages.region_picker import region_options, register_region_search
from pages.serving import follow_in_browser, serve
from pages.standing import parse_term
from pages.time_range import DAY_OUTPUTS, day_choice
from pages.times import chosen_times, in_times
from pages.verdicts import impact_table, verdict_card
from pages.what_if import content
from pages.what_if.layout import ALL_HOURS
from pages.what_if.preview import preview_data

_VIEW_OUTPUTS = (
    Output("what-if-notice", "children"),
    Output("what-if-data", "data"),
    Output("what-if-source", "options"),
    Output("what-if-source", "value"),
    Output("what-if-target", "options"),
    Output("what-if-target", "value"),
    Output("what-if-safe-strip", "children"),
    Output("what-if-safe", "children"),
    Output("what-if-baseline", "children"),
    Output("what-if-impact-preview", "children"),
    Output("what-if-scenarios", "children"),
    Output("what-if-source-title", "children"),
    Output("what-if-target-title", "children"),
    Output("what-if-source-numbers", "children"),
    Output("what-if-target-numbers", "children"),
    Output("what-if-source-chart-caption", "children"),
    Output("what-if-target-chart-caption", "children"),
    *(Output("what-if-day", name) for name in DAY_OUTPUTS),
    Output("what-if-from", "value"),
    Output("what-if-until", "value"),
    Output("what-if-as-of", "children"),
)


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    register_region_search(app, context, "what-if-source")
    register_region_search(app, context, "what-if-target")
    _register_view(app, context)
    _register_evaluate(app, context)
    _register_record(app, context)
    _register_browser(app)


def _register_view(app: Dash, context: PageContext) -> None:
    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=_VIEW_OUTPUTS,
        inputs=[
            Input("what-if-url", "search"),
            Input("what-if-refresh", "n_intervals"),
        ],
        states=[State("what-if-data", "data"), State("what-if-slider", "value")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show_view(
        search: str | None, _n_intervals: int | None, shown: object, slider: object
    ) -> Sequence[object]:
        query = Query.parse(search)
        shift_pct = query.shift_pct("shift")
        if is_refresh("what-if"):  # of the shift that is tried now
            shift_pct = parse_shift_pct(slider)
        ends = asked_regions("what-if", shown, query, "source", "target")
        day = query.day("day")
        hours_of_day = query.hours_of_day("hours")
        issued_at_utc = asked_issue("what-if", shown, query.instant("issued"))
        times = chosen_times()

        def make(request: Request) -> tuple[str, tuple[object, ...]]:
            source, target = ends_to_open(request, *ends)
            view = what_if_view(
                request,
                source_slug=source,
                target_slug=target,
                local_day=day,
                issued_at_utc=issued_at_utc,
                shift_pct=shift_pct,
                hours_of_day=hours_of_day,
            )
            may_decide = request.actor.may(Permission.DECIDE)
            shown = in_times(view, times)
            return _rendered(shown, may_decide=may_decide)

        with refreshing("what-if"), context.request() as request:
            asked = ends, day, hours_of_day, issued_at_utc, shift_pct, times
            mark, answer = kept.get(request, asked, make)
        return only_changes("what-if", shown, answer, mark)


def _rendered(view: WhatIfView, *, may_decide: bool) -> tuple[str, tuple[object, ...]]:
    # The shift that is tried does not make it another view.
    mark = mark_of(
        replace(
            view,
            shift_pct=0.0,
            given_pct=(),
            impact=(),
            impact_notes=(),
            hours_text=None,
        )
    )
    source, target = view.source, view.target
    options = region_options(view.regions)
    others = region_options(view.regions.without(source.region.slug))
    return mark, (
        content.window_notice(view),
        preview_data(view, may_decide=may_decide) | {"mark": mark},
        options,
        source.region.slug,
        others,
        target.region.slug if target else None,
        content.safe_strip(view),
        content.safe_words(view),
        content.baseline(view),
        content.impact(view),
        content.scenarios(view),
        content.title(source, "source"),
        content.title(target, "target") if target else "No target",
        content.numbers(source, view.hours_utc),
        content.numbers(target, view.hours_utc),
        content.caption(view, source),
        content.caption(view, target),
        *day_choice(view.local_day, view.first_day, view.last_day, view.missing_days),
        *(view.hours_of_day or ALL_HOURS).split("-"),
        as_of(view.as_of_utc, is_live=view.local_day is None),
    )


def _register_evaluate(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("what-if-verdict", "children"),
            Output("what-if-impact", "children"),
            Output("what-if-stored", "data"),
        ],
        inputs=[Input("what-if-request", "data")],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def evaluate_shift(data: object) -> tuple[Component, Component, dict[str, object]]:
        posted = parse_record(data)
        with context.request(parse_request_id(posted.get("request_id"))) as request:
            card = evaluate(
                request,
                source_slug=parse_slug(posted.get("source"), "source"),
                target_slug=parse_slug(posted.get("target"), "target"),
                local_day=parse_day(posted.get("day")),
                shift_pct=parse_shift_pct(posted.get("shift_pct")),
                hours_of_day=parse_hours_of_day(posted.get("hours")),
            )
        shown = in_times(card, chosen_times())
        return verdict_card(shown), impact_table(shown), _stored(card, posted)


def _stored(card: DecisionCard, posted: Mapping[str, object]) -> dict[str, object]:
    """What the browser compares with its controls: what this verdict is for."""
    return {
        "decision_id": card.decision_id,
        "source": card.source.slug,
        "target": card.target.slug if card.target else None,
        "day": posted.get("day"),
        "issue": instant_text(card.window_start_utc),
        "shift_pct": card.shift_pct,
        "hours": card.hours_of_day,
    }


def _register_record(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("what-if-record-status", "children"),
            Output("what-if-recorded", "children"),
            Output("what-if-record-modal", "is_open"),
        ],
        inputs=[Input("what-if-record-confirm", "n_clicks")],
        states=[
            State("what-if-stored", "data"),
            State("what-if-comment", "value"),
            State("what-if-record-request", "data"),
            State("what-if-term", "value"),
        ],
        permission=Permission.DECIDE,
        at_load=False,
    )
    def record_shift(
        _n_clicks: int,
        stored: object,
        comment: object,
        request_id: object,
        term: object,
    ) -> tuple[None, Component, bool]:
        with context.request(parse_request_id(request_id)) as request:
            outcome = record(
                request,
                what_if_id=parse_judged_id(stored),
                comment=parse_comment(comment),
                lasts_h=parse_term(term),
            )
        zone = chosen_times().zone_without_region
        return None, content.recorded(outcome, zone), False


def _register_browser(app: Dash) -> None:
    """Callbacks that run in the browser and send nothing."""
    follow_in_browser(
        app,
        "gfo_pages",
        "follow_what_if_controls",
        Input("what-if-source", "value"),
        Input("what-if-target", "value"),
        Input("what-if-day", "date"),
        Input("what-if-from", "value"),
        Input("what-if-until", "value"),
        Input("what-if-next-24h", "n_clicks"),
        State("what-if-data", "data"),
    )
    follow_in_browser(
        app,
        "gfo_what_if",
        "agree_on_shift",
        Output("what-if-slider", "value"),
        Output("what-if-number", "value"),
        Input("what-if-slider", "value"),
        Input("what-if-number", "value"),
        Input("what-if-data", "data"),
    )
    follow_in_browser(
        app,
        "gfo_what_if",
        "show_charts",
        Output("what-if-source-chart", "figure"),
        Output("what-if-target-chart", "figure"),
        Input("what-if-data", "data"),
    )
    follow_in_browser(
        app, "gfo_what_if", "follow_shift", Input("what-if-slider", "value")
    )
    follow_in_browser(
        app,
        "gfo_what_if",
        "mark_stored",
        Output("what-if-hint", "className"),
        Output("what-if-verdict", "className"),
        Output("what-if-impact", "className"),
        Output("what-if-impact-preview", "className"),
        Output("what-if-evaluate", "disabled"),
        Output("what-if-record", "disabled"),
        Input("what-if-slider", "value"),
        Input("what-if-data", "data"),
        Input("what-if-stored", "data"),
    )
    follow_in_browser(
        app,
        "gfo_what_if",
        "links",
        Output("what-if-trade-offs", "href"),
        Output("what-if-plan", "href"),
        Input("what-if-slider", "value"),
        Input("what-if-data", "data"),
    )
    follow_in_browser(
        app,
        "gfo_what_if",
        "request_evaluation",
        Input("what-if-slider", "value"),
        Input("what-if-evaluate", "n_clicks"),
        State("what-if-data", "data"),
    )
    follow_in_browser(
        app,
        "gfo_what_if",
        "open_record",
        Input("what-if-record", "n_clicks"),
        Input("what-if-record-cancel", "n_clicks"),
    )
