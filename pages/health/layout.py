"""The frames of the Health and Jobs pages."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from pages import addresses
from pages.components import link, page_head, panel, skeleton
from pages.refreshing import refresh


def health_layout() -> Component:
    """The frame of Health; a callback fills it."""
    return html.Div(
        [
            dcc.Location(id="health-url", refresh=False),
            refresh("health"),
            page_head(
                "Health",
                "Is this installation sound, and if not, what wants a look?",
                html.Span(id="health-as-of"),
                link("Jobs of the workers", addresses.ADMIN_JOBS),
            ),
            html.Div(id="health-notice"),
            panel(
                "What was looked at",
                html.Div(skeleton(300), id="health-findings"),
                id="health-all",
                hint="The same as gfo doctor, but for the walk along the whole audit"
                " chain. Each topic has its runbook in docs/operations.md.",
            ),
        ]
    )


def jobs_layout() -> Component:
    """The frame of Jobs; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="jobs-url", refresh=False),
            dcc.Store(id="jobs-acted"),
            refresh("jobs"),
            page_head(
                "Jobs",
                "What do the workers do, what waits, and what failed?",
                html.Span(id="jobs-as-of"),
                link("Health", addresses.ADMIN_HEALTH),
            ),
            html.Div(id="jobs-notice"),
            html.Div(_chosen(), id="jobs-chosen", hidden=True),
            html.Div(
                [
                    html.Div(
                        [
                            panel(
                                "The queue",
                                html.Div(skeleton(200), id="jobs-queue"),
                                id="jobs-waiting",
                            ),
                            panel(
                                "Long work",
                                html.Div(skeleton(80), id="jobs-long"),
                                id="jobs-progress",
                            ),
                        ]
                    ),
                    panel(
                        "How long jobs took",
                        html.Div(skeleton(200), id="jobs-durations"),
                        id="jobs-took",
                        hint="Those that succeeded within the last day.",
                    ),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
        ]
    )


def _chosen() -> Component:
    return panel(
        "This job",
        html.Div(id="jobs-one"),
        html.Div(
            dbc.Button(
                "Try again",
                id="jobs-retry",
                color="primary",
                class_name="gfo-decides",
            ),
            className="gfo-actions",
        ),
        html.Div(id="jobs-act-status", role="status"),
        id="jobs-one-panel",
        hint="The log of the worker names the job's number with the error.",
    )
