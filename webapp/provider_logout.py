"""Logouts that the identity provider sends: OpenID Connect Back-Channel Logout 1.0.

Nobody is called: the token is verified with the keys that the worker stored.
"""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from core.errors import NotFound
from orchestrator.accounts import federation
from orchestrator.accounts.identity_provider import IdentityProvider, RefusedAnswerError
from orchestrator.accounts.provider_checks import log_out_by_provider, provider_keys
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from webapp.auth import client
from webapp.csrf import LOGOUT_PATH
from webapp.permissions import Access, add_route
from webapp.request_context import exchange

log = get_logger(__name__)

_PLACE = "provider_logout"


def make_provider_logout(runtime: Runtime) -> Blueprint:
    """The one route, which the provider itself calls, not a browser."""
    blueprint = Blueprint(_PLACE, __name__)
    has_provider = runtime.settings.oidc_issuer is not None
    provider = IdentityProvider(runtime.settings) if has_provider else None

    def log_out_there() -> ResponseReturnValue:
        """End the logins that a logout token names."""
        if provider is None:
            message = "This portal has no identity provider."
            raise NotFound(message)
        with exchange(runtime, None) as asked:
            waiting = federation.begin_exchange(asked, client())
        if waiting is not None:
            return jsonify(error="temporarily_unavailable"), 429
        try:
            with exchange(runtime, None) as asked:
                token = provider.verified_logout(
                    request.form.get("logout_token", ""),
                    provider_keys(asked, provider.issuer),
                    runtime.clock(),
                )
                ended = log_out_by_provider(asked, provider.issuer, token)
                federation.end_exchange(asked, client())
        except (RefusedAnswerError, NotFound) as exc:
            log.warning("logout_token_refused", cause=repr(exc.__cause__ or exc)[:200])
            with exchange(runtime, None) as asked:
                federation.refuse_exchange(asked, client())
            return jsonify(error="invalid_request"), 400
        log.info("logged_out_by_provider", ended_sessions=ended)
        return "", 200

    add_route(
        blueprint,
        LOGOUT_PATH,
        log_out_there,
        access=Access.ANYBODY,
        methods=("POST",),
    )
    return blueprint
