"""What monitoring wants to know of an installation, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.telemetry import HOUR
from db import telemetry
from db.monitoring import Counts, count_everything, newest_live_issues
from db.regions import list_regions
from orchestrator.accounts.denials import LOGIN_WINDOW
from orchestrator.accounts.logins import IDLE_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """Counts, and the age of what decisions rest on, in seconds by region."""

    counts: Counts
    telemetry_age_s: Mapping[str, float]
    forecast_age_s: Mapping[str, float]


def measure(session: Session, now: datetime) -> Measurements:
    """Read everything; a region without telemetry or forecasts has no age."""
    ages_s = {}
    for stored in list_regions(session, active_only=True):
        span = telemetry.first_and_last_hour(session, stored.slug)
        if span is not None:
            ages_s[stored.slug] = (now - (span[1] + HOUR)).total_seconds()
    return Measurements(
        counts=count_everything(
            session,
            now_utc=now,
            seen_since_utc=now - IDLE_LIMIT,
            denied_since_utc=now - LOGIN_WINDOW,
        ),
        telemetry_age_s=ages_s,
        forecast_age_s={
            slug: (now - issued_at_utc).total_seconds()
            for slug, issued_at_utc in newest_live_issues(session).items()
        },
    )
