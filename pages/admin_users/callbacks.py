"""The Users page follows its address; its forms change accounts."""

from __future__ import annotations

from uuid import UUID

from dash import Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component

from core.access import Permission, Role
from core.errors import InvalidInput, NotFound
from orchestrator.accounts import administration
from orchestrator.accounts.account_changes import (
    AccountAction,
    AccountChange,
    change_account,
)
from orchestrator.accounts.administration import AccountView, NewPassword
from orchestrator.accounts.own_password import RefusedChange
from pages.addresses import Query
from pages.admin_users.content import one_time_password, state_words, users_table
from pages.admin_users.layout import new_request
from pages.components import notice
from pages.context import PageContext
from pages.serving import serve
from pages.times import chosen_times

_BUTTONS = {
    "users-set-role": AccountAction.SET_ROLE,
    "users-reset": AccountAction.RESET_PASSWORD,
    "users-end-logins": AccountAction.END_LOGINS,
    "users-disable": AccountAction.DISABLE,
    "users-enable": AccountAction.ENABLE,
}


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
        with context.runtime.transaction() as session:
            everybody = administration.list_accounts(
                session, context.current_actor(), now=context.runtime.clock()
            )
        chosen = None if wanted is None else _chosen(everybody, wanted)
        return (
            None,
            users_table(everybody, chosen_times().zone_without_region),
            None if chosen is None else chosen.name,
            None if chosen is None else f"{chosen.name}, {state_words(chosen)}",
            None if chosen is None else chosen.role.value,
            chosen is not None,
            chosen is None,
            chosen is None or not chosen.is_active,
            chosen is None or chosen.is_active,
        )


def _chosen(everybody: list[AccountView], name: str) -> AccountView:
    for account in everybody:
        if account.name.lower() == name.lower() and not account.is_system:
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
        change = _change(AccountAction.ADD, name, role, password, request)
        shown, is_done = _carried_out(context, change)
        if not is_done:
            return shown, no_update, str(change.request_id), change.name, ""
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
        inputs=[Input(button_id, "n_clicks") for button_id in _BUTTONS],
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
        name, role, password, request = values[len(_BUTTONS) :]
        action = _BUTTONS.get(str(ctx.triggered_id))
        if action is None:
            message = "Press one of the buttons of the page."
            raise InvalidInput(message)
        wanted = _change(action, name, role, password, request)
        shown, is_done = _carried_out(context, wanted)
        if not is_done:
            return shown, no_update, str(wanted.request_id), ""
        return shown, new_request(), new_request(), ""


def _change(
    action: AccountAction, name: object, role: object, password: object, request: object
) -> AccountChange:
    """The change that a form asks for, from what a browser sent."""
    roles = {known.value: known for known in Role}
    try:
        request_id = UUID(_text(request))
    except ValueError as exc:
        message = "The page is out of date. Load it again and repeat the change."
        raise InvalidInput(message) from exc
    return AccountChange(
        action=action,
        name=_text(name),
        role=roles.get(_text(role)),
        own_password=_text(password),
        request_id=request_id,
    )


def _carried_out(context: PageContext, change: AccountChange) -> tuple[Component, bool]:
    """Make the change, and say what came of it; a refusal is committed as well."""
    with context.runtime.transaction() as session:
        outcome = change_account(
            session, context.current_actor(), change, now=context.runtime.clock()
        )
    if isinstance(outcome, RefusedChange):
        return notice("Nothing was changed.", outcome.sentence, kind="warn"), False
    if isinstance(outcome, NewPassword):
        return one_time_password(outcome, chosen_times().zone_without_region), True
    return notice("Done.", outcome), True


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
