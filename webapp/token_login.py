"""Who makes a request of the API: bearer tokens, and how often they may ask."""

from __future__ import annotations

from math import ceil

from flask import Response, g, request

from core.access import Actor
from core.errors import Forbidden
from orchestrator.accounts import api_tokens
from orchestrator.accounts.api_tokens import RefusedToken, TokenUse
from orchestrator.runtime import Runtime
from webapp.problems import problem
from webapp.request_context import exchange

_MINUTE_S = 60
_SCHEME = "Bearer"


def has_credentials() -> bool:
    """Whether the request names a token, valid or not."""
    return "Authorization" in request.headers


def log_in_by_token(runtime: Runtime) -> Response | None:
    """Let the account of the request's token act; an answer where none may.

    Cookies are not looked at: whoever follows a link does not act through the API.
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    named = scheme.lower() == _SCHEME.lower()
    with exchange(runtime, None) as asked:
        found = api_tokens.use_token(
            asked, secret.strip() if named else "", address=request.remote_addr
        )
    if isinstance(found, RefusedToken):
        return _refused(found)
    g.api_actor = found.actor
    return _limited(found, runtime)


def token_actor() -> Actor:
    """Who acts in this request of the API.

    Raises
    ------
    Forbidden
        When no token was accepted.
    """
    actor = g.get("api_actor")
    if not isinstance(actor, Actor):
        raise Forbidden
    return actor


def add_rate_headers(response: Response) -> Response:
    """Say how many requests are left in this minute (RateLimit header fields)."""
    if "rate_limit" in g:
        most, left, wait_s = g.rate_limit
        response.headers["RateLimit-Policy"] = f'"minute";q={most};w={_MINUTE_S}'
        response.headers["RateLimit"] = f'"minute";r={left};t={wait_s}'
    return response


def _limited(used: TokenUse, runtime: Runtime) -> Response | None:
    most, wait_s = (
        runtime.settings.api_requests_per_minute,
        _MINUTE_S - runtime.clock().second,
    )
    g.rate_limit = (most, max(most - used.minute_count, 0), wait_s)
    if used.minute_count <= most:
        return None
    answer = problem(429, f"This token may make {most} requests a minute.")
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def _refused(refused: RefusedToken) -> Response:
    if refused.wait is None:
        answer = problem(401, "Send a live API token: Authorization: Bearer gfo_...")
        answer.headers["WWW-Authenticate"] = _SCHEME
        return answer
    answer = problem(429, "Too many requests without a live token from this address.")
    answer.headers["Retry-After"] = str(ceil(refused.wait.total_seconds()))
    return answer
