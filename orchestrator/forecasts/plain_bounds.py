"""The portal's own plain bound of an issue, which serving models are held against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.conformal import required_scores
from core.forecasts import InputMode
from core.plausibility import DRIFT_ISSUES, PlainBound, allowed_gap_c
from core.policies import Policy
from core.telemetry import TelemetryFrame
from db import forecasts
from models.plain_model import PlainForecast, plain_forecasts

DRIFT_REACH = timedelta(days=7)
"""A model whose live issues are older than this is judged by new ones."""


def live_plain_bound(
    session: Session,
    frame: TelemetryFrame,
    policy: Policy,
    *,
    region_id: int,
    model_version_id: int,
    issued_at_utc: datetime,
    input_mode: InputMode,
) -> PlainBound | None:
    """The bound beside a live forecast; its gap rests on the model's newest issues.

    None where the region has too few finished days. `frame` holds the region's hours
    of `models.plain_model.HISTORY_H` before the issue.
    """
    recent_errors = forecasts.newest_distances(
        session,
        region_id=region_id,
        model_version_id=model_version_id,
        since_utc=issued_at_utc - DRIFT_REACH,
        before_utc=issued_at_utc,
        limit=DRIFT_ISSUES,
    )
    needed = required_scores(policy.alpha)
    (found,) = plain_forecasts(
        frame,
        [issued_at_utc],
        runs_used=[input_mode is not InputMode.TELEMETRY],
        least_scores=needed,
    )
    return _bound(found, policy, recent_errors)


def past_plain_bounds(
    frame: TelemetryFrame,
    issue_instants: Sequence[datetime],
    policy: Policy,
    input_modes: Sequence[InputMode],
) -> list[PlainBound | None]:
    """Bounds beside hindcasts, which know nothing of live issues."""
    made = plain_forecasts(
        frame,
        issue_instants,
        runs_used=[mode is not InputMode.TELEMETRY for mode in input_modes],
        least_scores=required_scores(policy.alpha),
    )
    return [_bound(found, policy, ()) for found in made]


def _bound(
    found: PlainForecast | None, policy: Policy, recent_errors: Sequence[float]
) -> PlainBound | None:
    bound_c = None if found is None else found.bound_c(policy.alpha)
    if found is None or bound_c is None:
        return None
    return PlainBound(
        bound_c=bound_c,
        error_c=found.error_c,
        allowed_gap_c=allowed_gap_c(found.error_c, recent_errors),
    )
