"""The answer to bytes that are no HTTP request: our headers, and no details."""

from __future__ import annotations

import socket

from gunicorn import util  # type: ignore[import-untyped]

_BODY = "The portal could not read this request.\n"
_HEADERS = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Connection": "close",
    "Content-Length": str(len(_BODY)),
}


def answer_unreadable() -> None:
    """Put our answer in place of gunicorn's page, which repeats what was sent."""
    util.write_error = _write_error


def _write_error(
    client: socket.socket, status: int, reason: str, _message: str
) -> None:
    # Gunicorn answers 500 to a header with WSGI's own names; the fault is the client's.
    code = 400 if reason == "Bad Request" and status == 500 else status
    head = "".join(f"{name}: {value}\r\n" for name, value in _HEADERS.items())
    text = f"HTTP/1.1 {code} {reason}\r\n{head}\r\n{_BODY}"
    util.write_nonblock(client, text.encode("latin-1"))
