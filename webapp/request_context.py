"""Each request's id, its log context, and a line when it was slow or failed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from flask import Flask, Response, g, request

from core.access import Actor
from core.errors import InvalidInput
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.use_cases import Request

log = get_logger(__name__)

REQUEST_ID_HEADER = "X-Request-ID"
SENT_ID_HEADER = "X-GFO-Request"
SLOW_S = 1.0


def install_request_context(server: Flask) -> None:
    """Give every request an id, which its log lines carry."""
    server.before_request(_begin)
    server.after_request(_finish)


def request_id() -> str:
    """The id of this request, which is also the reference that an error shows."""
    if "request_id" not in g:
        # Made here, never taken from a header: a client must not choose it.
        g.request_id = uuid.uuid4().hex[:16]
    return str(g.request_id)


def sent_id(given: str | None) -> UUID:
    """The id that the browser gave to a change, so that it is carried out once.

    Not the one above: that names a single exchange, this one all tries of one change.
    A client that sends none, like a script, makes a new change every time.
    """
    if not given:
        return uuid.uuid4()
    try:
        return UUID(given)
    except ValueError as exc:
        message = "The request carries no identifier; reload the page and try again."
        raise InvalidInput(message) from exc


def sent_in_header() -> UUID:
    """The id of a callback's request: `webapp/assets/requests.js` sends it."""
    return sent_id(request.headers.get(SENT_ID_HEADER))


@contextmanager
def exchange(
    runtime: Runtime,
    caller: Actor | None,
    *,
    sent: UUID | None = None,
    is_confirmed: bool = False,
) -> Iterator[Request]:
    """What `caller` asks of a use case; commits when the block ends.

    `sent` is the id of a change that the browser may send again.
    """
    with runtime.transaction() as session:
        yield Request(
            session=session,
            caller=caller,
            now=runtime.clock(),
            request_id=sent,
            reference=request_id(),
            is_confirmed=is_confirmed,
        )


def _begin() -> None:
    g.started_s = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


def _finish(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = request_id()
    duration_s = time.perf_counter() - g.get("started_s", time.perf_counter())
    facts = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "duration_ms": round(duration_s * 1000),
    }
    if response.status_code >= 500:
        log.warning("request_failed", **facts)
    elif duration_s > SLOW_S:
        log.info("request_slow", **facts)
    else:
        log.debug("request_served", **facts)
    return response
