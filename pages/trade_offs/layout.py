"""The Trade-offs page's frame: controls, the animated scatter, the efficiency table."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.trade_offs.views import WaterScope
from pages.attributes import aria
from pages.components import chart, field, page_head, panel, skeleton
from pages.refreshing import refresh
from pages.region_picker import region_field
from pages.time_range import day_field

LAST_HOUR = 23


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="trade-offs-url", refresh=False),
            dcc.Store(id="trade-offs-data"),
            refresh("trade-offs"),
            page_head(
                "Trade-offs",
                "What does moving load cost in carbon and in water?",
                html.Div(id="trade-offs-as-of"),
            ),
            _controls(),
            html.Div(id="trade-offs-notice"),
            panel(
                "Carbon against water, hour by hour",
                _player(),
                chart("trade-offs-chart", None, "", height_px=460),
                html.Div(id="trade-offs-numbers"),
                id="trade-offs-scatter",
            ),
            panel(
                "Efficiency of each region",
                html.Div(skeleton(345), id="trade-offs-efficiency"),
                id="trade-offs-efficiency-panel",
            ),
        ]
    )


def _controls() -> Component:
    return html.Div(
        [
            region_field("Source: load leaves", "trade-offs-source"),
            region_field("Target: load arrives", "trade-offs-target"),
            field(
                "Shift, percent",
                dbc.Input(
                    id="trade-offs-shift",
                    type="number",
                    min=0,
                    max=100,
                    step=0.1,
                    debounce=True,
                    inputmode="decimal",
                ),
            ),
            day_field("trade-offs", freezes=True),
            field(
                "Water",
                dbc.Select(
                    id="trade-offs-water",
                    options=[
                        {"label": "On site", "value": WaterScope.ON_SITE.value},
                        {
                            "label": "On site and for electricity",
                            "value": WaterScope.TOTAL.value,
                        },
                    ],
                ),
            ),
        ],
        className="gfo-controls",
    )


def _player() -> Component:
    return html.Div(
        [
            html.Button(
                "Play",
                id="trade-offs-play",
                type="button",
                className="gfo-button",
                **aria(pressed="false"),
            ),
            html.Label("Hour", htmlFor="trade-offs-hour"),
            dbc.Input(
                id="trade-offs-hour",
                type="range",
                min=0,
                max=LAST_HOUR,
                step=1,
                value=0,
                class_name="form-range gfo-range",
            ),
            html.Output(id="trade-offs-hour-label", htmlFor="trade-offs-hour"),
        ],
        className="gfo-player",
    )
