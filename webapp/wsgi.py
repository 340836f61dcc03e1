"""Where gunicorn begins: `gunicorn 'webapp.wsgi:create()'`, without --preload.

Each worker calls `create` after the fork, so pools and sockets are never shared.
"""

from __future__ import annotations

import os

from flask import Flask

from core.errors import InvalidInput
from orchestrator.connect import configure_logs, open_runtime
from orchestrator.settings import Settings, load_settings
from pages.registry import register_pages
from webapp.app import create_app

_DEBUG_VARIABLES = ("FLASK_DEBUG", "DASH_DEBUG", "DASH_MCP_ENABLED")
_OFF = frozenset({"", "0", "false", "no", "off"})


def create() -> Flask:
    """The portal as the environment describes it.

    Raises
    ------
    InvalidInput
        When a setting is wrong, or unfit for production.
    ServiceUnavailable
        When the embedded database is not running.
    """
    settings = load_settings()
    _refuse_debugging(settings)
    configure_logs(settings)
    server: Flask = create_app(open_runtime(settings), register_pages).server
    return server


def _refuse_debugging(settings: Settings) -> None:
    if settings.environment != "production":
        return
    for variable in _DEBUG_VARIABLES:
        if os.environ.get(variable, "").lower() not in _OFF:
            message = f"{variable} is set; production does not start with it."
            raise InvalidInput(message)
