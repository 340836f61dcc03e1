"""Hashes of stored decisions, beside those in the audit events of their making."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.audit import AuditAction, AuditEvent
from db import audit, decisions
from db.audit import EventFilter
from db.decisions import StoredDecision
from orchestrator.decisions.records import record_text, text_sha256

MAKING_ACTIONS = {
    "automatic": AuditAction.DECISION_AUTOMATIC,
    "what_if": AuditAction.DECISION_WHAT_IF,
    "recorded": AuditAction.DECISION_RECORDED,
}
RECORD_HASH = "record_sha256"

_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision's record beside the event of its making.

    Attributes
    ----------
    text : str
        Canonical text of the stored row as it is now; `null` when it is gone.
    expected_sha256 : str | None
        As the event says; None when the event says none.
    """

    seq: int
    event_hash_hex: str
    decision_id: int
    text: str
    expected_sha256: str | None

    @property
    def is_unchanged(self) -> bool:
        """Whether the row is the one that was hashed into the event."""
        return text_sha256(self.text) == self.expected_sha256


def record_sha256s(
    session: Session, stored: Sequence[StoredDecision]
) -> dict[int, str]:
    """The hashes of decisions' records, by their ids."""
    transfers = decisions.transfers_of(session, [item.decision_id for item in stored])
    return {
        item.decision_id: text_sha256(
            record_text(item, transfers.get(item.decision_id, ()))
        )
        for item in stored
    }


def decision_record(session: Session, stored: StoredDecision) -> DecisionRecord | None:
    """A decision's record beside its event; None when it has no event."""
    event = audit.event_for_object(
        session, object_type="decision", object_id=str(stored.decision_id)
    )
    return None if event is None else next(_records(session, [event]))


def decision_records(
    session: Session, *, first_seq: int, last_seq: int
) -> Iterator[DecisionRecord]:
    """Records of the decisions whose making a part of the chain holds, in its order."""
    after_seq = first_seq - 1
    chosen = EventFilter(object_type="decision")
    while True:
        events = audit.list_events(
            session,
            chosen=chosen,
            after_seq=after_seq,
            before_seq=last_seq + 1,
            oldest_first=True,
            limit=_CHUNK,
        )
        if not events:
            return
        yield from _records(session, events)
        after_seq = events[-1].seq


def _records(
    session: Session, events: Sequence[AuditEvent]
) -> Iterator[DecisionRecord]:
    making = [event for event in events if event.action in MAKING_ACTIONS.values()]
    ids = [int(event.object_id or 0) for event in making]
    found = decisions.decisions_by_ids(session, ids)
    transfers = decisions.transfers_of(session, ids)
    for event, decision_id in zip(making, ids, strict=True):
        stored = found.get(decision_id)
        after = event.after
        yield DecisionRecord(
            seq=event.seq,
            event_hash_hex=event.hash_hex,
            decision_id=decision_id,
            text=record_text(stored, transfers.get(decision_id, ()))
            if stored
            else "null",
            expected_sha256=after.get(RECORD_HASH),
        )
