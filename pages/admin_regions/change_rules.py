"""The rules for changes: their form on the Regions page and its callbacks."""

from __future__ import annotations

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.approvals.rules import rules_in_force, set_change_rules
from pages.components import notice, panel
from pages.context import PageContext
from pages.form_fields import Confirmed, reasoned_parts, serve_reasoned
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
        *reasoned_parts("rules", "Set the rules"),
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

    @serve_reasoned(
        app,
        context,
        "rules",
        states=[
            State("rules-two-people", "value"),
            State("rules-signed-only", "value"),
        ],
        permission=Permission.MANAGE_POLICY,
    )
    def set_rules(
        confirmed: Confirmed, reason: str, two_people: object, signed: object
    ) -> Component:
        with confirmed() as request:
            changed = set_change_rules(
                request,
                two_people=two_people is True,
                signed_models_only=signed is True,
                reason=reason,
            )
        said = "The rules are set." if changed else "Nothing to change."
        return notice(said, "They hold from now on.")
