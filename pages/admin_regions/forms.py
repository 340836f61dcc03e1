"""What the forms of the Regions page are made of."""

from __future__ import annotations

from collections.abc import Sequence

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from core.errors import InvalidInput
from pages.admin_regions.fields import Field
from pages.components import field


def control_id(item: Field) -> str:
    """The id of a field's control."""
    return f"region-{item.name.replace('_', '-')}"


def form_grid(fields: Sequence[Field]) -> Component:
    """The controls of some fields."""
    return html.Div([_control(item) for item in fields], className="gfo-form-grid")


def save_button(label: str, button_id: str) -> Component:
    """The button that sends a form; off while the portal cannot be reached."""
    return html.Div(
        dbc.Button(label, id=button_id, color="primary", class_name="gfo-decides"),
        className="gfo-actions",
    )


def shown_region(shown: object) -> str | None:
    """The region that the page shows; None for the fleet."""
    if not isinstance(shown, dict):
        message = "The page is not loaded yet; try again."
        raise InvalidInput(message)
    slug = shown.get("region")
    return slug if isinstance(slug, str) else None


def _control(item: Field) -> Component:
    control: Component
    if item.kind == "flag":
        control = dbc.Checkbox(id=control_id(item), label=item.label, value=True)
        return control
    if item.kind == "choice":
        options = [{"label": value, "value": value} for value in item.choices]
        control = dbc.Select(id=control_id(item), options=options)
    elif item.kind == "number":
        control = dbc.Input(
            id=control_id(item), type="number", step="any", inputmode="decimal"
        )
    else:
        control = dbc.Input(id=control_id(item), type="text", maxlength=80)
    return field(item.label, control, hint=item.hint)
