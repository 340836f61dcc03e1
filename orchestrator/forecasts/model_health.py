"""Serving models that cannot be used, and those that can be used again."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.errors import ModelRejected, ModelUnavailable
from core.forecasts import RefusalCode, Target
from db import forecasts, model_health
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)


@change(Permission.RUN_CYCLE, AuditAction.MODEL_UNAVAILABLE, repeat=None)
def find_outages(request: Request, cache: ModelCache) -> Done[set[Target]]:
    """Targets whose active model cannot be loaded, verified or run, kept as outages."""
    found: set[Target] = set()
    events: list[Event] = []
    for target in Target:
        try:
            _run(request.session, cache, target)
        except (ModelRejected, ModelUnavailable) as exc:
            found.add(target)
            events += begin_outage(request.session, target, exc.message)
    return Done(answer=found, events=tuple(events))


@change(Permission.RUN_CYCLE, AuditAction.MODEL_AVAILABLE, repeat=None)
def end_outages(
    request: Request, *, lasting: set[Target], issued_at_utc: datetime
) -> Done[set[Target]]:
    """End the outages that do not last and whose forecasts could be issued."""
    session, events = request.session, []
    refused = forecasts.refused_targets(
        session, issued_at_utc=issued_at_utc, code=RefusalCode.MODEL_UNAVAILABLE
    )
    ended = set(model_health.outages(session)) - lasting - refused
    for target in sorted(ended):
        if model_health.set_available(session, target):
            log.info("model_available_again", target=target.value)
            events.append(_event(AuditAction.MODEL_AVAILABLE, target))
    return Done(answer=ended, events=tuple(events))


def begin_outage(session: Session, target: Target, reason: str) -> tuple[Event, ...]:
    """Keep that the active model of a target cannot be used; its event when new."""
    if not model_health.set_unavailable(session, target=target, reason=reason):
        return ()
    log.error("model_unavailable", target=target.value, reason=reason)
    return (_event(AuditAction.MODEL_UNAVAILABLE, target, reason),)


def _event(action: AuditAction, target: Target, reason: str | None = None) -> Event:
    return Event(
        action=action, object_type="target", object_id=target.value, reason=reason
    )


def _run(session: Session, cache: ModelCache, target: Target) -> None:
    serving = cache.serving(session, target)
    if serving is None:
        return  # forecasts say so themselves
    n_features = len(serving.runtime.contract.feature_names)
    serving.runtime.predict(
        np.zeros((1, n_features), np.float32), np.zeros(1, np.int64)
    )
