"""Forecast quality: how good has the bound been, region by region?"""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.context import PageContext
from pages.forecast_quality.callbacks import register_callbacks
from pages.forecast_quality.layout import layout
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the page and its callbacks."""
    add_page(
        "forecast_quality",
        path=addresses.FORECAST_QUALITY,
        title="Forecast quality",
        link="Quality",
        layout=layout,
        permission=Permission.MANAGE_MODELS,
    )
    register_callbacks(app, context)
