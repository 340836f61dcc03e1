"""The Deliveries page: what its table, form and buttons do."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput, ServiceUnavailable
from orchestrator.accounts.second_factors import FactorKey
from orchestrator.deliveries.delivery_list import (
    list_subscription_views,
    subscription_page,
)
from orchestrator.deliveries.subscriptions import (
    WEBHOOK,
    GivenSecret,
    SubscriptionFacts,
    add_subscription,
    change_subscription,
    pause_subscription,
    remove_subscription,
    replay,
    rotate_secret,
    send_test,
)
from orchestrator.use_cases import Request
from pages import addresses
from pages.components import notice
from pages.context import PageContext
from pages.deliveries.content import (
    subscription_history,
    subscription_state,
    subscriptions_table,
)
from pages.deliveries.layout import FIELDS
from pages.form_fields import Entered
from pages.integrations import Action, Integrations, Opened


def _table(request: Request, zone: str) -> Component:
    return subscriptions_table(list_subscription_views(request), zone)


def _open(request: Request, name: str, zone: str) -> Opened:
    page = subscription_page(request, name)
    return Opened(
        state=subscription_state(page, zone),
        history=subscription_history(page, zone),
        is_paused=page.subscription.facts.is_paused
        or page.subscription.stopped_reason is not None,
    )


def _save(
    context: PageContext,
    request: Request,
    entered: Entered,
    is_new: bool,
) -> Component:
    reference = entered.pop("secret") or None
    entered["address"] = entered["address"] or None
    written = SubscriptionFacts(**entered, is_paused=False)
    if is_new:
        key = _key(context)
        return _secret_notice(
            add_subscription(request, written, key, secret_reference=reference)
        )
    if reference is not None:
        message = "Give it another secret by its own button."
        raise InvalidInput(message)
    change_subscription(request, written)
    return notice("Saved.", "It is sent what it chose from now on.")


def _test(_context: PageContext, request: Request, name: str) -> Component:
    send_test(request, name)
    return notice("A test is on its way.", "Its answer shows below.")


def _replay(_context: PageContext, request: Request, name: str) -> Component:
    return notice("They wait again.", f"Deliveries: {replay(request, name)}.")


def _rotate(context: PageContext, request: Request, name: str) -> Component:
    return _secret_notice(rotate_secret(request, name, _key(context)))


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


SUBSCRIPTIONS = Integrations(
    name="deliveries",
    noun="subscription",
    question="Who gets which events, and what did their receivers answer?",
    path=addresses.ADMIN_DELIVERIES,
    view=Permission.VIEW_AUDIT_EVENTS,
    manage=Permission.MANAGE_DELIVERIES,
    fields=FIELDS,
    defaults={"channel": WEBHOOK, "kinds": []},
    table=_table,
    open=_open,
    written=lambda request, name: subscription_page(request, name).subscription.facts,
    save=_save,
    pause=pause_subscription,
    paused_words="Events go on collecting.",
    resumed_words="Events are sent.",
    remove=remove_subscription,
    removed_words="What waited was given up.",
    actions=(
        Action(name="test", text="Send a test", act=_test, is_main=True),
        Action(name="replay", text="Send dead ones again", act=_replay),
    ),
    confirmed_actions=(
        Action(name="rotate", text="Give it another secret", act=_rotate),
    ),
)
