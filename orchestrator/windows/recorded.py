"""What windows are promised by decisions that are recorded, and which of them end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
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
    return recorded_views(session, [window])[0]


def recorded_views(
    session: Session, windows: Sequence[RegionWindow]
) -> list[RecordedView | None]:
    """Those of several windows, in their order; each issue's decisions read once."""
    changed: defaultdict[datetime, list[int]] = defaultdict(list)
    for window in windows:
        if window.outlook_now is not window.outlook:
            changed[window.hours_utc[0]].append(window.region_id)
    found = {
        start_utc: standing_decisions(
            session,
            region_ids=region_ids,
            start_utc=start_utc,
            end_utc=start_utc + WINDOW_H * HOUR,
        )
        for start_utc, region_ids in changed.items()
    }
    return [
        RecordedView(
            bounded=bounded(window.outlook),
            decisions=tuple(
                standing_view(item)
                for item in found[window.hours_utc[0]]
                if window.region.slug in {item.source_slug, item.target_slug}
            ),
        )
        if window.outlook_now is not window.outlook
        else None
        for window in windows
    ]


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
