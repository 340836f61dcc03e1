"""Structured logs: one JSON object a line, or coloured text for development.

Field names follow the OpenTelemetry log model: `timestamp`, `level`, `logger`,
`message`, `app`, `context`, and `request_id` and `exception` when there are any.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

EventDict = MutableMapping[str, Any]

_TOP_LEVEL = ("timestamp", "level", "logger", "message", "request_id", "exception")
_SECRET_WORDS = ("password", "secret", "token", "cookie", "authorization", "dsn")


def configure_logging(
    *,
    level: str,
    log_format: Literal["json", "text"],
    app_name: str,
    app_version: str,
) -> None:
    """Send every log record of the process to standard error in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _hide_secrets,
    ]
    final: list[structlog.typing.Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    ]
    if log_format == "json":
        final += [
            structlog.processors.format_exc_info,
            _Shape(app_name, app_version),
            structlog.processors.JSONRenderer(default=str, sort_keys=False),
        ]
    else:
        # Plain: no local variables, which are long and may be secret.
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
        )
        final += [console]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": final,
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "structured",
                    "stream": "ext://sys.stderr",
                }
            },
            "root": {"level": level, "handlers": ["stderr"]},
            # Chatty at INFO; their warnings still come through.
            "loggers": {
                name: {"level": "WARNING"}
                for name in ("alembic", "procrastinate", "werkzeug", "httpx")
            },
        }
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose events are constants and whose facts are fields."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _hide_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Replace the value of any field whose name sounds like a secret."""
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "[hidden]"
    return event


class _Shape:
    """Order the fields of a JSON line; facts go below `context`."""

    def __init__(self, app_name: str, app_version: str) -> None:
        self._app = {"name": app_name, "version": app_version}

    def __call__(self, _logger: object, _method: str, event: EventDict) -> EventDict:
        event["message"] = event.pop("event", "")
        shaped: EventDict = {key: event.pop(key) for key in _TOP_LEVEL if key in event}
        shaped["app"] = self._app
        shaped["context"] = dict(event)
        return shaped
