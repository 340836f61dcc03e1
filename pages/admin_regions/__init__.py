"""Admin: regions and the limits that their decisions are judged by."""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.admin_regions.callbacks import register_callbacks
from pages.admin_regions.layout import layout
from pages.context import PageContext
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "admin_regions",
        path=addresses.ADMIN_REGIONS,
        title="Regions",
        link="Regions",
        layout=layout,
        permission=Permission.MANAGE_REGIONS,
    )
    register_callbacks(app, context)
