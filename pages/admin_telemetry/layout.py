"""The Telemetry page's frame: the import form, one import, all imports."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.telemetry.readers.formats import TelemetryFormat
from orchestrator.telemetry.withdrawals import LONGEST_REASON
from pages.admin_telemetry.refused import refused_panel
from pages.attributes import data
from pages.components import disclosure, page_head, panel, skeleton
from pages.form_fields import Field, form_grid, labelled_control
from pages.list_controls import ANY
from pages.region_picker import region_field

FORM = "telemetry"
NAMED_IN_FILE = {"label": "named in the file", "value": ANY}
_FORMAT = Field(
    name="format",
    label="Format",
    kind="choice",
    choices={one.value: one.shape.words for one in TelemetryFormat},
)
_FIRST_FIELDS = (
    Field(
        name="time_zone",
        label="Time zone",
        kind="text",
        hint="Of times without an offset, such as America/Chicago.",
        longest=64,
    ),
    Field(
        name="carbon_kind",
        label="Carbon intensity",
        kind="choice",
        choices={
            ANY: "As the file says; life-cycle if it does not",
            "life-cycle average": "Life-cycle",
            "direct average": "Direct",
            "direct marginal": "Marginal, direct",
            "life-cycle marginal": "Marginal, life-cycle",
            "life-cycle average market-based": "Life-cycle, market-based",
        },
    ),
)
_MORE_FIELDS = (
    Field(
        name="stamp",
        label="Stamps",
        kind="choice",
        choices={ANY: "Begin, unless the format says", "begin": "Begin", "end": "End"},
    ),
    Field(
        name="dates",
        label="Dates",
        kind="choice",
        choices={
            ANY: "Found from the file",
            "day-first": "Day first",
            "month-first": "Month first",
            "excel": "Serials of Excel",
        },
    ),
    Field(
        name="decimal",
        label="Decimals",
        kind="choice",
        choices={ANY: "Found from the file", "point": "Point", "comma": "Comma"},
    ),
    Field(
        name="bind_place",
        label="Zone",
        kind="choice",
        hint="A region takes files of the zone that its first import was about.",
        choices={
            ANY: "As the region is bound",
            "anew": "Bind the region to the file's",
        },
    ),
    Field(
        name="place",
        label="Place",
        kind="text",
        hint="Zone, node or station of a file with several.",
        longest=100,
    ),
    Field(
        name="model",
        label="Weather model",
        kind="text",
        hint="Of a file with several.",
        longest=100,
    ),
    Field(
        name="columns",
        label="Columns",
        kind="lines",
        hint="What each column means, one a line.",
        example="Time=timestamp\nLoad (kW)=it_load_mw",
    ),
    Field(
        name="units",
        label="Units",
        kind="lines",
        hint="Of columns whose names carry none.",
        example="price_usd_mwh=EUR/kWh",
    ),
    Field(
        name="rates",
        label="Rates",
        kind="lines",
        hint="USD for one of a currency.",
        example="EUR=1.08",
    ),
)
_AS_IT_SAYS = {
    "format": TelemetryFormat.AUTO.value,
    **{one.name: ANY for one in (*_FIRST_FIELDS, *_MORE_FIELDS) if one.choices},
}
"""What is chosen until somebody says more: everything as the file says it."""
_WITHDRAWAL = Field(
    name="withdraw_reason", label="Reason", kind="text", longest=LONGEST_REASON
)


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
                labelled_control(FORM, _FORMAT, _AS_IT_SAYS),
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
                *(labelled_control(FORM, item, _AS_IT_SAYS) for item in _FIRST_FIELDS),
            ],
            className="gfo-form-grid",
        ),
        disclosure(
            "What the file does not say itself",
            form_grid(FORM, _MORE_FIELDS, held=_AS_IT_SAYS),
            id="telemetry-more",
        ),
        html.Div(
            [
                dbc.Button(
                    "Preview",
                    id="telemetry-look",
                    name="preview",
                    color="secondary",
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
                    labelled_control(FORM, _WITHDRAWAL),
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
