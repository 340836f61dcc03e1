"""Liveness, readiness and metrics. No sessions."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from core.errors import ServiceUnavailable
from orchestrator.operations.monitoring import ReadinessProbe
from webapp.error_pages import RETRY_AFTER_S
from webapp.permissions import Access, add_route
from webapp.prometheus import Metrics


def make_health(probe: ReadinessProbe, metrics: Metrics) -> Blueprint:
    """The routes for a supervisor, a load balancer or monitoring."""
    health = Blueprint("health", __name__)

    def ready() -> ResponseReturnValue:
        return readiness(probe)

    add_route(health, "/healthz", alive, access=Access.ANYBODY)
    add_route(health, "/readyz", ready, access=Access.ANYBODY)
    add_route(health, "/metrics", metrics.metrics, access=Access.MONITORING)
    return health


def alive() -> ResponseReturnValue:
    """The process answers; nothing else is checked."""
    return jsonify(status="ok")


def readiness(probe: ReadinessProbe) -> ResponseReturnValue:
    """503 unless database, schema, models, audit chain and disk are fit for use."""
    try:
        state = probe.read()
    except ServiceUnavailable:
        return _not_ready(database="unreachable")
    if not state.is_migrated:
        return _not_ready(database="ok", schema="not at the newest revision")
    facts = {
        "database": "ok",
        "schema": "ok",
        "models": state.models.value,
        "audit_chain": "writable" if state.is_chain_writable else "not writable",
        "data_folder": "ok" if state.has_space else "full",
    }
    return jsonify(status="ok", **facts) if state.is_ready else _not_ready(**facts)


def _not_ready(**facts: str) -> ResponseReturnValue:
    body = jsonify(status="unavailable", **facts)
    return body, 503, {"Retry-After": str(RETRY_AFTER_S)}
