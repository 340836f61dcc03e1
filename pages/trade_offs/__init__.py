"""Trade-offs: what does moving load cost in carbon and in water?"""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.context import PageContext
from pages.serving import add_page
from pages.trade_offs.callbacks import register_callbacks
from pages.trade_offs.layout import layout


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "trade_offs",
        path=addresses.TRADE_OFFS,
        title="Trade-offs",
        link="Trade-offs",
        layout=layout,
        permission=Permission.VIEW_FLEET,
    )
    register_callbacks(app, context)
