"""The Forecast quality page's frame."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from pages.components import page_head, skeleton
from pages.region_list import find_field, pager_line
from pages.time_range import range_field


def layout() -> Component:
    """The frame of the page; a callback fills it."""
    return html.Div(
        [
            dcc.Location(id="quality-url", refresh=False),
            page_head(
                "Forecast quality",
                "How often has each region’s bound held, and did chances come true?",
            ),
            html.Div(range_field("quality", "Up to now"), className="gfo-controls"),
            find_field("quality"),
            html.Div(skeleton(320), id="quality-panel"),
            pager_line("quality"),
        ]
    )
