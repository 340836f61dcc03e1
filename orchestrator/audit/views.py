"""Plain values of the audit chain, as pages draw them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestrator.decisions.views import NamedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventView:
    """One event of the audit chain."""

    seq: int
    occurred_at_utc: datetime
    actor_name: str
    action: str
    object_label: str
    decision_id: int | None
    summary: str
    hash_hex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventPage:
    """One page of events; `next_seq` bounds the following one.

    Attributes
    ----------
    actors : tuple of str
        Names that the list can be filtered by.
    """

    rows: tuple[AuditEventView, ...]
    next_seq: int | None
    actors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventDetail:
    """One event with all its facts and its place in the chain.

    Attributes
    ----------
    payload : str
        The text exactly as it was hashed.
    """

    event: AuditEventView
    facts: tuple[NamedValue, ...]
    payload: str
    previous_hash_hex: str
    hash_is_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainCheckView:
    """What a check of the chain found."""

    checked_at_utc: datetime
    scope: str
    event_count: int
    first_bad_seq: int | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatus:
    """How the audit chain stands.

    Attributes
    ----------
    anchored_seq, anchored_at_utc
        The newest anchor outside the database; None without one.
    anchor_problem : str | None
        Why there is no anchor to be held against, or how it contradicts the chain.
    whole_check, newest_check : ChainCheckView | None
        The last one of every event, and the last of any.
    """

    event_count: int
    anchored_seq: int | None
    anchored_at_utc: datetime | None
    anchor_problem: str | None
    whole_check: ChainCheckView | None
    newest_check: ChainCheckView | None

    @property
    def is_broken(self) -> bool:
        """Whether a check or the anchor contradicts the chain."""
        found = self.newest_check
        return self.anchor_problem is not None or (
            found is not None and found.first_bad_seq is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionProof:
    """The events of a decision, oldest first, and how the chain stands."""

    events: tuple[AuditEventDetail, ...]
    status: ChainStatus
