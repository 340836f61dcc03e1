"""Recompute stored day bounds from what the database keeps beside them."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.conformal import check_limit
from core.conformity import ScoreTracker
from db import forecasts, policies, regions, window_scores
from orchestrator.windows.database_source import load_region_window


def recomputed_bounds(session: Session, region_slug: str) -> int:
    """Hold every bound of a region against its scores up to its watermark.

    Returns how many there were; any that differs in its last digit fails.
    """
    region = regions.region_by_slug(session, region_slug)
    policy = policies.effective_policy(session, region.region_id)
    ids = session.scalars(
        text(
            "select id from forecast where region_id = :id and target ="
            " 'temperature_c' and day_bound_c is not null order by issued_at_utc"
        ),
        {"id": region.region_id},
    ).all()
    for forecast_id in ids:
        stored = forecasts.forecast_by_id(session, forecast_id)
        assert stored is not None
        history = window_scores.history_of_forecast(
            session,
            stored,
            time_zone=region.region.time_zone,
            watermark_id=stored.score_watermark_id,
            with_hours=False,
        )
        assert history is not None
        calibration = ScoreTracker(policy.alpha, history.scores).calibration()
        hourly = stored.hourly(region_slug)
        assert hourly is not None
        check = check_limit(
            hourly.mean, hourly.scale, calibration, limit=policy.thermal_limit_c
        )
        assert calibration.quantile == stored.score_quantile
        assert calibration.offset == stored.tracking_offset
        assert check.bound == stored.day_bound_c
    return len(ids)


def bound_after_rise_c(
    session: Session, region_slug: str, issued_at_utc: datetime, rise_c: np.ndarray
) -> float:
    """A region's bound as the core moves it by a rise, without any decision."""
    outlook = load_region_window(
        session,
        regions.region_by_slug(session, region_slug),
        issued_at_utc=issued_at_utc,
        now=issued_at_utc,
        is_simulation=True,
    ).outlook
    assert not outlook.prior_rise_c.any()
    check = outlook.check(rise_c)
    assert check is not None
    return check.bound
