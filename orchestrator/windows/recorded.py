"""What windows are promised by decisions that are recorded, and which of them end."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.days import WINDOW_H
from core.telemetry import HOUR
from db.decision_standing import standing_decisions
from orchestrator.windows.database_source import RegionWindow
from orchestrator.windows.views import (
    RecordedView,
    StandingView,
    bounded,
    standing_view,
)

ENDS_SOON = timedelta(hours=3)
"""So long before its end people are told of a decision: time to judge it again."""


def recorded_view(session: Session, window: RegionWindow) -> RecordedView | None:
    """The verdict with what is recorded; None where the load is that already."""
    if window.outlook_now is window.outlook:
        return None
    hours_utc = window.hours_utc
    found = standing_decisions(
        session,
        region_ids=[window.region_id],
        start_utc=hours_utc[0],
        end_utc=hours_utc[-1] + HOUR,
    )
    return RecordedView(
        bounded=bounded(window.outlook),
        decisions=tuple(standing_view(item) for item in found),
    )


def ending_soon(session: Session, now: datetime) -> tuple[StandingView, ...]:
    """Standing decisions that end within `ENDS_SOON`, the first to end first."""
    found = standing_decisions(
        session, start_utc=now - HOUR, end_utc=now + WINDOW_H * HOUR
    )
    ends = {
        item.decision_id: item.end_utc
        for item in found
        if item.end_utc is not None and now < item.end_utc <= now + ENDS_SOON
    }
    soon = [standing_view(item) for item in found if item.decision_id in ends]
    return tuple(sorted(soon, key=lambda item: ends[item.decision_id]))
