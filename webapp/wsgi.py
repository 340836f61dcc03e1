"""Where gunicorn begins: `gunicorn 'webapp.wsgi:create()'`, once for all workers.

The application is made before they are forked and opens no connection until it is
asked something, so pools and sockets are never shared.
"""

from __future__ import annotations

import os

from flask import Flask

from orchestrator.operations.production import require_fit
from orchestrator.processes.connect import configure_logs, open_runtime
from orchestrator.settings import load_settings
from pages.navigation import register_pages
from webapp.app import create_app


def create() -> Flask:
    """The portal with the settings of the environment.

    Raises
    ------
    InvalidInput
        When a setting is wrong, or unfit for production.
    ServiceUnavailable
        When the embedded database is not running.
    """
    settings = load_settings()
    require_fit(settings, os.environ)
    configure_logs(settings)
    server: Flask = create_app(open_runtime(settings), register_pages).server
    return server
