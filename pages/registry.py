"""The pages of the portal, in the order of the navigation bar."""

from __future__ import annotations

from dash import Dash

from pages import (
    admin_models,
    admin_regions,
    admin_telemetry,
    admin_users,
    audit,
    fleet,
    forecast,
    forecast_quality,
    plan,
    trade_offs,
    what_if,
)
from pages.context import PageContext
from pages.shell import install_shell

__all__ = ["PageContext", "register_pages"]


def register_pages(app: Dash, context: PageContext) -> None:
    """Register every page with Dash and put them into the frame.

    A page declares itself once, with `pages.serving.add_page`; a page without a
    permission stops the start.
    """
    for page in (
        fleet,
        forecast,
        what_if,
        plan,
        trade_offs,
        audit,
        admin_regions,
        admin_telemetry,
        admin_models,
        forecast_quality,
        admin_users,
    ):
        page.register(app, context)
    install_shell(app, context)
