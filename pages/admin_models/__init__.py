"""Admin: models in, judged beside the one that serves, activated, rolled back."""

from __future__ import annotations

from dash import Dash

from core.access import Permission
from pages import addresses
from pages.admin_models.actions import register_actions
from pages.admin_models.callbacks import register_callbacks
from pages.admin_models.layout import models_layout, version_layout
from pages.context import PageContext
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the list of models and the page of one, with their callbacks."""
    add_page(
        "admin_models",
        path=addresses.ADMIN_MODELS,
        title="Models",
        link="Models",
        layout=models_layout,
        permission=Permission.MANAGE_MODELS,
    )
    add_page(
        "admin_model",
        path_template=f"{addresses.MODELS}<version_id>",
        title="Model",
        layout=version_layout,
        permission=Permission.MANAGE_MODELS,
    )
    register_callbacks(app, context)
    register_actions(app, context)
