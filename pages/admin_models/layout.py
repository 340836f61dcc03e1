"""The Models pages' frames: the upload form, the lists, one version, its actions."""

from __future__ import annotations

from dataclasses import replace

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from pages import addresses
from pages.admin_models.signing_keys import keys_panel
from pages.attributes import aria, data
from pages.components import (
    crumbs,
    own_password,
    page_head,
    panel,
    skeleton,
)
from pages.form_fields import Field, form_grid, labelled_control
from pages.second_person import approvals_panel

REFRESH_MS = 2_000
"""While a file is checked or a model evaluated; else the page asks for nothing."""

_REASON = Field(
    name="reason",
    label="Reason",
    kind="prose",
    hint="10 characters or more, to activate or override; kept in the audit.",
    longest=1_000,
)
_ROLLBACK_REASON = replace(
    _REASON,
    label="Reason for rolling back",
    kind="text",
    hint="10 characters or more; kept in the audit.",
)
_SIGNATURE = Field(
    name="signature",
    label="Signature",
    kind="text",
    hint="Ed25519 over the file, as base64; may be left empty.",
    longest=200,
)
_ADDED_SIGNATURE = replace(
    _SIGNATURE, hint="Ed25519 over the file of this version, as base64, to be added."
)


def models_layout() -> Component:
    """The list of models; callbacks fill it."""
    return html.Div(
        [
            dcc.Location(id="models-url", refresh=False),
            dcc.Store(id="models-changed"),
            dcc.Interval(id="models-refresh", interval=REFRESH_MS, disabled=True),
            page_head("Models", "What serves, what is on its way, what came before."),
            approvals_panel("models"),
            html.Div(
                [
                    panel(
                        "Serving",
                        html.Div(id="models-notice", **aria(live="polite")),
                        html.Div(skeleton(160), id="models-serving"),
                        html.Div(
                            form_grid(
                                "models-rollback",
                                [_ROLLBACK_REASON],
                                own_password("models-rollback-password"),
                            ),
                            hidden=True,
                            id="models-rollback-confirm",
                        ),
                        id="models-serving-panel",
                    ),
                    _upload_form(),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
            panel(
                "Versions",
                html.Div(skeleton(240), id="models-versions"),
                id="models-versions-panel",
            ),
            html.Div(
                [
                    panel(
                        "Files",
                        html.Div(
                            skeleton(120), id="models-uploads", **aria(live="polite")
                        ),
                        id="models-uploads-panel",
                    ),
                    keys_panel(),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
            panel(
                "History",
                html.Div(skeleton(120), id="models-history"),
                id="models-history-panel",
            ),
        ]
    )


def _upload_form() -> Component:
    """`webapp/assets/file_forms.js` puts the file chooser in and sends the form."""
    form = panel(
        "Upload a model",
        html.Div(
            [
                html.Div(
                    [
                        html.Label("ONNX file", htmlFor="models-file"),
                        html.Div(**data(chooser="models-file")),
                        html.Span("Up to 64 MiB.", className="gfo-hint"),
                    ],
                    className="gfo-field gfo-inline-field",
                ),
                labelled_control("models", _SIGNATURE),
                own_password("models-password", name="password"),
            ],
            className="gfo-form-grid",
        ),
        html.Div(
            [
                dbc.Button(
                    "Upload",
                    id="models-send",
                    color="primary",
                    class_name="gfo-decides",
                ),
                html.Progress(
                    id="models-progress", max="100", value="0", className="d-none"
                ),
                html.Span(id="models-status", role="status", **data(said="true")),
            ],
            className="gfo-actions",
        ),
        id="models-form",
        hint="It goes into quarantine, is checked in a sandbox, and judged on a year of"
        " stored telemetry beside the model that serves. Nothing changes until you"
        " activate it.",
    )
    return html.Div(
        form,
        **data(
            upload="/_models",
            accept=".onnx",
            waiting="Putting it into quarantine…",
            changed="models-changed",
        ),
    )


def version_layout() -> Component:
    """One version; its number stands in the address."""
    return html.Div(
        [
            dcc.Location(id="model-url", refresh=False),
            dcc.Store(id="model-changed"),
            dcc.Store(id="model-seen"),
            dcc.Interval(id="model-refresh", interval=REFRESH_MS, disabled=True),
            crumbs((("Models", addresses.ADMIN_MODELS),), "Version"),
            html.Div(skeleton(80), id="model-head"),
            html.Div(id="model-notice", **aria(live="polite")),
            _actions(),
            html.Div(skeleton(420), id="model-detail"),
        ]
    )


def _actions() -> Component:
    """Always in the tree, so that what is typed survives a refresh."""
    return panel(
        "What to do with it",
        html.P(id="model-next-step"),
        form_grid("model", [_REASON, _ADDED_SIGNATURE], own_password("model-password")),
        html.Div(
            [
                _button("Activate", "model-activate", "primary"),
                _button("Override the gate", "model-override", "secondary"),
                _button("Evaluate again", "model-evaluate", "secondary"),
                _button("Add the signature", "model-sign", "secondary"),
                # A download is audited, so no address of another site may start one.
                html.Form(
                    html.Button("Download", className="btn btn-secondary"),
                    id="model-download",
                    method="POST",
                    action="#",
                ),
            ],
            className="gfo-actions",
        ),
        id="model-actions",
    )


def _button(text: str, button_id: str, colour: str) -> Component:
    button: Component = dbc.Button(
        text, id=button_id, color=colour, disabled=True, class_name="gfo-decides"
    )
    return button
