"""The bar of alarms on every page; it has its room before it is filled."""

from __future__ import annotations

from dash import Dash, Input, Output, html
from dash.development.base_component import Component
from plotly.io.json import to_json_plotly

from core.access import Permission
from core.alarm_kinds import AlarmPriority
from orchestrator.alarms.alarm_lists import alarm_bar
from orchestrator.alarms.views import AlarmBar
from orchestrator.freshness import KeptAnswers
from orchestrator.use_cases import Request
from pages import addresses
from pages.alarms.alarm_words import PRIORITY_SHAPES, priority_css
from pages.attributes import aria, data
from pages.components import link
from pages.context import PageContext
from pages.refreshing import refresh, refreshing
from pages.serving import serve
from pages.still import still
from pages.words import typeset

POLL = "alarm-bar"
"""The bar asks once a minute, and the Alarms page with it."""


def bar_frame() -> Component:
    """The bar, empty."""
    return html.Section(
        [
            html.Div(id="alarm-bar-content"),
            refresh(POLL),
        ],
        id="alarm-bar",
        className="gfo-alarm-bar",
        **aria(label="Alarms"),
    )


def register_bar(app: Dash, context: PageContext) -> None:
    """Register the bar's callback."""
    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=[Output("alarm-bar-content", "children")],
        inputs=[Input(f"{POLL}-refresh", "n_intervals")],
        permission=Permission.VIEW_FLEET,
    )
    def show_bar(_n_intervals: int | None) -> list[Component]:
        with refreshing(POLL), context.request() as request:
            return [kept.get(request, "bar", _made)]


def _made(request: Request) -> Component:
    return bar(alarm_bar(request))


def bar(view: AlarmBar) -> Component:
    """Counts by priority, and the newest alarm that waits, in one line."""
    newest = view.newest
    counted = [(one, view.counts[one]) for one in AlarmPriority if view.counts[one]]
    counts = [
        html.Span(
            f"{PRIORITY_SHAPES[priority]} {count} {priority.value}",
            className=priority_css(priority),
        )
        for priority, count in counted
    ] or [html.Span("No alarms", className="gfo-muted")]
    waiting = f"{view.n_unacknowledged} to acknowledge" if view.n_unacknowledged else ""
    return still(
        html.Div(
            [
                link("Alarms", addresses.ALARMS),
                *counts,
                html.Span(waiting, className="gfo-alarm-waiting"),
                html.Span(
                    typeset(f"{newest.title}: {newest.text}") if newest else "",
                    className="gfo-alarm-newest",
                    role="status",
                ),
            ],
            id="alarm-bar-line",
            className="gfo-alarm-line",
            **data(
                newest=f"{newest.alarm_id}@{newest.raised_at_utc.isoformat()}"
                if newest
                else "",
                priority=newest.priority.value if newest else "",
            ),
        )
    )
