"""Nobody overwrites what they have not seen: ETags and If-Match."""

from __future__ import annotations

from collections.abc import Callable
from uuid import NAMESPACE_URL, uuid5

import flask
from werkzeug.exceptions import PreconditionFailed, PreconditionRequired

from db import handled_requests
from orchestrator.use_cases import Request, sha256_of


def etag(state: object) -> str:
    """The ETag of something that can be overwritten: a hash of its canonical text."""
    return sha256_of({"state": state})[:32]


def require_match(asked: Request, name: str, state: Callable[[], object]) -> None:
    """Refuse to overwrite what is no longer as the caller saw it.

    Whoever overwrites the same thing waits, so of two with the same ETag one succeeds.
    A request that was carried out before passes: it gets the answer that was kept.

    Raises
    ------
    PreconditionRequired, PreconditionFailed
        Without If-Match; when it names another state.
    """
    handled_requests.lock_request(asked.session, uuid5(NAMESPACE_URL, name))
    request_id = asked.request_id
    if request_id and handled_requests.handled_request(asked.session, request_id):
        return
    if "If-Match" not in flask.request.headers:
        raise PreconditionRequired
    if not flask.request.if_match.contains(etag(state())):
        raise PreconditionFailed
