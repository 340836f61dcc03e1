"""The form of the Feeds page, and what each kind of feed needs."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from core.event_words import quantity_and_unit
from core.telemetry import Quantity
from orchestrator.feeds.configuration import BOUNDS
from orchestrator.feeds.kinds.known_kinds import KINDS
from pages.components import disclosure
from pages.form_fields import Field, form_grid


def _bounded(name: str, label: str, hint: str = "") -> Field:
    bounds = BOUNDS[name]
    return Field(name=name, label=label, hint=hint, low=bounds.low, high=bounds.high)


_FIRST_FIELDS = (
    Field(name="name", label="Name", kind="text", longest=60),
    Field(
        name="kind",
        label="Kind",
        kind="choice",
        choices={name: kind.words for name, kind in KINDS.items()},
    ),
    Field(
        name="address",
        label="Address",
        kind="text",
        longest=2000,
        hint="Of the source, without user, password and query.",
    ),
    Field(
        name="secret_reference",
        label="Secret",
        kind="text",
        hint="env:GFO_FEED_NAME or file:gfo_feed_name; empty without one.",
    ),
    Field(
        name="regions",
        label="Regions",
        kind="pairs",
        example="texas=US-TEX-ERCO",
        hint="One a line; after = what the source calls it.",
    ),
    Field(
        name="quantities",
        label="Quantities",
        kind="lines",
        example=Quantity.CARBON_INTENSITY_GCO2_KWH.value,
        hint="What is taken, one a line, by the names below.",
    ),
    Field(
        name="options",
        label="Options",
        kind="pairs",
        example="rate.EUR=1.08",
        hint="NAME=VALUE, one a line.",
    ),
    Field(
        name="private_hosts",
        label="Private hosts",
        kind="lines",
        example="prometheus.internal",
        hint="Hosts whose private or loopback addresses may be called, one a line.",
    ),
)
NUMBERS = (
    _bounded("every_min", "Minutes between runs"),
    _bounded(
        "priority",
        "Priority",
        "1 is the first choice of a quantity; others stand by.",
    ),
    _bounded(
        "stale_after_h",
        "Stale after, h",
        "Age of its newest good hour from which another takes over.",
    ),
    _bounded("backfill_h", "Filled back, h"),
    _bounded(
        "requests_a_day", "Requests a day", "Empty: no limit of the portal's own."
    ),
)
FIELDS = (*_FIRST_FIELDS, *NUMBERS)


def feed_form() -> list[Component]:
    """The controls of a feed."""
    return [
        form_grid("feed", _FIRST_FIELDS),
        disclosure("Schedule, order and limits", form_grid("feed", NUMBERS)),
        disclosure("Names of quantities, and what each kind needs", _kinds()),
    ]


def _kinds() -> Component:
    names = (f"{item.value} ({quantity_and_unit(item.value)})" for item in Quantity)
    items: list[Component] = [html.Dt("Quantities"), html.Dd(", ".join(names))]
    for kind in KINDS.values():
        needs = [f"Address such as {kind.address}."]
        if kind.place_words:
            needs.append(f"Regions: {kind.place_words}.")
        if kind.credential:
            needs.append(f"Secret: {kind.credential}.")
        needs += [f"Option {name}: {words}." for name, words in kind.options.items()]
        items += [html.Dt(kind.words), html.Dd(" ".join(needs))]
    return html.Dl(items, className="gfo-facts")
