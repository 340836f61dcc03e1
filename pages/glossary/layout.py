"""The Words page: the word that was asked for, and all others."""

from __future__ import annotations

from collections.abc import Mapping

from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from core.access import Permission
from pages.addresses import Query
from pages.components import notice, page_head, panel
from pages.context import PageContext
from pages.glossary.terms import TERMS, explained, term_key
from pages.serving import serve
from pages.words import typeset


def layout() -> Component:
    """All words in groups, below the one that the address asks for."""
    return html.Div(
        [
            dcc.Location(id="words-url", refresh=False),
            page_head("Words", "What do the words of the portal mean?"),
            html.Div(id="words-asked"),
            html.Div(
                [
                    panel(group, _listed(words), id=f"words-{term_key(group)}")
                    for group, words in TERMS.items()
                ],
                className="gfo-side-by-side",
            ),
        ]
    )


def _listed(words: Mapping[str, str]) -> Component:
    return html.Dl(
        [
            part
            for word, sentence in words.items()
            for part in (html.Dt(word), html.Dd(typeset(sentence)))
        ],
        className="gfo-words",
    )


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the callback that puts the asked word first."""

    @serve(
        app,
        context,
        outputs=[Output("words-asked", "children")],
        inputs=[Input("words-url", "search")],
        permission=Permission.VIEW_FLEET,
    )
    def show_asked(search: str | None) -> tuple[object]:
        key = Query.parse(search).text("term")
        if key is None:
            return (None,)
        found = explained(key)
        if found is None:
            said = notice("That word is not explained yet.", "All others are below.")
            return (said,)
        return (panel(found[0], html.P(typeset(found[1])), id="words-answer"),)
