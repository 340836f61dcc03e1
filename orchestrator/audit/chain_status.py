"""The state of the audit chain, and checks of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Permission
from core.anchors import Anchor
from core.audit import AuditAction
from core.audit_chain import ChainPosition, ChainReport
from core.errors import InvalidInput
from db import audit, chain_checks
from db.chain_checks import ChainCheck, NewChainCheck
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.known_anchors import known_anchors, newest_known_anchor
from orchestrator.audit.views import ChainCheckView, ChainStatus
from orchestrator.jobs import queue_chain_check
from orchestrator.logs import get_logger
from orchestrator.use_cases import Done, Event, Request, change, query

log = get_logger(__name__)

KEPT_AS_CHECK = "what a check found is stored in a table that only grows"
"""Why checks leave no event."""


@query(Permission.VIEW_AUDIT_EVENTS)
def chain_status(request: Request, places: AnchorPlaces) -> ChainStatus:
    """How long the chain is, how far it is anchored, and what checks have found.

    Walks nothing: the worker checks the chain, every day and when asked.
    """
    head = audit.chain_head(request.session)
    anchor, problem = None, None
    try:
        anchor = newest_known_anchor(request.session, places)
    except InvalidInput as exc:
        problem = exc.message
    if anchor is not None:
        event = audit.event_by_seq(request.session, anchor.seq)
        if event is None or event.hash != anchor.head:
            problem = f"Event {anchor.seq} is not the one that was anchored."
    return ChainStatus(
        event_count=head.position.seq,
        anchored_seq=anchor.seq if anchor else None,
        anchored_at_utc=datetime.fromisoformat(anchor.time_text) if anchor else None,
        anchor_problem=problem,
        whole_check=_check(chain_checks.newest_check(request.session, scope="whole")),
        newest_check=_check(chain_checks.newest_check(request.session)),
    )


@change(
    Permission.VIEW_AUDIT_EVENTS,
    AuditAction.CHAIN_CHECK_ASKED,
    repeat=lambda _request, _kept: None,
)
def ask_for_check(request: Request) -> Done[None]:
    """Ask the worker to verify the whole chain."""
    queue_chain_check(request.session)
    event = Event(action=AuditAction.CHAIN_CHECK_ASKED, object_type="audit_event")
    return Done(answer=None, events=(event,), kept="asked")


@query(Permission.VIEW_AUDIT_EVENTS)
def verify_chain(request: Request, anchors: Sequence[Anchor]) -> ChainReport:
    """Verify every event against these anchors, without storing what was found."""
    return audit.verify(request.session, anchors)


@change(Permission.RUN_CYCLE, repeat=None, unaudited=KEPT_AS_CHECK)
def check_whole_chain(request: Request, places: AnchorPlaces) -> Done[ChainReport]:
    """Verify every event against every anchor, and store what was found."""
    anchors = known_anchors(request.session, places)
    return Done(answer=check_and_keep(request.session, anchors))


@change(Permission.RUN_CYCLE, AuditAction.CHAIN_BROKEN, repeat=None)
def report_broken_chain(request: Request) -> Done[bool]:
    """Add an event when the newest check found the chain broken, once for each place.

    In a transaction of its own: a chain that takes no event any more must not take the
    result of its check along.
    """
    check = chain_checks.newest_check(request.session)
    if check is None or check.found.reason is None:
        return Done(answer=False)
    facts = {"first_bad_seq": check.found.first_bad_seq, "scope": check.found.scope}
    reported = audit.list_events(
        request.session, action=AuditAction.CHAIN_BROKEN, limit=1
    )
    if reported and reported[0].after.get("first_bad_seq") == facts["first_bad_seq"]:
        return Done(answer=False)
    event = Event(
        action=AuditAction.CHAIN_BROKEN,
        object_type="audit_event",
        object_id=check.found.first_bad_seq,
        after=facts,
        reason=check.found.reason,
    )
    return Done(answer=True, events=(event,))


def check_and_keep(
    session: Session,
    anchors: Sequence[Anchor],
    *,
    after: ChainPosition | None = None,
) -> ChainReport:
    """Verify the chain, or its part after an event, and store what was found."""
    # A walk along millions of events takes longer than a page may.
    session.execute(text("set local statement_timeout = 0"))
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
    if not report.is_sound:
        log.error(
            "audit_chain_broken",
            first_bad_seq=report.first_bad_seq,
            reason=report.reason,
        )
    return report


def _check(check: ChainCheck | None) -> ChainCheckView | None:
    if check is None:
        return None
    return ChainCheckView(
        checked_at_utc=check.checked_at_utc,
        scope=check.found.scope,
        event_count=check.found.event_count,
        first_bad_seq=check.found.first_bad_seq,
        reason=check.found.reason,
    )
