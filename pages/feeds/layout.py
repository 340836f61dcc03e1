"""The Feeds page's frame: all feeds, one of them with its history, a form for one."""

from __future__ import annotations

from collections.abc import Mapping

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.telemetry import Quantity
from orchestrator.feeds.configuration import BOUNDS
from orchestrator.feeds.kinds.known_kinds import KINDS
from pages import addresses
from pages.components import (
    disclosure,
    field,
    link,
    own_password,
    page_head,
    panel,
    skeleton,
)
from pages.refreshing import refresh

NEW = "new"
BUTTONS = (
    ("feeds-run", "Run now", "primary"),
    ("feeds-pause", "Pause", "secondary"),
    ("feeds-resume", "Go on", "secondary"),
)


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="feeds-url", refresh=False),
            dcc.Store(id="feeds-saved"),
            dcc.Store(id="feeds-acted"),
            refresh("feeds"),
            page_head(
                "Feeds",
                "Which sources are asked, how far did each come, and what went wrong?",
                link("Add a feed", f"{addresses.ADMIN_FEEDS}?{NEW}=1"),
            ),
            html.Div(id="feeds-notice"),
            panel(
                "Every feed", html.Div(skeleton(200), id="feeds-table"), id="feeds-all"
            ),
            html.Div(_chosen(), id="feeds-chosen", hidden=True),
            html.Div(id="feeds-form-notice"),
            html.Div(_form(), id="feeds-form", hidden=True),
        ]
    )


def _chosen() -> Component:
    return panel(
        "This feed",
        html.Div(id="feeds-state"),
        html.Div(
            [
                dbc.Button(text, id=name, color=colour, class_name="gfo-decides")
                for name, text, colour in BUTTONS
            ],
            className="gfo-actions",
        ),
        html.Div(id="feeds-act-status", role="status"),
        html.Div(id="feeds-history"),
        id="feeds-one",
    )


def _form() -> Component:
    return panel(
        "Write a feed",
        html.Div(_first_fields(), className="gfo-form-grid"),
        disclosure(
            "Schedule, order and limits",
            html.Div(_more_fields(), className="gfo-form-grid"),
        ),
        disclosure("What each kind needs", _kinds()),
        own_password("feeds-password"),
        html.Div(
            dbc.Button(
                "Save the feed",
                id="feeds-save",
                color="primary",
                class_name="gfo-decides",
            ),
            className="gfo-actions",
        ),
        html.Div(id="feeds-save-status", role="status"),
        id="feeds-form-panel",
        hint="The portal keeps the name of a secret and never its value: set the"
        " variable, or lay the file, where the worker runs.",
    )


def _first_fields() -> list[Component]:
    return [
        field("Name", _text("name", 60)),
        field(
            "Kind", _select("kind", {name: kind.words for name, kind in KINDS.items()})
        ),
        field(
            "Address",
            _text("address", 2000),
            hint="Of the source, without user, password and query.",
        ),
        field(
            "Secret",
            _text("secret", 80),
            hint="env:GFO_FEED_NAME or file:gfo_feed_name; empty without one.",
        ),
        field(
            "Regions",
            _lines("regions", "texas=US-TEX-ERCO"),
            hint="One a line; after = what the source calls it.",
        ),
        field(
            "Quantities",
            _lines("quantities", Quantity.CARBON_INTENSITY_GCO2_KWH.value),
            hint="What is taken, one a line.",
        ),
        field(
            "Options",
            _lines("options", "rate.EUR=1.08"),
            hint="NAME=VALUE, one a line.",
        ),
        field(
            "Private hosts",
            _lines("hosts", "prometheus.internal"),
            hint="Hosts whose private or loopback addresses may be called, one a line.",
        ),
    ]


def _more_fields() -> list[Component]:
    return [
        field("Minutes between runs", _number("every", "every_min")),
        field(
            "Priority",
            _number("priority", "priority"),
            hint="1 is the first choice of a quantity; others stand by.",
        ),
        field(
            "Stale after, h",
            _number("stale", "stale_after_h"),
            hint="Age of its newest good hour from which another takes over.",
        ),
        field("Filled back, h", _number("backfill", "backfill_h")),
        field(
            "Requests a day",
            _number("quota", "requests_a_day"),
            hint="Empty: no limit of the portal's own.",
        ),
    ]


def _kinds() -> Component:
    items: list[Component] = []
    for kind in KINDS.values():
        needs = [f"Address such as {kind.address}."]
        if kind.place_words:
            needs.append(f"Regions: {kind.place_words}.")
        if kind.credential:
            needs.append(f"Secret: {kind.credential}.")
        needs += [f"Option {name}: {words}." for name, words in kind.options.items()]
        items += [html.Dt(kind.words), html.Dd(" ".join(needs))]
    return html.Dl(items, className="gfo-facts")


def _text(name: str, longest: int) -> Component:
    control: Component = dbc.Input(
        id=f"feed-{name}", type="text", maxlength=longest, autocomplete="off"
    )
    return control


def _number(name: str, of: str) -> Component:
    control: Component = dbc.Input(
        id=f"feed-{name}",
        type="number",
        min=BOUNDS[of].low,
        max=BOUNDS[of].high,
        step="any",
        inputmode="decimal",
    )
    return control


def _lines(name: str, example: str) -> Component:
    control: Component = dbc.Textarea(
        id=f"feed-{name}", rows=2, maxlength=8000, placeholder=example
    )
    return control


def _select(name: str, words: Mapping[str, str]) -> Component:
    control: Component = dbc.Select(
        id=f"feed-{name}",
        options=[{"label": text, "value": key} for key, text in words.items()],
        value=next(iter(words)),
    )
    return control
