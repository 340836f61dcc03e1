"""The rules for changes: their form on the Regions page and its callbacks."""

from __future__ import annotations

import time

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.approvals.rules import rules_in_force, set_change_rules
from pages.components import field, notice, own_password, panel
from pages.context import PageContext
from pages.form_fields import save_button
from pages.serving import serve


def rules_form() -> Component:
    """Whether two people and signatures are required."""
    return panel(
        "Rules for changes",
        dbc.Checkbox(
            id="rules-two-people",
            label="A second person approves models, limits, terms and these rules",
        ),
        dbc.Checkbox(
            id="rules-signed-only",
            label="Only models with a signature of a trusted key may be activated",
        ),
        field("Reason", dbc.Textarea(id="rules-reason", rows=2, maxlength=500)),
        own_password("rules-password"),
        save_button("Set the rules", "rules-save"),
        html.Div(id="rules-save-status", role="status"),
        id="regions-rules",
        hint="Once two people are required, one person alone cannot end that. An"
        " account that somebody else made or reset approves nothing for seven days.",
    )


def register_rules(app: Dash, context: PageContext) -> None:
    """Register the form's callbacks."""

    @serve(
        app,
        context,
        outputs=[
            Output("rules-two-people", "value"),
            Output("rules-signed-only", "value"),
        ],
        inputs=[Input("regions-url", "search"), Input("rules-saved", "data")],
        permission=Permission.MANAGE_POLICY,
        at_load=False,
    )
    def show_rules(*_reasons: object) -> tuple[bool, bool]:
        with context.request() as request:
            rules = rules_in_force(request)
        return rules.two_people, rules.signed_models_only

    @serve(
        app,
        context,
        outputs=[
            Output("rules-save-status", "children"),
            Output("rules-reason", "value"),
            Output("rules-password", "value"),
            Output("rules-saved", "data"),
        ],
        inputs=[Input("rules-save", "n_clicks")],
        states=[
            State("rules-two-people", "value"),
            State("rules-signed-only", "value"),
            State("rules-reason", "value"),
            State("rules-password", "value"),
        ],
        permission=Permission.MANAGE_POLICY,
        at_load=False,
    )
    def set_rules(
        _clicks: int, two_people: object, signed: object, reason: object, proof: object
    ) -> tuple[Component, str, str, int]:
        with context.confirmed_request(proof) as request:
            changed = set_change_rules(
                request,
                two_people=two_people is True,
                signed_models_only=signed is True,
                reason=reason if isinstance(reason, str) else "",
            )
        said = "The rules are set." if changed else "Nothing to change."
        done = notice(said, "They hold from now on.")
        return done, "", "", time.monotonic_ns()
