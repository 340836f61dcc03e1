"""Deny by default: nothing is reached unless the permission table says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from dash import Dash
from flask import Flask, abort, current_app, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import MethodNotAllowed

from core.access import Actor, Permission
from core.errors import Forbidden, ServiceUnavailable
from orchestrator.accounts import denials, logins
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from webapp import callbacks
from webapp.auth import PortalUser, current_actor, is_polling, logged_in_user
from webapp.cookies import login_token
from webapp.dash_internals import CALLBACK_ENDPOINT, page_at
from webapp.monitoring import may_monitor
from webapp.permissions import (
    ROUTES,
    Access,
    CallbackPermissions,
    is_page_endpoint,
    may_reach,
)
from webapp.problems import is_api
from webapp.request_context import exchange, request_id
from webapp.token_login import has_credentials, log_in_by_token, token_actor

log = get_logger(__name__)

_MACHINE_PATHS = ("/_", "/assets/", "/portal/", "/api/")
_BEFORE_PASSWORD_CHANGE = frozenset({"portal.password", "portal.logout"})


class Gate:
    """Checks every request before anything else does."""

    def __init__(self, runtime: Runtime, permissions: CallbackPermissions) -> None:
        self._runtime = runtime
        self._permissions = permissions
        self._app: Dash | None = None

    def install(self, server: Flask) -> None:
        """Check before the form protection, or an ended login would answer 400."""
        server.before_request(self.check)

    def guard(self, app: Dash) -> None:
        """Check the callbacks of this Dash application."""
        self._app = app

    def check(self) -> ResponseReturnValue | None:
        """Answer in place of the route, or let the request pass."""
        _require_readable()
        route = ROUTES.get(request.endpoint or "")
        access = route.access if route else None
        # People who are logged in may read the documentation, and nothing else there.
        if is_api() and (access is not Access.LOGGED_IN or has_credentials()):
            return self._check_token(access)
        if access is Access.ANYBODY:
            return None
        if access is Access.MONITORING:
            return self._check_monitor()
        return self._check_login(access)

    def _check_login(
        self, access: Access | Permission | None
    ) -> ResponseReturnValue | None:
        user = logged_in_user()
        if user is None:
            return self._turn_away()
        if (
            user.login.must_change_password
            and request.endpoint not in _BEFORE_PASSWORD_CHANGE
        ):
            return _to("portal.password", "Choose a new password first.")
        if self._needs_second_factor(user):
            return _to("factors.show", "Add a second factor first.")
        body = self._check_route(access)
        self._note_activity(user, body)
        return None

    def _needs_second_factor(self, user: PortalUser) -> bool:
        """Whether the role must have one, the account has none, and this adds none."""
        required = self._runtime.settings.second_factor_roles
        is_adding = request.blueprint == "factors" or (
            request.endpoint in _BEFORE_PASSWORD_CHANGE
        )
        is_missing = not user.login.has_second_factor
        return user.actor.role in required and is_missing and not is_adding

    def _check_token(
        self, access: Access | Permission | None
    ) -> ResponseReturnValue | None:
        """Let a token's account through to an endpoint that role and scopes allow."""
        refused = log_in_by_token(self._runtime)
        if refused is not None or request.endpoint is None:
            return refused  # Flask answers 404 or 405
        if is_page_endpoint(request.endpoint):
            _answer_no_endpoint()
        if access is None or not may_reach(token_actor(), access):
            self.deny(token_actor(), request.endpoint)
        return None

    def _check_monitor(self) -> ResponseReturnValue | None:
        if may_monitor(self._runtime.settings, request):
            return None
        self._count_stranger()
        error = "The metrics are for this machine, or for whoever has the token."
        answer = jsonify(error=error, reference=request_id())
        return answer, 401, {"WWW-Authenticate": "Bearer"}

    def _check_route(
        self, access: Access | Permission | None
    ) -> Mapping[str, Any] | None:
        if request.endpoint is None:
            return None  # Flask answers 404 or 405
        if access is None or not may_reach(current_actor(), access):
            self.deny(current_actor(), request.endpoint)
        if is_page_endpoint(request.endpoint):
            self._check_page()
        if request.endpoint == CALLBACK_ENDPOINT:
            return self._check_callback()
        return None

    def _check_page(self) -> None:
        page = page_at(request.path)
        if page is None:
            abort(404)
        if not may_reach(current_actor(), page["permission"]):
            self.deny(current_actor(), page["module"])

    def _check_callback(self) -> Mapping[str, Any]:
        body = callbacks.parse_body(request)
        permission = self._permissions.get(body["output"])
        if permission is None or self._app is None:
            abort(400)
        if not may_reach(current_actor(), permission):
            self.deny(current_actor(), body["output"])
        callbacks.require_registered_shape(self._app, body)
        return body

    def _note_activity(self, user: PortalUser, body: Mapping[str, Any] | None) -> None:
        now = self._runtime.clock()
        if is_polling(request, body) or not logins.needs_touch(user.login, now):
            return
        with exchange(self._runtime, user.actor) as asked:
            logins.touch(asked, user.login)

    def deny(self, actor: Actor, wanted: str) -> NoReturn:
        """Count the refusal for the audit chain, log it, and raise Forbidden."""
        message = None
        if actor.token_id is not None:
            wanted = f"{wanted} by token {actor.token_id}"
            message = f"Role ({actor.role}) or scopes of this token do not allow this."
        log.warning(
            "access_denied", user=actor.name, role=actor.role.value, wanted=wanted
        )
        with exchange(self._runtime, actor) as asked:
            denials.record_denial(asked, wanted)
        raise Forbidden(message)

    def _turn_away(self) -> ResponseReturnValue:
        """Redirect a person to the login page; answer a script with 401."""
        was_login = self._end_run_out_login()
        if not request.path.startswith(_MACHINE_PATHS):
            is_page = request.method in {"GET", "HEAD"}
            wanted = request.full_path.rstrip("?") if is_page else None
            return redirect(url_for("portal.login", next=wanted))
        if not was_login:  # an open page whose login ended is no attack
            self._count_stranger()
        return jsonify(error="Log in first.", reference=request_id()), 401

    def _end_run_out_login(self) -> bool:
        """End this request's login for good if it ran out; whether it ever was one."""
        token = login_token(request)
        if token is None:
            return False
        with exchange(self._runtime, None) as asked:
            return logins.end_run_out_login(asked, token)

    def _count_stranger(self) -> None:
        log.info("access_denied", address=request.remote_addr, wanted="login")
        try:
            with exchange(self._runtime, None) as asked:
                denials.record_refused_stranger(asked, request.remote_addr)
        except ServiceUnavailable:
            log.warning("denial_not_counted", address=request.remote_addr)


def _answer_no_endpoint() -> NoReturn:
    """404, or 405 where the address has other methods; Dash takes every GET."""
    urls = current_app.url_map.bind_to_environ(request.environ)
    others = sorted(set(urls.allowed_methods()) - {"GET", "HEAD", "OPTIONS"})
    if others:
        raise MethodNotAllowed(valid_methods=others)
    abort(404)


def _require_readable() -> None:
    """Refuse what no browser sends."""
    if request.headers.get("Transfer-Encoding"):
        # Werkzeug truncates a body of unknown length at the limit in silence.
        abort(411)
    if not callbacks.is_storable(request.path):
        abort(400)
    if not all(map(callbacks.is_storable, request.args.values())):
        abort(400)


def _to(endpoint: str, error: str) -> ResponseReturnValue:
    """Redirect a person to what has to be done first; answer a script with 403."""
    if request.path.startswith(_MACHINE_PATHS):
        return jsonify(error=error, reference=request_id()), 403
    return redirect(url_for(endpoint))
