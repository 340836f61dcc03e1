"""The Users page: everybody, a form for somebody new, and what can be changed."""

from __future__ import annotations

import uuid
from dataclasses import replace

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.access import Role
from orchestrator.accounts.user_names import NAME_LENGTH
from pages import addresses
from pages.components import link, own_password, page_head, panel, skeleton
from pages.form_fields import Field, form_grid

ROLE_WORDS = {
    Role.AUDITOR: "auditor: sees everything, with the audit events",
    Role.OPERATOR: "operator: decides",
    Role.ADMIN: "admin: does everything",
}
_ROLE = Field(
    name="role",
    label="Role",
    kind="choice",
    choices={role.value: words for role, words in ROLE_WORDS.items()},
)
_NEW_FIELDS = (
    Field(name="name", label="Name", kind="text", longest=NAME_LENGTH),
    replace(_ROLE, name="new_role"),
)
CHANGE_BUTTONS = (
    ("users-set-role", "Change the role", "primary"),
    ("users-reset", "New one-time password", "secondary"),
    ("users-reset-factors", "Remove second factors", "secondary"),
    ("users-end-logins", "End all logins", "secondary"),
    ("users-disable", "Disable", "secondary"),
    ("users-enable", "Enable", "secondary"),
)


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="users-url", refresh=False),
            dcc.Store(id="users-chosen"),
            dcc.Store(id="users-added"),
            dcc.Store(id="users-changed"),
            dcc.Store(id="users-add-request", data=new_request()),
            dcc.Store(id="users-change-request", data=new_request()),
            page_head(
                "Users",
                "Who may log in, and as what?",
                link("Add somebody", addresses.ADMIN_USERS),
                html.A("API tokens", href="/admin/tokens"),
            ),
            html.Div(id="users-notice"),
            html.Div(
                [
                    panel(
                        "Everybody",
                        html.Div(skeleton(280), id="users-table"),
                        id="users-all",
                    ),
                    html.Div(_add_form(), id="users-add-form"),
                    html.Div(_change_form(), id="users-change-form", hidden=True),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
        ]
    )


def new_request() -> str:
    """A request id for the page's next change; a repetition has the same."""
    return str(uuid.uuid4())


def _add_form() -> Component:
    return panel(
        "Add somebody",
        form_grid(
            "users",
            _NEW_FIELDS,
            own_password("users-add-password"),
            held={"new_role": Role.OPERATOR.value},
        ),
        _actions(("users-add", "Add", "primary")),
        html.Div(id="users-add-status", role="status"),
        id="users-add-panel",
        hint="They get a one-time password, which is shown here once.",
    )


def _change_form() -> Component:
    return panel(
        "Change",
        html.P(id="users-chosen-name"),
        form_grid("users", [_ROLE], own_password("users-change-password")),
        _actions(*CHANGE_BUTTONS),
        html.Div(id="users-change-status", role="status"),
        html.H3("Logins that run"),
        html.Div(id="users-logins"),
        id="users-change-panel",
        hint="Another role, a new password, removed factors and disabling end all their"
        " logins at once.",
    )


def _actions(*buttons: tuple[str, str, str]) -> Component:
    return html.Div(
        [
            dbc.Button(text, id=button_id, color=colour, class_name="gfo-decides")
            for button_id, text, colour in buttons
        ],
        className="gfo-actions",
    )
