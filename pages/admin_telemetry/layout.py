"""The Telemetry page's frame: the import form, one import, all imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.withdrawals import LONGEST_REASON
from pages.admin_telemetry.refused import refused_panel
from pages.attributes import data
from pages.components import field, page_head, panel, skeleton
from pages.list_controls import ANY
from pages.region_picker import region_field

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
_BIND_WORDS = {"": "As the region is bound", "anew": "Bind the region to the file's"}
_DECIMAL_WORDS = {"": "Found from the file", "point": "Point", "comma": "Comma"}


NAMED_IN_FILE = {"label": "named in the file", "value": ANY}


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="telemetry-url", refresh=False),
            page_head("Telemetry", "What came in, and what was refused and why."),
            _import_form(),
            html.Div(id="telemetry-import"),
            _withdrawal_form(),
            refused_panel(),
            panel(
                "Suspect hours",
                html.Div(skeleton(120), id="telemetry-suspect"),
                id="telemetry-suspect-panel",
                hint="Kept and shown, and not used by models, scores or bounds. Accept"
                " temperatures on the Forecast page and any with gfo telemetry accept,"
                " or import the right values.",
            ),
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
                    _select("format", _FORMAT_WORDS, TelemetryFormat.AUTO),
                ),
                region_field(
                    "Region",
                    "telemetry-region",
                    dbc.Select(
                        id="telemetry-region",
                        name="region",
                        options=[NAMED_IN_FILE],
                        value=ANY,
                    ),
                    hint="For files that do not name it.",
                ),
                field(
                    "Time zone",
                    _text("time_zone", longest=64),
                    hint="Of times without an offset, such as America/Chicago.",
                ),
                field(
                    "Carbon intensity",
                    _select("carbon_kind", _KIND_WORDS, ""),
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
                    name="preview",
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
                html.Span(id="telemetry-status", role="status", **data(said="true")),
            ],
            className="gfo-actions",
        ),
        html.Div(id="telemetry-preview", **data(preview="/_telemetry/preview")),
        id="telemetry-form",
        hint="Good rows are kept, every refused row is listed with its reason. The same"
        " file again changes nothing.",
    )
    return html.Div(
        form,
        **data(
            upload="/_telemetry",
            accept=".csv,.json,.gz,.tsv,.txt,.xlsx,.parquet,.epw",
            waiting="Reading the rows…",
            ends="unknown",
            location="telemetry-url",
        ),
    )


def _withdrawal_form() -> Component:
    """Shown with an import that can be withdrawn."""
    return html.Div(
        [
            dcc.Store(id="telemetry-withdrawn"),
            html.Div(
                panel(
                    "Withdraw this import",
                    field(
                        "Reason",
                        dbc.Input(
                            id="telemetry-withdraw-reason",
                            type="text",
                            maxlength=LONGEST_REASON,
                        ),
                    ),
                    html.Div(
                        dbc.Button(
                            "Withdraw",
                            id="telemetry-withdraw",
                            color="danger",
                            outline=True,
                            class_name="gfo-decides",
                        ),
                        className="gfo-actions",
                    ),
                    id="telemetry-withdraw-panel",
                    hint="Its values go, and those that it replaced come back. What was"
                    " made of them stays in the history and is named.",
                ),
                id="telemetry-withdraw-block",
                hidden=True,
            ),
            html.Div(id="telemetry-withdraw-status", role="status"),
        ]
    )


def _more_fields() -> list[Component]:
    return [
        field("Stamps", _select("stamp", _STAMP_WORDS, "")),
        field("Dates", _select("dates", _DATE_WORDS, "")),
        field("Decimals", _select("decimal", _DECIMAL_WORDS, "")),
        field(
            "Columns",
            _lines("columns", "Time=timestamp\nLoad (kW)=it_load_mw"),
            hint="What each column means, one a line.",
        ),
        field(
            "Units",
            _lines("units", "price_usd_mwh=EUR/kWh"),
            hint="Of columns whose names carry none.",
        ),
        field("Rates", _lines("rates", "EUR=1.08"), hint="USD for one of a currency."),
        field(
            "Place",
            _text("place", longest=100),
            hint="Zone, node or station of a file with several.",
        ),
        field(
            "Zone",
            _select("bind_place", _BIND_WORDS, ""),
            hint="A region takes files of the zone that its first import was about.",
        ),
        field(
            "Weather model", _text("model", longest=100), hint="Of a file with several."
        ),
    ]


def _text(name: str, *, longest: int) -> Component:
    control: Component = dbc.Input(
        id=_control_id(name), name=name, type="text", maxlength=longest
    )
    return control


def _lines(name: str, example: str) -> Component:
    control: Component = dbc.Textarea(
        id=_control_id(name), name=name, placeholder=example, rows=2, maxlength=4000
    )
    return control


def _select(name: str, words: Mapping[Any, str], chosen: object) -> Component:
    control: Component = dbc.Select(
        id=_control_id(name),
        name=name,
        options=[{"label": text, "value": str(key)} for key, text in words.items()],
        value=str(chosen),
    )
    return control


def _control_id(name: str) -> str:
    return f"telemetry-{name.replace('_', '-')}"
