"""The choice of a day, limited to days that have data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from pages.components import field

DAY_OUTPUTS = (
    "date",
    "min_date_allowed",
    "max_date_allowed",
    "disabled_days",
    "initial_visible_month",
    "disabled",
)
"""Properties of a DatePickerSingle, in the order that `day_choice` gives them."""


def day_field(picker_id: str, live_button_id: str) -> Component:
    """A day that has data, or the next 24 hours."""
    return html.Div(
        [
            field(
                "Day",
                dcc.DatePickerSingle(
                    id=picker_id,
                    display_format="D MMM YYYY",
                    placeholder="Next 24 hours",
                    first_day_of_week=1,
                ),
            ),
            dbc.Button("Next 24 hours", id=live_button_id, color="link"),
        ],
        className="gfo-day-field",
    )


def day_choice(
    chosen: date | None,
    first_day: date | None,
    last_day: date | None,
    missing_days: Sequence[date],
) -> tuple[object, ...]:
    """What a day picker shows; it is disabled while no day has data."""
    return (
        _iso(chosen),
        _iso(first_day),
        _iso(last_day),
        [day.isoformat() for day in missing_days],
        _iso(chosen or last_day),
        last_day is None,
    )


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
