"""The address that the portal listens on, and whether it is free and answers."""

from __future__ import annotations

import http.client
import socket

from core.errors import InvalidInput

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- read, not bound
_ANSWER_TIMEOUT_S = 2.0


def bind_text(host: str, port: int) -> str:
    """Host and port as gunicorn and addresses write them; IPv6 hosts in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable_host(host: str) -> str:
    """A host to connect to when listening on `host`."""
    return _EVERYWHERE.get(host, host)


def portal_url(host: str, port: int) -> str:
    """The portal's address as a person on this machine types it."""
    return f"http://{bind_text(reachable_host(host), port)}"


def require_free_port(host: str, port: int) -> None:
    """Raise InvalidInput, in one sentence, unless the address can be listened on."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # A server that stopped just now leaves its port in TIME_WAIT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as exc:
        message = (
            f"Port {port} on {host} cannot be used ({exc.strerror}); stop what uses it"
            " or set GFO_PORT to another."
        )
        raise InvalidInput(message) from exc


def answers(host: str, port: int) -> bool:
    """Whether the portal's process answers.

    Asked without urllib, which would send the question to a proxy that the
    environment names.
    """
    connection = http.client.HTTPConnection(
        reachable_host(host), port, timeout=_ANSWER_TIMEOUT_S
    )
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
