"""Whether the process lives and whether it can work. Neither makes a session."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from core.errors import ServiceUnavailable
from orchestrator.runtime import Runtime
from orchestrator.services import readiness
from webapp.errors import RETRY_AFTER_S


def make_health(runtime: Runtime) -> Blueprint:
    """The routes that a supervisor or a load balancer asks."""
    health = Blueprint("health", __name__)
    health.add_url_rule("/healthz", "alive", alive)
    health.add_url_rule("/readyz", "ready", _ready_view(runtime))
    return health


def alive() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return jsonify(status="ok")


def _ready_view(runtime: Runtime) -> Callable[[], ResponseReturnValue]:
    def ready() -> ResponseReturnValue:
        """503 unless the database answers at the schema that this release knows."""
        try:
            with runtime.transaction() as session:
                state = readiness.read_state(session)
        except ServiceUnavailable:
            return _not_ready(database="unreachable")
        if not state.is_migrated:
            return _not_ready(database="ok", schema="not at the newest revision")
        return jsonify(
            status="ok",
            database="ok",
            schema="ok",
            temperature_model="active" if state.has_active_model else "none",
        )

    return ready


def _not_ready(**facts: str) -> ResponseReturnValue:
    body = jsonify(status="unavailable", **facts)
    return body, 503, {"Retry-After": str(RETRY_AFTER_S)}
