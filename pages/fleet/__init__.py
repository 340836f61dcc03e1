"""Fleet: where is trouble in the next 24 hours?"""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.context import PageContext
from pages.fleet.callbacks import register_callbacks
from pages.fleet.layout import layout
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "fleet",
        path=addresses.FLEET,
        title="Fleet",
        link="Fleet",
        layout=layout,
        permission=Permission.VIEW_FLEET,
    )
    register_callbacks(app, context)
