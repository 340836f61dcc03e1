"""The command palette: regions, decisions, people, pages, actions by some letters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash
import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from core.access import Actor, Permission
from orchestrator.overview.own_views import (
    LONGEST_NAME,
    own_views,
    remove_view,
    save_view,
)
from orchestrator.overview.search import LONGEST_SEARCH, Found, FoundKind, search
from pages import addresses
from pages.addresses import parse_record
from pages.attributes import aria
from pages.components import button, field, link, named
from pages.context import PageContext
from pages.glossary.terms import TERMS
from pages.serving import NavGroup, follow_in_browser, serve

SHORTEST_TERM, MOST_TERMS = 3, 5
"""Letters from which words are found, and how many are listed."""

SHORTCUTS = (
    ("Ctrl K", "Find a region, a decision by its number, a person, a page, an action"),
    ("?", "This list"),
    ("g o", "Overview"),
    ("g l", "Alarms"),
    ("g f", "Forecast"),
    ("g w", "What-if"),
    ("g p", "Plan"),
    ("g t", "Trade-offs"),
    ("g a", "Audit"),
    ("g q", "Quality"),
    ("g h", "Help: what the words mean"),
    ("Esc", "Close a dialog"),
)
"""`webapp/assets/palette.js` follows these."""


def linked_pages(actor: Actor, group: NavGroup | None = None) -> list[dict[str, Any]]:
    """The pages of the navigation bar that a person may open, in order."""
    return [
        page
        for page in dash.page_registry.values()
        if page.get("link")
        and actor.may(page["permission"])
        and group in {None, page["group"]}
    ]


def palette(actor: Actor) -> Component:
    """Both dialogs, closed; the pages stand in the first before anything is typed."""
    return html.Div(
        [
            html.Dialog(
                [
                    html.Label("Find or do", htmlFor="palette-words"),
                    dcc.Input(
                        id="palette-words",
                        type="search",
                        debounce=0.15,
                        maxLength=LONGEST_SEARCH,
                        placeholder="Region, decision number, person, page or action",
                        className="form-control",
                        autoComplete="off",
                    ),
                    html.Div(
                        found_list(actor, "", (), {}),
                        id="palette-found",
                        **aria(live="polite"),
                    ),
                    html.P(
                        "↑ ↓ to choose, Enter to open", className="gfo-muted gfo-hint"
                    ),
                    _view_form(),
                ],
                id="palette",
                className="gfo-dialog",
                **aria(label="Find and do"),
            ),
            html.Dialog(
                [
                    html.H2("Keyboard shortcuts"),
                    html.Dl(
                        [
                            item
                            for keys, said in SHORTCUTS
                            for item in (html.Dt(html.Kbd(keys)), html.Dd(said))
                        ],
                        className="gfo-facts",
                    ),
                    html.P(link("What the words of the portal mean", addresses.WORDS)),
                    html.Button(
                        "Switch single-key shortcuts off or on",
                        id="shortcuts-switch",
                        type="button",
                        className="gfo-button",
                    ),
                    html.P(id="shortcuts-state", role="status"),
                ],
                id="shortcuts",
                className="gfo-dialog",
                **aria(label="Keyboard shortcuts"),
            ),
        ]
    )


def _view_form() -> Component:
    """Saves what the page behind shows under a name, or forgets a view of that name."""
    return html.Div(
        [
            field(
                "Save this page as a view",
                dbc.Input(
                    id="view-name",
                    type="text",
                    maxlength=LONGEST_NAME,
                    placeholder="Name",
                    autocomplete="off",
                ),
            ),
            button("Save view", "view-save"),
            button("Remove view", "view-remove"),
            dcc.Store(id="view-asked"),
            dcc.Store(id="view-changed"),
            html.Div(id="view-status", role="status"),
        ],
        className="gfo-controls gfo-view-form",
    )


def found_list(
    actor: Actor, words: str, found: tuple[Found, ...], views: Mapping[str, str]
) -> list[Component]:
    """Links in groups: own views, what was found, what can be done, and pages."""
    regions = [item for item in found if item.kind is FoundKind.REGION]
    others = [item for item in found if item.kind is not FoundKind.REGION]
    linked = [(page["link"], page["path"]) for page in linked_pages(actor)]
    pages = [
        link(name, path)
        for name, path in (*linked, ("Words", addresses.WORDS))
        if words.casefold() in name.casefold()
    ]
    explains: list[Component] = [
        html.Span(named(word))
        for group in TERMS.values()
        for word in group
        if len(words) >= SHORTEST_TERM and words.casefold() in word.casefold()
    ]
    groups: dict[str, list[Component]] = {
        "Your views": [
            link(name, address)
            for name, address in views.items()
            if words.casefold() in name.casefold()
        ],
        "Found": [_found(item) for item in others],
        "Regions": [_found(item) for item in regions],
        "Do": [action for item in regions[:2] for action in _actions(actor, item)],
        "Pages": pages,
        "What it means": explains[:MOST_TERMS],
    }
    shown: list[Component] = [
        html.Section([html.H3(title), html.Ul([html.Li(item) for item in items])])
        for title, items in groups.items()
        if items
    ]
    return shown or [html.P("Nothing found.", className="gfo-muted")]


def _found(item: Found) -> Component:
    hrefs = {
        FoundKind.REGION: addresses.region_href(item.key),
        FoundKind.DECISION: f"{addresses.DECISIONS}{item.key}",
        FoundKind.MODEL: f"{addresses.MODELS}{item.key}",
        FoundKind.PERSON: addresses.with_query(addresses.AUDIT, {"actor": item.key}),
    }
    return dcc.Link(
        [item.title, html.Span(item.detail, className="gfo-second")],
        href=hrefs[item.kind],
    )


def _actions(actor: Actor, region: Found) -> list[Component]:
    slug, name = region.key, region.title
    plan = addresses.with_query(addresses.PLAN, {"region": slug})
    found = [link(f"Forecast of {name}", addresses.forecast_href(slug))]
    if actor.may(Permission.DECIDE):
        found += [
            link(f"Try a shift from {name}", addresses.what_if_href(slug)),
            link(f"Plan the day of {name}", plan),
        ]
    if actor.may(Permission.MANAGE_REGIONS):
        edit = addresses.with_query(addresses.ADMIN_REGIONS, {"region": slug})
        found.append(link(f"Change {name} or its limits", edit))
    return found


def register_palette(app: Dash, context: PageContext) -> None:
    """Register the search; it runs with the rights of who types."""

    @serve(
        app,
        context,
        outputs=[Output("palette-found", "children")],
        inputs=[Input("palette-words", "value"), Input("view-changed", "data")],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def find(value: object, _changed: object) -> tuple[list[Component]]:
        words = value.strip()[:LONGEST_SEARCH] if isinstance(value, str) else ""
        with context.request() as request:
            found = search(request, words)
            views = own_views(request)
        return (found_list(context.current_actor(), words, found, views),)

    @serve(
        app,
        context,
        outputs=[
            Output("view-status", "children"),
            Output("view-changed", "data"),
            Output("view-name", "value"),
        ],
        inputs=[Input("view-asked", "data")],
        permission=Permission.KEEP_OWN_ACCOUNT,
        at_load=False,
    )
    def change_views(asked: object) -> tuple[object, ...]:
        posted = parse_record(asked)
        name, address = (str(posted.get(key) or "") for key in ("name", "address"))
        with context.request() as request:
            if posted.get("removes"):
                said = f"{remove_view(request, name=name)} is removed."
            else:
                called = save_view(request, name=name, address=address)
                said = f"{called} is saved; you find it here."
        return said, asked, ""

    follow_in_browser(
        app,
        "gfo_palette",
        "ask_for_view",
        Output("view-asked", "data"),
        Input("view-save", "n_clicks"),
        Input("view-remove", "n_clicks"),
        State("view-name", "value"),
    )
