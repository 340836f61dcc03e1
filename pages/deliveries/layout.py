"""The form of the Deliveries page."""

from __future__ import annotations

from dash.development.base_component import Component

from core.public_events import KIND_WORDS
from orchestrator.deliveries.subscriptions import CHOSEN_KINDS, MAIL, WEBHOOK
from pages.form_fields import Field, form_grid, labelled_control

FIELDS = (
    Field(name="name", label="Name", kind="text", longest=60),
    Field(
        name="channel",
        label="By",
        kind="choice",
        choices={WEBHOOK: "Webhook", MAIL: "Mail"},
    ),
    Field(
        name="address",
        label="Address of the webhook",
        kind="text",
        longest=2000,
        hint="https; empty for mail. Auditors see it: put no secret in it.",
    ),
    Field(
        name="recipients",
        label="Recipients of mail",
        kind="lines",
        example="ada@example.com",
        hint="One a line; empty for a webhook.",
    ),
    Field(
        name="regions",
        label="Regions",
        kind="lines",
        example="texas",
        hint="One a line; empty for all. Events of the whole fleet are always sent.",
    ),
    Field(
        name="secret",
        label="Secret",
        kind="text",
        hint="env:GFO_WEBHOOK_NAME or file:gfo_webhook_name. Empty: the portal makes"
        " one and shows it once.",
    ),
    Field(
        name="private_hosts",
        label="Private hosts",
        kind="lines",
        example="hooks.internal",
        hint="Hosts whose private or loopback addresses may be called.",
    ),
    Field(
        name="kinds",
        label="Events",
        kind="several",
        choices={
            kind.value: f"{KIND_WORDS[kind]} ({kind.value})" for kind in CHOSEN_KINDS
        },
    ),
)


def subscription_form() -> list[Component]:
    """The controls of a subscription."""
    *first, kinds = FIELDS
    return [form_grid("subscription", first), labelled_control("subscription", kinds)]
