"""Anchor the audit chain outside the database, and say how far it is anchored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.anchors import Anchor
from core.audit_chain import ChainPosition, ChainReport
from db import audit, chain_checks
from db.audit import ChainHead
from db.chain_checks import NewChainCheck
from orchestrator.audit import anchor_files
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.logs import get_logger

log = get_logger(__name__)

ANCHOR_EVERY = timedelta(minutes=15)
ANCHOR_EVERY_EVENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchoring:
    """What became of a request to anchor.

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
    # Events behind the head are news of another kind: somebody moved it.
    is_moved = head.newest_seq != head.position.seq
    return is_moved or head.position != (last.seq, last.head)


def anchor_chain(
    session: Session, places: AnchorPlaces, *, now: datetime, only_if_due: bool
) -> Anchoring:
    """Verify what was added since the last anchor, and anchor the newest event.

    Raises
    ------
    InvalidInput, ServiceUnavailable
        When key or anchor file cannot be read or written.
    """
    key = anchor_files.load_or_make_key(places.key_file)
    with anchor_files.locked(places.anchor_file) as descriptor:
        last = anchor_files.last_anchor(places.anchor_file, [key.public_hex])
        head = audit.chain_head(session)
        is_wanted = is_due(last, head, now) if only_if_due else _is_news(last, head)
        if not is_wanted:
            return Anchoring(anchor=last, is_new=False)
        report = _check_since(session, last)
        if not report.is_sound:
            _tell(report)
            return Anchoring(anchor=last, is_new=False, broken=report)
        position = ChainPosition(report.event_count, report.last_hash)
        anchor = key.sign(head.installation_id, position, now)
        anchor_files.append(descriptor, anchor)
    log.info("audit_anchored", seq=anchor.seq, head=anchor.head.hex())
    return Anchoring(anchor=anchor, is_new=True)


def _check_since(session: Session, last: Anchor | None) -> ChainReport:
    """The part after the last anchor; all of it when that event is another now."""
    _allow_time(session)
    if last is not None:
        anchored = audit.event_by_seq(session, last.seq)
        if anchored is not None and anchored.hash == last.head:
            after = ChainPosition(last.seq, last.head)
            return check_and_keep(session, [], after=after)
    return check_and_keep(session, [last] if last else [])


def known_anchors(places: AnchorPlaces) -> tuple[Anchor, ...]:
    """The anchors of this installation; none when it has not anchored yet."""
    if not places.anchor_file.exists():
        return ()
    key = anchor_files.load_key(places.key_file)
    return anchor_files.read_anchors(places.anchor_file, [key.public_hex])


def check_whole_chain(session: Session, places: AnchorPlaces) -> ChainReport:
    """Verify every event against every anchor, and keep what was found."""
    _allow_time(session)
    report = check_and_keep(session, known_anchors(places))
    if not report.is_sound:
        _tell(report)
    return report


def _tell(report: ChainReport) -> None:
    log.error(
        "audit_chain_broken", first_bad_seq=report.first_bad_seq, reason=report.reason
    )


def check_and_keep(
    session: Session,
    anchors: Sequence[Anchor],
    *,
    after: ChainPosition | None = None,
) -> ChainReport:
    """Verify the chain, or its part after an event, and keep what was found."""
    started = time.monotonic()
    report = audit.verify(session, anchors, after=after)
    chain_checks.insert_check(
        session,
        NewChainCheck(
            scope="tail" if after and after.seq else "whole",
            event_count=report.event_count,
            anchored_seq=report.anchored_seq,
            first_bad_seq=report.first_bad_seq,
            reason=report.reason,
            duration_s=time.monotonic() - started,
        ),
    )
    return report


def _allow_time(session: Session) -> None:
    """A walk along millions of events takes longer than a page may."""
    session.execute(text("set local statement_timeout = 0"))
