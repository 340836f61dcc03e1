"""The daily digest: the verdicts of a day, what is blocked, alarms, feeds failing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta

from core.access import Permission
from core.audit import AuditAction, AuditEvent
from core.public_events import KIND_WORDS, PublicEvent, public_events_of
from db import audit, deliveries
from db.audit import EventFilter
from db.fleet_standing import RegionStanding, fleet_standing
from orchestrator.feeds.feed_list import feed_views
from orchestrator.feeds.views import FeedHealth
from orchestrator.use_cases import Done, Request, change, query

DIGEST_HOUR_UTC = 6
"""From this hour on the digest of the UTC day before is sent."""

MOST_LINES = 50
"""Of each part; the rest is counted."""

_ALARMS = (
    AuditAction.MODEL_IMPLAUSIBLE,
    AuditAction.MODEL_UNAVAILABLE,
    AuditAction.MODEL_COVERAGE_LOST,
    AuditAction.MODEL_SKILL_LOST,
    AuditAction.CHAIN_BROKEN,
    AuditAction.ALARM_RAISED,
)


@change(
    Permission.RUN_CYCLE,
    repeat=None,
    unaudited="has a mail sent of what is audited already",
)
def queue_digests(request: Request) -> Done[int]:
    """Have the digest of the day before wait for those who chose it, once a day."""
    now = request.now.astimezone(UTC)
    if now.hour < DIGEST_HOUR_UTC:
        return Done(answer=0)
    day = now.date() - timedelta(days=1)
    return Done(answer=deliveries.insert_digests(request.session, day, request.now))


@query(Permission.RUN_CYCLE)
def digest_of(
    request: Request, day: date, *, regions: Collection[str], public_url: str | None
) -> tuple[str, str]:
    """Subject and text of a UTC day's digest, as it is known now.

    Parameters
    ----------
    regions : collection of str
        Slugs to tell of; empty for all.
    """
    session = request.session
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    standing = [
        item
        for item in fleet_standing(session, end - timedelta(microseconds=1))
        if not regions or item.slug in regions
    ]
    judged = [s for s in standing if s.issued_at_utc and s.issued_at_utc >= start]
    approved = [item for item in judged if _is_approved(item)]
    blocked = [item for item in judged if not _is_approved(item)]
    recorded = _events(request, AuditAction.DECISION_RECORDED, start, end, regions)
    alarms = [
        _alarm_line(event, public)
        for action in _ALARMS
        for event, public in _events(request, action, start, end, regions)
    ]
    failing = [
        f"{view.facts.name}: {view.problem or view.lag_words}"
        for view in feed_views(session, request.now)
        if view.health in {FeedHealth.FAILING, FeedHealth.STALE}
        if not regions or set(view.facts.regions) & set(regions)
    ]
    subject = (
        f"{day:%Y-%m-%d}: {len(approved)} approved, {len(blocked)} blocked,"
        f" {len(alarms)} alarms"
    )
    parts = [
        f"Verdicts at the end of {day:%Y-%m-%d} (UTC)",
        f"  approved: {len(approved)}",
        f"  blocked: {len(blocked)}",
        f"  without a verdict that day: {len(standing) - len(judged)}",
        f"  decisions recorded: {len(recorded)}",
        *_part("Blocked", [_blocked_line(item) for item in blocked]),
        *_part("Alarms", alarms),
        *_part("Feeds that fail or are late now", failing),
        *(["", public_url] if public_url else []),
    ]
    return subject, "\n".join(parts) + "\n"


def _is_approved(item: RegionStanding) -> bool:
    if item.judged_bound_c is None or item.limit_c is None:
        return False
    return item.judged_bound_c <= item.limit_c


def _blocked_line(item: RegionStanding) -> str:
    why = "unknown" if item.reason_code is None else item.reason_code.value
    if item.bound_c is None or item.limit_c is None:
        return f"{item.slug}: {why}"
    return f"{item.slug}: {why}, bound {item.bound_c:.1f} C, limit {item.limit_c:.1f} C"


def _alarm_line(event: AuditEvent, public: PublicEvent) -> str:
    text = str(event.after.get("text") or "")
    about = ", ".join(public.regions) or event.object_id or ""
    return f"{event.occurred_at_utc:%H:%M} {KIND_WORDS[public.kind]}: {text or about}"


def _events(
    request: Request,
    action: AuditAction,
    start: datetime,
    end: datetime,
    regions: Collection[str],
) -> list[tuple[AuditEvent, PublicEvent]]:
    chosen = EventFilter(action=action, from_utc=start, until_utc=end)
    found = audit.list_events(
        request.session, chosen=chosen, oldest_first=True, limit=audit.LONGEST_PAGE
    )
    pairs = [
        (event, public)
        for event in found
        for public in public_events_of(
            event.action,
            object_type=event.object_type,
            object_id=event.object_id,
            after=event.after,
        )[:1]
    ]
    return [
        (event, public)
        for event, public in pairs
        if not regions or not public.regions or set(public.regions) & set(regions)
    ]


def _part(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return ["", f"{title}: none"]
    shown = [f"  {line}" for line in lines[:MOST_LINES]]
    more = len(lines) - MOST_LINES
    return ["", title, *shown, *([f"  and {more} more"] if more > 0 else [])]
