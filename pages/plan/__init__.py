"""Plan: the best placement of load over the whole fleet for a day."""

from __future__ import annotations

from dash import Dash
from dash.development.base_component import Component

from core.access import Permission
from pages import addresses
from pages.context import PageContext
from pages.plan.callbacks import register_callbacks
from pages.plan.layout import layout
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""

    def page() -> Component:
        return layout(may_decide=context.current_actor().may(Permission.DECIDE))

    add_page(
        "plan",
        path=addresses.PLAN,
        title="Plan",
        link="Plan",
        layout=page,
        permission=Permission.VIEW_FLEET,
    )
    register_callbacks(app, context)
