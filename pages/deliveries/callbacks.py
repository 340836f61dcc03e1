"""The Deliveries page follows its address; its buttons test, pause and write."""

from __future__ import annotations

import time

from dash import Dash, Input, Output, State, ctx, html
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput, ServiceUnavailable
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.deliveries.delivery_list import (
    list_subscription_views,
    subscription_page,
)
from orchestrator.deliveries.subscriptions import (
    GivenSecret,
    add_subscription,
    change_subscription,
    pause_subscription,
    remove_subscription,
    replay,
    rotate_secret,
    send_test,
)
from pages.addresses import Query
from pages.components import notice
from pages.context import PageContext
from pages.deliveries.content import (
    FIELDS,
    form_values,
    read_form,
    subscription_history,
    subscription_state,
    subscriptions_table,
)
from pages.deliveries.layout import BUTTONS, CONFIRMED_BUTTONS, NEW
from pages.refreshing import refreshing
from pages.serving import serve
from pages.times import chosen_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_view(app, context)
    _register_form(app, context)
    _register_actions(app, context)
    _register_confirmed_actions(app, context)
    _register_save(app, context)


def _register_view(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("deliveries-notice", "children"),
            Output("deliveries-table", "children"),
            Output("deliveries-state", "children"),
            Output("deliveries-history", "children"),
            Output("deliveries-chosen", "hidden"),
        ],
        inputs=[
            Input("deliveries-url", "search"),
            Input("deliveries-saved", "data"),
            Input("deliveries-acted", "data"),
            Input("deliveries-confirmed", "data"),
            Input("deliveries-refresh", "n_intervals"),
        ],
        permission=Permission.VIEW_AUDIT_EVENTS,
        at_load=False,
    )
    def show_deliveries(search: str | None, *_changed: object) -> tuple[object, ...]:
        name = Query.parse(search).text("subscription")
        zone = chosen_times().zone_without_region
        with refreshing("deliveries"), context.request() as request:
            views = list_subscription_views(request)
            is_there = name in {view.facts.name for view in views}
            page = subscription_page(request, name) if name and is_there else None
        return (
            None,
            subscriptions_table(views, zone),
            subscription_state(page, zone) if page else None,
            subscription_history(page, zone) if page else None,
            page is None,
        )


def _register_form(app: Dash, context: PageContext) -> None:
    # Apart from the view: what is being written stays while the page refreshes.
    @serve(
        app,
        context,
        outputs=[
            Output("deliveries-form-notice", "children"),
            Output("deliveries-form", "hidden"),
            Output("delivery-name", "readonly"),
            *(Output(f"delivery-{name}", "value") for name in FIELDS),
        ],
        inputs=[Input("deliveries-url", "search")],
        permission=Permission.MANAGE_DELIVERIES,
        at_load=False,
    )
    def show_form(search: str | None) -> tuple[object, ...]:
        query = Query.parse(search)
        name, is_new = query.text("subscription"), query.text(NEW) is not None
        written = None
        if name:
            with context.request() as request:
                written = subscription_page(request, name).subscription.facts
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
        outputs=[
            Output("deliveries-act-status", "children"),
            Output("deliveries-acted", "data"),
        ],
        inputs=[Input(name, "n_clicks") for name, *_ in BUTTONS],
        states=[State("deliveries-url", "search")],
        permission=Permission.MANAGE_DELIVERIES,
        at_load=False,
    )
    def act(*given: object) -> tuple[Component, int]:
        name, pressed = _chosen(given[-1]), str(ctx.triggered_id)
        with context.request() as request:
            if pressed == "deliveries-test":
                send_test(request, name)
                done = notice("A test is on its way.", "Its answer shows below.")
            elif pressed == "deliveries-replay":
                count = replay(request, name)
                done = notice("They wait again.", f"Deliveries: {count}.")
            else:
                is_paused = pressed == "deliveries-pause"
                pause_subscription(request, name, is_paused=is_paused)
                said = "Events go on collecting." if is_paused else "Events are sent."
                done = notice("Paused." if is_paused else "Goes on.", said)
        return done, time.monotonic_ns()


def _register_confirmed_actions(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("deliveries-confirm-status", "children"),
            Output("deliveries-confirmed", "data"),
            Output("deliveries-act-password", "value"),
        ],
        inputs=[Input(name, "n_clicks") for name, *_ in CONFIRMED_BUTTONS],
        states=[
            State("deliveries-url", "search"),
            State("deliveries-act-password", "value"),
        ],
        permission=Permission.MANAGE_DELIVERIES,
        at_load=False,
    )
    def act_confirmed(*given: object) -> tuple[Component, int, str]:
        name, pressed = _chosen(given[-2]), str(ctx.triggered_id)
        with context.confirmed_request(given[-1]) as request:
            if pressed == "deliveries-remove":
                remove_subscription(request, name)
                done = notice("Removed.", "What waited was given up.")
            else:
                done = _secret_notice(rotate_secret(request, name, _key(context)))
        return done, time.monotonic_ns(), ""


def _register_save(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("deliveries-save-status", "children"),
            Output("deliveries-saved", "data"),
            Output("deliveries-password", "value"),
        ],
        inputs=[Input("deliveries-save", "n_clicks")],
        states=[
            State("deliveries-url", "search"),
            State("deliveries-password", "value"),
            *(State(f"delivery-{name}", "value") for name in FIELDS),
        ],
        permission=Permission.MANAGE_DELIVERIES,
        at_load=False,
    )
    def save(
        _n_clicks: int, search: str | None, password: object, *values: object
    ) -> tuple[Component, int, str]:
        written, reference = read_form(values)
        is_known = Query.parse(search).text("subscription") is not None
        with context.confirmed_request(password) as request:
            if is_known:
                if reference is not None:
                    message = "Give it another secret by its own button."
                    raise InvalidInput(message)
                change_subscription(request, written)
                done = notice("Saved.", "It is sent what it chose from now on.")
            else:
                given = add_subscription(
                    request, written, _key(context), secret_reference=reference
                )
                done = _secret_notice(given)
        return done, time.monotonic_ns(), ""


def _chosen(search: object) -> str:
    name = Query.parse(search).text("subscription")
    if name is None:
        message = "Open a subscription first."
        raise InvalidInput(message)
    return name


def _key(context: PageContext) -> FactorKey:
    if context.factor_key is None:
        message = "The portal has no key that seals secrets."
        raise ServiceUnavailable(message)
    return context.factor_key


def _secret_notice(given: GivenSecret) -> Component:
    if given.secret is None:
        return notice("Saved.", f"{given.name} is sent what it chose from now on.")
    return notice(
        "Saved. Give the receiver this secret now; it is shown once.",
        html.Code(given.secret, id="deliveries-secret"),
    )
