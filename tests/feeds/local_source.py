"""A real HTTP server on this machine that answers as a test says, in turn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

HOST = "localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the server sends.

    Attributes
    ----------
    cut_at : int | None
        The connection ends after so many bytes of the body.
    drip_s : float
        The pause between bytes.
    """

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    cut_at: int | None = None
    drip_s: float = 0.0
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


Answering = Callable[[Asked], Reply]


def document(value: object) -> Reply:
    """A JSON answer."""
    return Reply(body=json.dumps(value).encode())


class LocalSource:
    """The server: `answering` decides what it sends, `asked` is what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answering: Answering = lambda _: Reply()
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                parts = urlsplit(self.path)
                query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
                asked = Asked(
                    path=parts.path,
                    query=query,
                    headers={k.lower(): v for k, v in self.headers.items()},
                    body=body,
                )
                source.asked.append(asked)
                self._send(source.answering(asked))

            do_POST = do_GET  # noqa: N815 -- the library's own name

            def _send(self, reply: Reply) -> None:
                time.sleep(reply.wait_s)
                self.send_response(reply.status)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(reply.body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):  # the client had enough
                    self._send_body(reply)
                if reply.cut_at is not None or reply.drip_s:
                    self.close_connection = True

            def _send_body(self, reply: Reply) -> None:
                if not reply.drip_s:
                    self.wfile.write(reply.body[: reply.cut_at])
                    return
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(reply.drip_s)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    def replies(self, *replies: Reply) -> None:
        """Send these in turn, then the last one for ever."""
        left = list(replies)
        self.answering = lambda _: left.pop(0) if len(left) > 1 else left[0]

    @contextmanager
    def running(self) -> Iterator[LocalSource]:
        """SourceAnswer until the block ends."""
        thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)
