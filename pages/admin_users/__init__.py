"""Admin: who may log in, and as what."""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.admin_users.callbacks import register_callbacks
from pages.admin_users.layout import layout
from pages.context import PageContext
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "admin_users",
        path=addresses.ADMIN_USERS,
        title="Users",
        link="Users",
        layout=layout,
        permission=Permission.MANAGE_USERS,
    )
    register_callbacks(app, context)
