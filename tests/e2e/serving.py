"""The real application on a free port of this machine, served by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import SecretStr
from werkzeug.serving import WSGIRequestHandler, make_server

from db.engine import DatabaseUrls
from orchestrator.runtime import Runtime
from pages.navigation import register_pages
from webapp.app import create_app


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A portal that answers at `url`."""

    url: str
    runtime: Runtime
    database_urls: DatabaseUrls


@contextmanager
def serve(
    runtime: Runtime, urls: DatabaseUrls, folder: Path, *, port: int = 0
) -> Iterator[Portal]:
    """Serve the portal over `runtime` until the block ends; port 0 is any free one."""
    settings = runtime.settings.model_copy(
        update={
            "data_dir": folder,
            "secret_key": SecretStr("b7c2f1d09a8e4635-17f0cc2d5be94a6f"),
        }
    )
    runtime = replace(runtime, settings=settings)
    app = create_app(runtime, register_pages)
    server = make_server(
        "127.0.0.1", port, app.server, threaded=True, request_handler=_Silent
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Portal(
            url=f"http://127.0.0.1:{server.port}", runtime=runtime, database_urls=urls
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Silent(WSGIRequestHandler):
    """The portal writes its own log."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
