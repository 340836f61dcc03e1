"""What the Users page shows once it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from dash import html
from dash.development.base_component import Component

from orchestrator.accounts.administration import AccountView, LoginSession, NewPassword
from orchestrator.accounts.browser_names import browser_name
from pages import addresses
from pages.components import data_table, link, moment, notice
from pages.theme import MISSING
from pages.words import local_time


def users_table(accounts: Sequence[AccountView], zone: str) -> Component:
    """Every person, and the system users that processes act as."""
    return data_table(
        "People and system users",
        ("Name", "Role", "State", "Second factor", "Since", "Logins now"),
        [
            (
                _choice_link(account) if _is_managed(account) else account.name,
                account.role.value,
                state_words(account),
                factor_words(account),
                moment(account.created_at_utc, zone),
                MISSING if account.is_system else str(account.live_login_count),
            )
            for account in accounts
        ],
        numeric_from=5,
        id="users-table-rows",
        cards=True,
    )


def state_words(account: AccountView) -> str:
    """What can be said of an account in a few words."""
    if account.is_system and not account.is_service:
        return "a process of the portal; cannot log in"
    if not account.is_active:
        return "disabled"
    if account.is_service:
        return "a service account; only API tokens act for it"
    if account.must_change_password:
        return "has a one-time password"
    return "active"


def factor_words(account: AccountView) -> str:
    """What a login needs besides the password."""
    if account.is_system:
        return MISSING
    return " and ".join(account.factors) or "none"


def logins_table(found: Sequence[LoginSession], zone: str) -> Component:
    """Where somebody is logged in."""
    if not found:
        return notice("Not logged in.", "No login of this person runs.")
    return data_table(
        "Logins that run",
        ("Address", "Browser", "Began", "Last used"),
        [
            (
                login.actor.address or "unknown",
                browser_name(login.user_agent),
                moment(login.created_at_utc, zone),
                moment(login.last_seen_at_utc, zone),
            )
            for login in found
        ],
        numeric_from=9,
        id="users-logins-table",
        cards=True,
    )


def one_time_password(made: NewPassword, zone: str) -> Component:
    """The password, the only time that it is shown."""
    if made.password is None and made.until_utc is None:
        name = made.account.name
        return notice("Done.", f"{name} has no one-time password and needs none.")
    if made.password is None or made.until_utc is None:
        return notice(
            "Done.",
            f"This was done already: {made.account.name} has a one-time password. It"
            " was shown once and is kept nowhere; if you did not see it, hand out a new"
            " one.",
        )
    return html.Div(
        [
            html.Strong(f"{made.account.name} logs in once with"),
            html.Code(
                made.password,
                id="users-one-time",
                style={"userSelect": "all", "overflowWrap": "anywhere"},
            ),
            html.Span(
                f"Give it to them now: it is not shown again. It works until"
                f" {local_time(made.until_utc, zone)} and must be changed at the first"
                " login."
            ),
        ],
        className="gfo-notice",
    )


def _is_managed(account: AccountView) -> bool:
    """Whether admins change it: a person or a service account, no process."""
    return account.is_service or not account.is_system


def _choice_link(account: AccountView) -> Component:
    query = urlencode({"user": account.name})
    return link(account.name, f"{addresses.ADMIN_USERS}?{query}")
