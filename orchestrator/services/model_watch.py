"""Does every serving model still answer? Asked every minute by the worker."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.errors import ModelRejected, ModelUnavailable
from core.forecasts import RefusalCode, Target
from db import forecasts, model_health
from orchestrator.logs import get_logger
from orchestrator.services.serving import ModelCache

log = get_logger(__name__)


def find_troubles(session: Session, cache: ModelCache) -> set[Target]:
    """Targets whose active model cannot be loaded, verified or asked; noted as such."""
    troubled = set()
    for target in Target:
        try:
            _ask(session, cache, target)
        except (ModelRejected, ModelUnavailable) as exc:
            troubled.add(target)
            _note(session, target, exc.message)
    return troubled


def clear_troubles(
    session: Session, *, still_troubled: set[Target], issued_at_utc: datetime
) -> None:
    """Note as available what answers again and whose forecasts could be issued."""
    refused = forecasts.refused_targets(
        session, issued_at_utc=issued_at_utc, code=RefusalCode.MODEL_UNAVAILABLE
    )
    for target in set(model_health.model_troubles(session)) - still_troubled - refused:
        model_health.set_available(session, target)
        log.info("model_available_again", target=target.value)


def _ask(session: Session, cache: ModelCache, target: Target) -> None:
    serving = cache.serving(session, target)
    if serving is None:
        return  # forecasts say so themselves
    n_features = len(serving.runtime.contract.feature_names)
    serving.runtime.predict(
        np.zeros((1, n_features), np.float32), np.zeros(1, np.int64)
    )


def _note(session: Session, target: Target, reason: str) -> None:
    if model_health.set_unavailable(session, target=target, reason=reason):
        log.error("model_unavailable", target=target.value, reason=reason)
