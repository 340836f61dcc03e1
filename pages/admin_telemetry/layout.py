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
from pages.attributes import data
from pages.components import field, page_head, panel, skeleton
from pages.list_controls import ANY

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
    """`webapp/assets/file_forms.js` puts the file chooser in and sends the form."""
    form = panel(
        "Import a file",
        html.Div(
            [
                html.Div(
                    [
                        html.Label("File", htmlFor="telemetry-file"),
                        html.Div(**data(chooser="telemetry-file")),
                        html.Span("Plain or gzip, up to 16 MB.", className="gfo-hint"),
                    ],
                    className="gfo-field gfo-inline-field",
                ),
                field(
                    "Format",
                    _select("format", _FORMAT_WORDS, TelemetryFormat.CSV),
                ),
                field(
                    "Region",
                    _select("region", {ANY: "named in the file"}, ANY),
                    hint="For files that do not name it.",
                ),
                field(
                    "Time zone",
                    dbc.Input(
                        id="telemetry-time-zone",
                        name="time_zone",
                        type="text",
                        maxlength=64,
                    ),
                    hint="Of times without an offset, such as America/Chicago.",
                ),
                field(
                    "Carbon intensity",
                    _select("carbon_kind", _KIND_WORDS, CarbonKind.LIFE_CYCLE),
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
    return html.Div(
        form,
        **data(
            upload="/_telemetry",
            accept=".csv,.json,.gz",
            waiting="Reading the rows…",
            ends="unknown",
            location="telemetry-url",
        ),
    )


def _select(name: str, words: Mapping[Any, str], chosen: object) -> Component:
    control: Component = dbc.Select(
        id=f"telemetry-{name.replace('_', '-')}",
        name=name,
        options=[{"label": text, "value": str(key)} for key, text in words.items()],
        value=str(chosen),
    )
    return control
