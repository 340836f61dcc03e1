"""The Telemetry page's frame: the import form, one import, all imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.telemetry.readers.formats import TelemetryFormat
from pages.admin_telemetry.refused import refused_panel
from pages.components import field, page_head, panel, region_select, skeleton

_FORMAT_WORDS = {one: one.shape.words for one in TelemetryFormat}
_KIND_WORDS = {
    "": "As the file says; life-cycle if it does not",
    "life-cycle average": "Life-cycle",
    "direct average": "Direct",
    "direct marginal": "Marginal, direct",
    "life-cycle marginal": "Marginal, life-cycle",
    "life-cycle average market-based": "Life-cycle, market-based",
}
_STAMP_WORDS = {"": "Begin, unless the format says", "begin": "Begin", "end": "End"}
_DATE_WORDS = {
    "": "Found from the file",
    "day-first": "Day first",
    "month-first": "Month first",
    "excel": "Serials of Excel",
}
_DECIMAL_WORDS = {"": "Found from the file", "point": "Point", "comma": "Comma"}


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="telemetry-url", refresh=False),
            page_head("Telemetry", "What came in, and what was refused and why."),
            _import_form(),
            html.Div(id="telemetry-import"),
            refused_panel(),
            panel(
                "Imports",
                html.Div(skeleton(240), id="telemetry-imports"),
                id="telemetry-imports-panel",
            ),
        ]
    )


def _import_form() -> Component:
    """`webapp/assets/telemetry.js` puts the file chooser in and sends the form."""
    return panel(
        "Import a file",
        html.Div(
            [
                html.Div(
                    [
                        html.Label("File", htmlFor="telemetry-file"),
                        html.Div(id="telemetry-file-place"),
                        html.Span("Plain or gzip, up to 16 MB.", className="gfo-hint"),
                    ],
                    className="gfo-field gfo-inline-field",
                ),
                field(
                    "Format",
                    _select("telemetry-format", _FORMAT_WORDS, TelemetryFormat.AUTO),
                ),
                field(
                    "Region",
                    region_select("telemetry-region"),
                    hint="For files that do not name it.",
                ),
                field(
                    "Time zone",
                    dbc.Input(id="telemetry-zone", type="text", maxlength=64),
                    hint="Of times without an offset, such as America/Chicago.",
                ),
                field(
                    "Carbon intensity",
                    _select("telemetry-carbon", _KIND_WORDS, ""),
                ),
            ],
            className="gfo-form-grid",
        ),
        html.Details(
            [
                html.Summary("What the file does not say itself"),
                html.Div(_more_fields(), className="gfo-form-grid"),
            ],
            id="telemetry-more",
        ),
        html.Div(
            [
                dbc.Button(
                    "Preview",
                    id="telemetry-look",
                    color="secondary",
                    outline=True,
                ),
                dbc.Button(
                    "Import",
                    id="telemetry-send",
                    color="primary",
                    class_name="gfo-decides",
                ),
                html.Progress(
                    id="telemetry-progress", max="100", value="0", className="d-none"
                ),
                html.Span(id="telemetry-status", role="status"),
            ],
            className="gfo-actions",
        ),
        html.Div(id="telemetry-preview", role="status"),
        id="telemetry-form",
        hint="Good rows are kept, every refused row is listed with its reason. The same"
        " file again changes nothing.",
    )


def _more_fields() -> list[Component]:
    return [
        field("Stamps", _select("telemetry-stamp", _STAMP_WORDS, "")),
        field("Dates", _select("telemetry-dates", _DATE_WORDS, "")),
        field("Decimals", _select("telemetry-decimal", _DECIMAL_WORDS, "")),
        field(
            "Columns",
            _lines("telemetry-columns", "Time=timestamp\nLoad (kW)=it_load_mw"),
            hint="What each column means, one a line.",
        ),
        field(
            "Units",
            _lines("telemetry-units", "price_usd_mwh=EUR/kWh"),
            hint="Of columns whose names carry none.",
        ),
        field(
            "Rates",
            _lines("telemetry-rates", "EUR=1.08"),
            hint="USD for one of a currency.",
        ),
        field(
            "Place",
            dbc.Input(id="telemetry-place", type="text", maxlength=100),
            hint="Zone, node or station of a file with several.",
        ),
        field(
            "Weather model",
            dbc.Input(id="telemetry-model", type="text", maxlength=100),
            hint="Of a file with several.",
        ),
    ]


def _lines(control_id: str, example: str) -> Component:
    control: Component = dbc.Textarea(
        id=control_id, placeholder=example, rows=2, maxlength=4000
    )
    return control


def _select(control_id: str, words: Mapping[Any, str], chosen: object) -> Component:
    control: Component = dbc.Select(
        id=control_id,
        options=[{"label": text, "value": str(key)} for key, text in words.items()],
        value=str(chosen),
    )
    return control
