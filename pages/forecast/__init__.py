"""Forecast: how likely is it that a region's day exceeds its limit?"""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.context import PageContext
from pages.forecast.callbacks import register_callbacks
from pages.forecast.layout import layout
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "forecast",
        path=addresses.FORECAST,
        title="Forecast",
        link="Forecast",
        layout=layout,
        permission=Permission.VIEW_FLEET,
    )
    register_callbacks(app, context)
