"""Hand-over notes: what the next shift has to know, with what stands."""

from __future__ import annotations

from datetime import timedelta

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from db import alarms
from db.alarm_readings import recorded_between
from db.alarms import OPEN
from orchestrator.alarms.views import alarm_view
from orchestrator.use_cases import Done, Event, Request, change

SHIFT_H = 8
LONGEST_SHIFT_H = 24
LONGEST_NOTE = 4_000
_MOST_LISTED = 50


@change(
    Permission.HANDLE_ALARMS,
    AuditAction.SHIFT_HANDED_OVER,
    repeat=lambda _request, kept: int(kept),
)
def hand_over(request: Request, *, note: str, hours: float = SHIFT_H) -> Done[int]:
    """Store the note of a shift that ends now; its number.

    The alarms that stand and the decisions recorded in the shift are listed with it.

    Raises
    ------
    InvalidInput
        When nothing is written, too much, or the shift lasts no time or over a day.
    """
    written = note.strip()
    if not 0 < len(written) <= LONGEST_NOTE:
        message = f"A note has 1 to {LONGEST_NOTE} characters."
        raise InvalidInput(message)
    # A part of a second that no instant tells apart is no length either.
    if not (0 < hours <= LONGEST_SHIFT_H and timedelta(hours=hours)):
        message = f"A shift lasts more than 0 and at most {LONGEST_SHIFT_H} h."
        raise InvalidInput(message)
    session, end_utc = request.session, request.now
    start_utc = end_utc - timedelta(hours=hours)
    views = map(alarm_view, alarms.list_alarms(session, OPEN, limit=_MOST_LISTED))
    standing = [f"{one.title} ({one.state}): {one.text}" for one in views]
    decided = recorded_between(session, start_utc, end_utc)
    note_id = alarms.insert_shift_note(
        session,
        actor_id=request.actor.user_id,
        start_utc=start_utc,
        end_utc=end_utc,
        note=written,
        alarms=standing,
        decision_ids=decided,
    )
    event = Event(
        action=AuditAction.SHIFT_HANDED_OVER,
        object_type="shift_note",
        object_id=note_id,
        after={
            "start_utc": start_utc,
            "end_utc": end_utc,
            "note": written,
            "alarms": standing,
            "decisions": decided,
        },
    )
    return Done(answer=note_id, events=(event,), kept=note_id)
