"""Buttons that download what is shown; `webapp/assets/downloads.js` makes the files."""

from __future__ import annotations

from dash import html
from dash.development.base_component import Component

from pages.attributes import aria, data


def chart_downloads(graph_id: str) -> Component:
    """A chart's numbers as CSV, itself as PNG and SVG, each with its caption."""
    return _menu([_button(name, chart=graph_id) for name in ("CSV", "PNG", "SVG")])


def table_download(table_id: str) -> Component:
    """A table as CSV."""
    return _menu([_button("CSV", table=table_id)])


def _menu(buttons: list[Component]) -> Component:
    """One quiet word for what few want: the formats come when it is opened."""
    return html.Details(
        [html.Summary("Download"), html.Div(buttons)], className="gfo-downloads"
    )


def _button(name: str, **source: str) -> Component:
    return html.Button(
        name,
        type="button",
        className="gfo-download",
        **aria(label=f"Download as {name}"),
        **data(format=name.lower(), **source),
    )
