"""Anchor the audit chain outside the database.

An event of the chain says with which key anchoring began. From then on a lost key,
another key, and an anchor file that is missing or emptied are faults: whoever changes
the chain could otherwise have it anchored anew. Only `begin_anew` begins with another
key or file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from core.anchors import Anchor
from core.audit import AuditAction
from core.audit_chain import ChainPosition, ChainReport
from core.errors import InvalidInput
from db import audit
from db.audit import ChainHead
from orchestrator.audit import anchor_files
from orchestrator.audit.anchor_files import AnchorPlaces, SigningKey
from orchestrator.audit.chain_status import check_and_keep
from orchestrator.audit.known_anchors import (
    begun_key,
    signing_key_of_chain,
)
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change

log = get_logger(__name__)

ANCHOR_EVERY = timedelta(minutes=15)
ANCHOR_EVERY_EVENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """The outcome of anchoring.

    Attributes
    ----------
    anchor : Anchor | None
        The newest anchor there is.
    broken : ChainReport | None
        Set when the chain does not continue what was anchored before; nothing is
        anchored then: an anchor must never vouch for what somebody changed.
    """

    anchor: Anchor | None
    is_new: bool
    broken: ChainReport | None = None


def is_due(last: Anchor | None, head: ChainHead, now: datetime) -> bool:
    """Whether enough happened since the last anchor, or long enough ago."""
    if not _is_news(last, head):
        return False
    added = head.position.seq - (last.seq if last else 0)
    # A chain that is not longer than what was anchored is broken: look at it now.
    if last is None or added <= 0 or added >= ANCHOR_EVERY_EVENTS:
        return True
    return now - datetime.fromisoformat(last.time_text) >= ANCHOR_EVERY


def _is_news(last: Anchor | None, head: ChainHead) -> bool:
    if last is None:
        return head.position.seq > 0
    # Events behind the head mean that somebody moved it.
    is_moved = head.newest_seq != head.position.seq
    return is_moved or head.position != (last.seq, last.head)


@change(Permission.RUN_CYCLE, AuditAction.ANCHORING_BEGUN, repeat=None)
def anchor_chain(
    request: Request, places: AnchorPlaces, *, only_if_due: bool
) -> Done[Anchoring]:
    """Verify what was added since the last anchor, and anchor the newest event.

    Raises
    ------
    InvalidInput, ServiceUnavailable
        When key or anchor file cannot be read or written, or are not those with which
        anchoring began.
    """
    with anchor_files.locked(places.anchor_file) as descriptor:
        # The head first: an event of its beginning that it counts is then visible.
        head = audit.chain_head(request.session)
        is_told = signing_key_of_chain(request.session) is not None
        key = begun_key(request.session, places)
        if key is None:
            if head.position.seq == 0:
                return Done(answer=Anchoring(anchor=None, is_new=False))
            key = anchor_files.load_or_make_key(places.key_file)
        last = anchor_files.last_anchor(places.anchor_file, [key.public_hex])
        is_wanted = (
            is_due(last, head, request.now) if only_if_due else _is_news(last, head)
        )
        if not is_wanted:
            return Done(answer=Anchoring(anchor=last, is_new=False))
        done = _anchor(request, key, descriptor, last, head)
    events = () if is_told or not done.is_new else (_begun(key, reason=None),)
    return Done(answer=done, events=events)


@change(Permission.RUN_CYCLE, AuditAction.ANCHORING_BEGUN, repeat=None, confirmed=True)
def begin_anew(
    request: Request, places: AnchorPlaces, *, reason: str
) -> Done[Anchoring]:
    """Anchor the whole chain with the key and the file that the settings name now.

    For a new key or place, a restored backup, or after a loss; the anchors of before
    are not asked. Makes a key where there is none.

    Raises
    ------
    InvalidInput
        Without a reason, or when the file holds anchors of another key.
    """
    written = " ".join(reason.split())
    if not written:
        message = "Write why anchoring begins anew; the reason is kept in the audit."
        raise InvalidInput(message)
    key = anchor_files.load_or_make_key(places.key_file)
    with anchor_files.locked(places.anchor_file) as descriptor:
        last = anchor_files.last_anchor(places.anchor_file, [key.public_hex])
        head = audit.chain_head(request.session)
        done = _anchor(request, key, descriptor, last, head)
    if not done.is_new:
        return Done(answer=done)
    return Done(answer=done, events=(_begun(key, reason=written),))


def _anchor(
    request: Request,
    key: SigningKey,
    descriptor: int,
    last: Anchor | None,
    head: ChainHead,
) -> Anchoring:
    report = _check_since(request.session, last)
    if not report.is_sound:
        return Anchoring(anchor=last, is_new=False, broken=report)
    position = ChainPosition(report.event_count, report.last_hash)
    anchor = key.sign(head.installation_id, position, request.now)
    anchor_files.append(descriptor, anchor)
    log.info("audit_anchored", seq=anchor.seq, head=anchor.head.hex())
    return Anchoring(anchor=anchor, is_new=True)


def _begun(key: SigningKey, *, reason: str | None) -> Event:
    return Event(
        action=AuditAction.ANCHORING_BEGUN,
        object_type="anchor_key",
        object_id=key.public_hex,
        reason=reason,
    )


def _check_since(session: Session, last: Anchor | None) -> ChainReport:
    """The part after the last anchor; all of it when that event is another now."""
    if last is not None:
        anchored = audit.event_by_seq(session, last.seq)
        if anchored is not None and anchored.hash == last.head:
            after = ChainPosition(last.seq, last.head)
            return check_and_keep(session, [], after=after)
    return check_and_keep(session, [last] if last else [])
