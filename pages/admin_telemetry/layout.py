"""The Telemetry page's frame: the import form, one import, all imports."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.telemetry.withdrawals import LONGEST_REASON
from pages.admin_telemetry.import_fields import (
    AS_IT_SAYS,
    FIRST_FIELDS,
    FORMAT,
    MORE_FIELDS,
)
from pages.admin_telemetry.refused import refused_panel
from pages.attributes import data
from pages.components import disclosure, page_head, panel, skeleton
from pages.form_fields import Field, form_grid, labelled_control
from pages.list_controls import ANY
from pages.region_picker import region_field

FORM = "telemetry"
NAMED_IN_FILE = {"label": "named in the file", "value": ANY}
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
                labelled_control(FORM, FORMAT, AS_IT_SAYS),
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
                *(labelled_control(FORM, item, AS_IT_SAYS) for item in FIRST_FIELDS),
            ],
            className="gfo-form-grid",
        ),
        disclosure(
            "What the file does not say itself",
            form_grid(FORM, MORE_FIELDS, held=AS_IT_SAYS),
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
