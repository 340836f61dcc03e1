"""What a window is promised by decisions that are recorded and not yet in effect."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.telemetry import HOUR
from db.decision_states import standing_decisions
from orchestrator.windows.database_source import RegionWindow
from orchestrator.windows.views import RecordedView, bounded, standing_view


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
