"""The frame around every page: navigation by permission, the user, the theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash
import dash_bootstrap_components as dbc
from dash import Dash, Input, dcc, html
from dash.development.base_component import Component

from core.access import Actor
from core.errors import Forbidden
from pages import addresses
from pages.alarms.bar import bar_frame
from pages.attributes import aria
from pages.context import PageContext
from pages.palette import linked_pages, palette
from pages.serving import NavGroup, follow_in_browser
from pages.times import Clock, Times, chosen_times

_CLOCK_WORDS = {
    Clock.REGION: "Times are those of each region’s own clock, with zone and offset,"
    " and in UTC where there is no region.",
    Clock.BROWSER: "Times are those of your browser’s clock, with zone and offset.",
    Clock.UTC: "Times are in UTC.",
}


def install_shell(app: Dash, context: PageContext) -> None:
    """Put every page into the frame."""
    app_name = context.runtime.settings.app_name

    def frame() -> Component:
        # Dash also asks for the layout once before there is any request.
        try:
            actor: Actor | None = context.current_actor()
        except Forbidden:
            actor = None
        return shell(app_name, actor, chosen_times())

    app.layout = frame
    follow_in_browser(
        app, "gfo_pages", "mark_current_link", Input("shell-url", "pathname")
    )


def shell(app_name: str, actor: Actor | None, times: Times) -> Component:
    """The frame for one user; strangers get no navigation."""
    return html.Div(
        [
            dcc.Location(id="shell-url", refresh=False),
            # Scripts open another page by setting its href.
            dcc.Location(id="shell-go", refresh="callback-nav"),
            html.Header(
                [
                    dcc.Link(
                        [
                            html.Span(className="gfo-logo", **aria(hidden="true")),
                            html.Span(app_name, className="gfo-brand-name"),
                        ],
                        href=addresses.FLEET,
                        className="gfo-brand",
                    ),
                    _menu_button() if actor else None,
                    _navigation(actor) if actor else None,
                    _search_button() if actor else None,
                    _times_choice(times) if actor else None,
                    html.Button(
                        html.Span("Density", className="gfo-word"),
                        type="button",
                        className="gfo-button gfo-button-quiet gfo-density-toggle",
                        title="Density: comfortable or compact",
                    ),
                    html.Button(
                        html.Span("Theme", className="gfo-word"),
                        id="theme-toggle",
                        className="gfo-button gfo-button-quiet gfo-theme-toggle"
                        " gfo-theme-icon",
                        type="button",
                        title="Switch between light and dark",
                    ),
                    _user(actor) if actor else None,
                ],
                className="gfo-navbar",
            ),
            bar_frame() if actor else None,
            html.Main(
                dash.page_container, id="main", className="gfo-main", tabIndex="-1"
            ),
            palette(actor) if actor else None,
            html.Footer(
                [
                    f"{_CLOCK_WORDS[times.clock]} Exports are in UTC. ",
                    dcc.Link("What the words mean", href=addresses.WORDS)
                    if actor
                    else None,
                ],
                className="gfo-footer gfo-muted",
            ),
        ]
    )


def _navigation(actor: Actor) -> Component:
    """The pages that this person may open, by what they are for."""
    return html.Nav(
        [
            _group(group, found)
            for group in NavGroup
            if (found := linked_pages(actor, group))
        ],
        id="nav",
        **aria(label="Pages"),
    )


MOST_IN_A_ROW = 3


def _group(group: NavGroup, found: Sequence[Mapping[str, Any]]) -> Component:
    """Links in a row; those for running the portal, when they are many, unfold."""
    links = [
        dcc.Link(page["link"], href=page["path"], id=f"nav-{page['link'].lower()}")
        for page in found
    ]
    if group is NavGroup.RUN and len(links) > MOST_IN_A_ROW:
        return html.Details(
            [html.Summary(group.value), html.Div(links)], className="gfo-nav-menu"
        )
    return html.Div(
        [html.Span(group.value, className="gfo-nav-group"), *links],
        role="group",
        **aria(label=group.value),
    )


def _menu_button() -> Component:
    """On a phone it opens the navigation; `webapp/assets/palette.js` follows it."""
    return html.Button(
        "Menu",
        id="nav-toggle",
        type="button",
        className="gfo-button gfo-menu-button",
        **aria(expanded="false", controls="nav"),
    )


def _search_button() -> Component:
    return html.Button(
        ["Find", html.Kbd("Ctrl K")],
        id="palette-open",
        type="button",
        className="gfo-button gfo-button-quiet gfo-find",
        title="Find regions, decisions, pages and actions",
    )


def _times_choice(times: Times) -> Component:
    """Whose clock; `webapp/assets/times.js` stores it and loads the page again."""
    return html.Div(
        [
            html.Label("Times", htmlFor="times-choice"),
            dbc.Select(
                id="times-choice",
                options=[
                    {"label": "Region", "value": Clock.REGION.value},
                    {"label": "Browser", "value": Clock.BROWSER.value},
                    {"label": "UTC", "value": Clock.UTC.value},
                ],
                value=times.clock.value,
                size="sm",
            ),
        ],
        className="gfo-times",
    )


def _user(actor: Actor) -> Component:
    return html.Div(
        [
            html.A(
                [actor.name, html.Span(actor.role.value, className="gfo-tag")],
                href="/account",
                title="Your account",
            ),
            # portal.js adds the form token when it is sent.
            html.Form(
                html.Button(
                    "Log out",
                    id="log-out",
                    type="submit",
                    className="gfo-button gfo-button-quiet",
                ),
                action="/logout",
                method="POST",
            ),
        ],
        className="gfo-user",
    )
