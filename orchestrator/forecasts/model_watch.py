"""Does every serving model still answer? Asked every minute by the worker."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import ModelRejected, ModelUnavailable
from core.forecasts import RefusalCode, Target
from db import forecasts, model_health
from orchestrator.forecasts.model_troubles import Troubles
from orchestrator.forecasts.serving import ModelCache


def find_troubles(session: Session, actor: Actor, cache: ModelCache) -> set[Target]:
    """Targets whose active model cannot be loaded, verified or asked; noted as such."""
    troubled, noted = set(), Troubles()
    for target in Target:
        try:
            _ask(session, cache, target)
        except (ModelRejected, ModelUnavailable) as exc:
            troubled.add(target)
            noted.note_unavailable(session, target, exc.message)
    noted.record(session, actor)
    return troubled


def clear_troubles(
    session: Session,
    actor: Actor,
    *,
    still_troubled: set[Target],
    issued_at_utc: datetime,
) -> None:
    """Note as available what answers again and whose forecasts could be issued."""
    refused = forecasts.refused_targets(
        session, issued_at_utc=issued_at_utc, code=RefusalCode.MODEL_UNAVAILABLE
    )
    noted = Troubles()
    for target in set(model_health.model_troubles(session)) - still_troubled - refused:
        noted.note_available(session, target)
    noted.record(session, actor)


def _ask(session: Session, cache: ModelCache, target: Target) -> None:
    serving = cache.serving(session, target)
    if serving is None:
        return  # forecasts say so themselves
    n_features = len(serving.runtime.contract.feature_names)
    serving.runtime.predict(
        np.zeros((1, n_features), np.float32), np.zeros(1, np.int64)
    )
