"""Who makes this request: flask-login over the sessions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from flask import Flask, Request, request
from flask_login import LoginManager, UserMixin, current_user

from core.access import Actor
from core.errors import Forbidden
from db.sessions import LoginSession
from orchestrator.accounts import logins
from orchestrator.accounts.tries import Client
from orchestrator.runtime import Runtime
from webapp.cookies import device_token, login_token
from webapp.request_context import exchange

POLLING_HEADER = "X-GFO-Polling"
_POLLING_PROPERTY = ".n_intervals"


class PortalUser(UserMixin):  # type: ignore[misc]  # no types
    """The person behind a live login, as flask-login expects them."""

    def __init__(self, login: LoginSession) -> None:
        self.login = login
        self.actor = login.actor

    def get_id(self) -> str:
        """The account's id."""
        return str(self.actor.user_id)


def install_login(server: Flask, runtime: Runtime) -> None:
    """Make flask-login find people by the cookie of their login."""
    manager = LoginManager()
    # No user in templates: an error page must not need the database.
    manager.init_app(server, add_context_processor=False)
    # The database decides alone: no user id in a signed cookie, no "remember me".
    manager.session_protection = None
    server.config["REMEMBER_COOKIE_NAME"] = "gfo_never_set"

    @manager.request_loader  # type: ignore[untyped-decorator]
    def load(incoming: Request) -> PortalUser | None:
        token = login_token(incoming)
        if token is None:
            return None
        with exchange(runtime, None) as asked:
            login = logins.find_login(asked, token)
        return None if login is None else PortalUser(login)


def logged_in_user() -> PortalUser | None:
    """The person behind this request; None for a stranger."""
    return cast(PortalUser, current_user) if current_user.is_authenticated else None


def current_actor() -> Actor:
    """The actor of this request, at the address it came from.

    Raises Forbidden when nobody is logged in.
    """
    user = logged_in_user()
    if user is None:
        message = "Log in first."
        raise Forbidden(message)
    return replace(user.actor, address=request.remote_addr)


def client() -> Client:
    """Where this request comes from."""
    return Client(
        address=request.remote_addr,
        user_agent=_printable(request.user_agent.string),
        device_token=device_token(request),
    )


def is_polling(incoming: Request, callback_body: Mapping[str, Any] | None) -> bool:
    """Whether a timer made this request; a page left open must not stay logged in."""
    if incoming.headers.get(POLLING_HEADER):
        return True
    changed = (callback_body or {}).get("changedPropIds") or []
    return bool(changed) and all(
        str(item).endswith(_POLLING_PROPERTY) for item in changed
    )


def _printable(text: str) -> str | None:
    return "".join(character for character in text if character.isprintable()) or None
