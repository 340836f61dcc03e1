"""A stored decision as one canonical text, whose hash its audit event carries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy.orm import Session

from core.audit import AuditAction, AuditEvent, canonical_json
from db import audit, decisions
from db.audit import EventFilter
from db.decisions import NewDecision, StoredDecision, Transfer

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
        As the event says; None in events of releases that did not say it.
    """

    seq: int
    event_hash_hex: str
    decision_id: int
    text: str
    expected_sha256: str | None

    @property
    def is_unchanged(self) -> bool:
        """Whether the row is the one that the event tells of, as far as it says."""
        if self.expected_sha256 is None:
            return self.text != "null"
        return sha256(self.text.encode()).hexdigest() == self.expected_sha256


def record_text(stored: StoredDecision, transfers: Sequence[Transfer]) -> str:
    """Every column of a decision as it is read from the database, and its transfers.

    What is absent is left out, so that a column added by a later release changes no
    record of before.
    """
    values = {name: getattr(stored.facts, name) for name in NewDecision.__slots__}
    facts = {name: value for name, value in values.items() if value is not None}
    return canonical_json(
        {
            **facts,
            "id": stored.decision_id,
            "created_at_utc": stored.created_at_utc,
            "transfers": [
                [item.hour_utc, item.moved_mw, item.arrived_mw] for item in transfers
            ],
        }
    )


def record_sha256(session: Session, stored: StoredDecision) -> str:
    """The hash of a decision's record."""
    transfers = decisions.transfers_of(session, [stored.decision_id])
    text = record_text(stored, transfers.get(stored.decision_id, ()))
    return sha256(text.encode()).hexdigest()


def decision_record(session: Session, stored: StoredDecision) -> DecisionRecord | None:
    """A decision's record beside its event; None when it has no event."""
    event = audit.event_for_object(
        session, object_type="decision", object_id=str(stored.decision_id)
    )
    return None if event is None else next(_records(session, [event]))


def decision_records(
    session: Session, *, first_seq: int, last_seq: int
) -> Iterator[DecisionRecord]:
    """Records of the decisions that a part of the chain tells of, in its order."""
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
        after = json.loads(event.payload).get("after") or {}
        yield DecisionRecord(
            seq=event.seq,
            event_hash_hex=event.hash_hex,
            decision_id=decision_id,
            text=record_text(stored, transfers.get(decision_id, ()))
            if stored
            else "null",
            expected_sha256=after.get(RECORD_HASH),
        )
