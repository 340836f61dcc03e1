"""The Telemetry page's frame: the import form, one import, all imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.readers.rows import CarbonKind
from pages.admin_telemetry.refused import refused_panel
from pages.components import field, page_head, panel, region_select, skeleton

_FORMAT_WORDS = {
    TelemetryFormat.CSV: "CSV, one row an hour",
    TelemetryFormat.OPEN_METEO: "Open-Meteo JSON (weather)",
    TelemetryFormat.ELECTRICITY_MAPS: "Electricity Maps CSV (carbon)",
}
_KIND_WORDS = {
    CarbonKind.LIFE_CYCLE: "Life-cycle",
    CarbonKind.DIRECT: "Direct",
}


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
                    _select("telemetry-format", _FORMAT_WORDS, TelemetryFormat.CSV),
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
                    _select("telemetry-carbon", _KIND_WORDS, CarbonKind.LIFE_CYCLE),
                ),
            ],
            className="gfo-form-grid",
        ),
        html.Div(
            [
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
        id="telemetry-form",
        hint="Good rows are kept, every refused row is listed with its reason. The same"
        " file again changes nothing.",
    )


def _select(control_id: str, words: Mapping[Any, str], chosen: object) -> Component:
    control: Component = dbc.Select(
        id=control_id,
        options=[{"label": text, "value": str(key)} for key, text in words.items()],
        value=str(chosen),
    )
    return control
