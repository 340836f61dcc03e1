"""The Feeds page follows its address; its buttons run, pause and write a feed."""

from __future__ import annotations

import time

from dash import Dash, Input, Output, State, ctx
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.feeds.configuration import (
    add_feed,
    change_feed,
    pause_feed,
    run_feed_soon,
)
from orchestrator.feeds.feed_list import feed_page, list_feed_views
from pages.addresses import Query
from pages.components import notice
from pages.context import PageContext
from pages.feeds.content import (
    FIELDS,
    feed_history,
    feed_state,
    feeds_table,
    form_values,
    read_form,
)
from pages.feeds.layout import BUTTONS, NEW
from pages.refreshing import refreshing
from pages.serving import serve
from pages.times import chosen_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_view(app, context)
    _register_form(app, context)
    _register_actions(app, context)
    _register_save(app, context)


def _register_view(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("feeds-notice", "children"),
            Output("feeds-table", "children"),
            Output("feeds-state", "children"),
            Output("feeds-history", "children"),
            Output("feeds-chosen", "hidden"),
            Output("feeds-pause", "disabled"),
            Output("feeds-resume", "disabled"),
        ],
        inputs=[
            Input("feeds-url", "search"),
            Input("feeds-saved", "data"),
            Input("feeds-acted", "data"),
            Input("feeds-refresh", "n_intervals"),
        ],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def show_feeds(search: str | None, *_changed: object) -> tuple[object, ...]:
        name = Query.parse(search).text("feed")
        zone = chosen_times().zone_without_region
        with refreshing("feeds"), context.request() as request:
            views = list_feed_views(request)
            page = feed_page(request, name) if name else None
        is_paused = page is not None and page.feed.facts.is_paused
        return (
            None,
            feeds_table(views, zone),
            feed_state(page) if page else None,
            feed_history(page, zone) if page else None,
            page is None,
            is_paused,
            not is_paused,
        )


def _register_form(app: Dash, context: PageContext) -> None:
    # Apart from the view: what is being written stays while the page refreshes.
    @serve(
        app,
        context,
        outputs=[
            Output("feeds-form-notice", "children"),
            Output("feeds-form", "hidden"),
            Output("feed-name", "readonly"),
            *(Output(f"feed-{name}", "value") for name in FIELDS),
        ],
        inputs=[Input("feeds-url", "search")],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def show_form(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        name, is_new = query.text("feed"), query.text(NEW) is not None
        written = None
        if name:
            with context.request() as request:
                written = feed_page(request, name).feed.facts
        return (
            None,
            written is None and not is_new,
            written is not None,
            *form_values(written),
        )


def _register_actions(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("feeds-act-status", "children"), Output("feeds-acted", "data")],
        inputs=[Input(name, "n_clicks") for name, *_ in BUTTONS],
        states=[State("feeds-url", "search")],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def act(
        _run: object, _pause: object, _resume: object, search: str | None
    ) -> tuple[Component, int]:
        name = Query.parse(search).text("feed")
        if name is None:
            message = "Open a feed first."
            raise InvalidInput(message)
        pressed = str(ctx.triggered_id)
        with context.request() as request:
            if pressed == "feeds-run":
                run_feed_soon(request, name)
                done = notice("Queued.", "The worker runs it after the cycle's work.")
            else:
                is_paused = pressed == "feeds-pause"
                pause_feed(request, name, is_paused=is_paused)
                said = "It is not asked." if is_paused else "It is asked again."
                done = notice("Paused." if is_paused else "Goes on.", said)
        return done, time.monotonic_ns()


def _register_save(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("feeds-save-status", "children"),
            Output("feeds-saved", "data"),
            Output("feeds-password", "value"),
        ],
        inputs=[Input("feeds-save", "n_clicks")],
        states=[
            State("feeds-url", "search"),
            State("feeds-password", "value"),
            *(State(f"feed-{name}", "value") for name in FIELDS),
        ],
        permission=Permission.MANAGE_TELEMETRY,
        at_load=False,
    )
    def save(
        _n_clicks: int, search: str | None, password: object, *values: object
    ) -> tuple[Component, int, str]:
        write = change_feed if Query.parse(search).text("feed") else add_feed
        facts = read_form(values)
        with context.confirmed_request(password) as request:
            saved = write(request, facts)
        done = notice("Saved.", f"The worker runs {saved} within a minute.")
        return done, time.monotonic_ns(), ""
