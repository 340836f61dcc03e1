"""Admin: telemetry files in, and the rows that were refused."""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.admin_telemetry.callbacks import register_callbacks
from pages.admin_telemetry.layout import layout
from pages.context import PageContext
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "admin_telemetry",
        path=addresses.ADMIN_TELEMETRY,
        title="Telemetry",
        link="Telemetry",
        layout=layout,
        permission=Permission.MANAGE_TELEMETRY,
    )
    register_callbacks(app, context)
