"""What-if: what happens if load moves from one region to another?"""

from __future__ import annotations

from dash import Dash
from dash.development.base_component import Component

from core.access import Permission
from pages import addresses
from pages.context import PageContext
from pages.serving import add_page
from pages.what_if.callbacks import register_callbacks
from pages.what_if.layout import layout


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""

    def page() -> Component:
        return layout(may_decide=context.current_actor().may(Permission.DECIDE))

    add_page(
        "what_if",
        path=addresses.WHAT_IF,
        title="What-if",
        link="What-if",
        layout=page,
        permission=Permission.VIEW_FLEET,
    )
    register_callbacks(app, context)
