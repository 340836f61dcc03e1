"""The Users page follows its address; its forms change accounts."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from dash import Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component

from core.access import Permission, Role
from core.errors import InvalidInput, NotConfirmed, NotFound
from orchestrator.accounts import administration
from orchestrator.accounts.administration import AccountView, NewPassword
from orchestrator.use_cases import Request
from pages.addresses import Query
from pages.admin_users.content import (
    logins_table,
    one_time_password,
    state_words,
    users_table,
)
from pages.admin_users.layout import CHANGE_BUTTONS, new_request
from pages.components import notice
from pages.context import PageContext
from pages.serving import error_notice, serve
from pages.times import chosen_times

Change = Callable[[Request], NewPassword | str]
"""Changes an account; returns a one-time password, or what was done."""


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_view(app, context)
    _register_add(app, context)
    _register_change(app, context)


def _register_view(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("users-notice", "children"),
            Output("users-table", "children"),
            Output("users-chosen", "data"),
            Output("users-chosen-name", "children"),
            Output("users-role", "value"),
            Output("users-add-form", "hidden"),
            Output("users-change-form", "hidden"),
            Output("users-disable", "disabled"),
            Output("users-enable", "disabled"),
            Output("users-logins", "children"),
        ],
        inputs=[
            Input("users-url", "search"),
            Input("users-added", "data"),
            Input("users-changed", "data"),
        ],
        permission=Permission.MANAGE_USERS,
        at_load=False,
    )
    def show_users(search: str | None, *_saved: object) -> tuple[object, ...]:
        wanted = Query.parse(search).text("user")
        with context.request() as request:
            everybody = administration.list_accounts(request)
            chosen = None if wanted is None else _chosen(everybody, wanted)
            has_logins = chosen is not None and not chosen.is_service
            running = (
                administration.logins_of(request, chosen.name)
                if chosen and has_logins
                else []
            )
        zone = chosen_times().zone_without_region
        return (
            None,
            users_table(everybody, zone),
            None if chosen is None else chosen.name,
            None if chosen is None else f"{chosen.name}, {state_words(chosen)}",
            None if chosen is None else chosen.role.value,
            chosen is not None,
            chosen is None,
            chosen is None or not chosen.is_active,
            chosen is None or chosen.is_active,
            logins_table(running, zone),
        )


def _chosen(everybody: list[AccountView], name: str) -> AccountView:
    for account in everybody:
        is_process = account.is_system and not account.is_service
        if account.name.lower() == name.lower() and not is_process:
            return account
    message = f"There is no user called {name}."
    raise NotFound(message)


def _register_add(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("users-add-status", "children"),
            Output("users-added", "data"),
            Output("users-add-request", "data"),
            Output("users-name", "value"),
            Output("users-add-password", "value"),
        ],
        inputs=[Input("users-add", "n_clicks")],
        states=[
            State("users-name", "value"),
            State("users-new-role", "value"),
            State("users-add-password", "value"),
            State("users-add-request", "data"),
        ],
        permission=Permission.MANAGE_USERS,
        at_load=False,
    )
    def add(
        _clicks: object, name: object, role: object, password: object, request: object
    ) -> tuple[object, ...]:
        request_id = _request_id(request)
        shown, is_done = _carried_out(
            context,
            request_id,
            password,
            lambda request: administration.add_user(request, _text(name), _role(role)),
        )
        if not is_done:
            return shown, no_update, str(request_id), _text(name), ""
        return shown, new_request(), new_request(), "", ""


def _register_change(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("users-change-status", "children"),
            Output("users-changed", "data"),
            Output("users-change-request", "data"),
            Output("users-change-password", "value"),
        ],
        inputs=[Input(button_id, "n_clicks") for button_id, *_ in CHANGE_BUTTONS],
        states=[
            State("users-chosen", "data"),
            State("users-role", "value"),
            State("users-change-password", "value"),
            State("users-change-request", "data"),
        ],
        permission=Permission.MANAGE_USERS,
        at_load=False,
    )
    def change(*values: object) -> tuple[object, ...]:
        name, role, password, request = values[len(CHANGE_BUTTONS) :]
        change = _changes(_text(name), role).get(str(ctx.triggered_id))
        if change is None:
            message = "Press one of the buttons of the page."
            raise InvalidInput(message)
        request_id = _request_id(request)
        shown, is_done = _carried_out(context, request_id, password, change)
        if not is_done:
            return shown, no_update, str(request_id), ""
        return shown, new_request(), new_request(), ""


def _carried_out(
    context: PageContext, request_id: UUID, password: object, change: Change
) -> tuple[Component, bool]:
    """Make the change once the admin's own password is confirmed; say the outcome."""
    try:
        with context.confirmed_request(password, request_id) as request:
            outcome = change(request)
    except NotConfirmed as exc:
        return error_notice(exc), False
    if isinstance(outcome, NewPassword):
        return one_time_password(outcome, chosen_times().zone_without_region), True
    return notice("Done.", outcome), True


def _changes(name: str, role: object) -> dict[str, Change]:
    """What each button of the form does."""

    def set_role(request: Request) -> str:
        changed = administration.change_role(request, name, _role(role))
        return f"{changed.name} is {changed.role} from the next login on."

    def end_logins(request: Request) -> str:
        ended = administration.end_logins(request, name)
        return f"Logins of {name} that have ended: {ended}."

    def reset_factors(request: Request) -> str:
        account = administration.reset_factors(request, name)
        return f"{account.name} has no second factor any more; all their logins ended."

    def disable(request: Request) -> str:
        disabled = administration.disable_user(request, name)
        return f"{disabled.name} is disabled and logged out everywhere."

    return {
        "users-set-role": set_role,
        "users-reset": lambda request: administration.reset_password(request, name),
        "users-reset-factors": reset_factors,
        "users-end-logins": end_logins,
        "users-disable": disable,
        "users-enable": lambda request: administration.enable_user(request, name),
    }


def _role(value: object) -> Role:
    known = {role.value: role for role in Role}
    role = known.get(_text(value))
    if role is None:
        message = "Choose a role."
        raise InvalidInput(message)
    return role


def _request_id(value: object) -> UUID:
    try:
        return UUID(_text(value))
    except ValueError as exc:
        message = "The page is out of date. Load it again and repeat the change."
        raise InvalidInput(message) from exc


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
