"""What is sound about an installation, and what is not: `gfo doctor` and Health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from core.alarm_kinds import DEFINITIONS, AlarmPriority
from core.audit import AuditAction
from core.days import full_hour
from core.errors import InvalidInput
from core.forecasts import Target
from core.outcomes import ReasonCode
from core.telemetry import HOUR, Quantity
from core.wording import listed
from db import (
    audit,
    chain_checks,
    forecasts,
    migrate,
    model_versions,
    monitoring,
    policies,
    telemetry,
)
from db.chain_checks import ChainCheck
from db.fleet_standing import RegionStanding, fleet_standing
from db.job_queue import QueueDepth, queue_depth, worker_silences_s
from db.monitoring import ServerFacts
from db.protections import missing_protections
from db.regions import StoredRegion, list_regions
from orchestrator.alarms.alarm_lists import active_by_kind
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.known_anchors import known_anchors
from orchestrator.deliveries.delivery_list import subscription_views
from orchestrator.deliveries.views import SubscriptionHealth
from orchestrator.feeds.feed_list import feed_views
from orchestrator.feeds.views import FeedHealth
from orchestrator.jobs import STALLED_AFTER_S
from orchestrator.operations.monitoring import LEAST_FREE_BYTES, free_bytes
from orchestrator.operations.safeguards import Finding, examine_safeguards
from orchestrator.settings import Settings

CHECK_DUE = timedelta(hours=26)
"""The worker walks the whole chain each day."""

_FIRST_PORTAL_UTC = datetime(2000, 1, 1, tzinfo=UTC)
"""No forecast is older."""

CYCLE_PATIENCE = timedelta(minutes=15)
"""After the hour, until which a cycle may be under way."""

DRILL_DUE = timedelta(days=35)
CLOCKS_APART_S = 5.0
QUEUE_PATIENCE_S = 600.0
"""Of the oldest job that could begin."""

_OF_TELEMETRY = {
    ReasonCode.TELEMETRY_MISSING,
    ReasonCode.TELEMETRY_STALE,
    ReasonCode.TELEMETRY_GAP,
    ReasonCode.TELEMETRY_SUSPECT,
}
_SHOWN = 5
"""Names in a finding."""


def examine(
    settings: Settings, session: Session, environ: Mapping[str, str], now: datetime
) -> list[Finding]:
    """Look at everything, walk the whole chain, and name each region."""
    return [
        *_installation(settings, session, environ, now),
        _chain(settings, session),
        *_telemetry(session, now),
        *feeds_of(session, now),
    ]


def overview(settings: Settings, session: Session, now: datetime) -> list[Finding]:
    """The same in bounded time, for a page: the newest check of the chain instead of
    another, and the telemetry of all regions as one.

    The debug variables are not looked at: a web process does not start with them.
    """
    return [
        *_installation(settings, session, {}, now),
        checked_chain_of(chain_checks.newest_check(session), now),
        _telemetry_of_fleet(fleet_standing(session, now), now),
        *feeds_of(session, now),
    ]


def _installation(
    settings: Settings, session: Session, environ: Mapping[str, str], now: datetime
) -> list[Finding]:
    is_production = settings.environment == "production"
    server = monitoring.server_facts(session)
    return [
        *examine_safeguards(settings, session, environ),
        _migrations(session),
        _protections(session),
        durability_of(server),
        clock_of(server.clock_utc, now),
        space_of(free_bytes(settings.data_dir)),
        forecasts_kept_of(session),
        worker_of(worker_silences_s(session)),
        alarms_of(session),
        queue_of(queue_depth(session)),
        cycle_of(fleet_standing(session, now), now),
        *_models(session),
        backup_of(session, now, due_h=settings.backup_due_h),
        drill_of(session, now, is_required=is_production),
        *deliveries_of(session, now),
    ]


def _migrations(session: Session) -> Finding:
    current = migrate.revision_of(session.connection())
    head = migrate.head_revision()
    text = f"at {current}"
    if migrate.is_behind(current):
        text += f", head is {head} (gfo install)"
    elif current != head:
        text += f", newer than this release, which knows {head}"
    return Finding(name="migrations", is_sound=current == head, text=text)


def _protections(session: Session) -> Finding:
    missing = missing_protections(session.connection())
    return Finding(
        name="append-only history",
        is_sound=not missing,
        text="; ".join(missing) if missing else "this role can only add to it",
    )


def _chain(settings: Settings, session: Session) -> Finding:
    """The chain fits itself and its anchors, and nearly all of it is anchored."""
    places = AnchorPlaces.of(settings)
    try:
        report = audit.verify(session, known_anchors(session, places))
    except InvalidInput as exc:
        return Finding(name="audit chain", is_sound=False, text=exc.message)
    if not report.is_sound:
        text = f"broken at event {report.first_bad_seq}: {report.reason}"
    elif report.anchored_seq is None:
        text = (
            f"{report.event_count} events, sound; not anchored yet (gfo audit anchor)"
        )
    else:
        text = (
            f"{report.event_count} events, sound; anchored up to event"
            f" {report.anchored_seq} in {places.anchor_file}"
        )
    return Finding(name="audit chain", is_sound=report.is_sound, text=text)


def checked_chain_of(check: ChainCheck | None, now: datetime) -> Finding:
    """What the worker's newest check found; it checks with each anchor, and daily."""
    if check is None:
        text, is_sound = "not checked yet; the worker does so", True
    else:
        found, age = check.found, now - check.checked_at_utc
        is_sound = found.first_bad_seq is None and age <= CHECK_DUE
        text = (
            f"broken at event {found.first_bad_seq}: {found.reason}"
            if found.first_bad_seq is not None
            else f"{found.event_count} events, sound {_ago(age)}; anchored up to event"
            f" {found.anchored_seq or 0}"
        )
    return Finding(name="audit chain", is_sound=is_sound, text=text)


def durability_of(facts: ServerFacts) -> Finding:
    """A commit that is acknowledged must be on disk, and one server must take it."""
    weak = [name for name, value in facts.durability.items() if value == "off"]
    text = f"PostgreSQL {facts.version}, {facts.size_bytes / 1e9:.2f} GB"
    if weak:
        text += f"; off: {', '.join(weak)}, so a power cut loses decisions"
    if facts.is_read_only:
        text += "; it takes no changes: it is a standby, or read-only"
    return Finding(
        name="database", is_sound=not weak and not facts.is_read_only, text=text
    )


def clock_of(database_utc: datetime, now: datetime) -> Finding:
    """The clock of this process against the database's."""
    apart_s = abs((database_utc - now).total_seconds())
    return Finding(
        name="clock",
        is_sound=apart_s <= CLOCKS_APART_S,
        text=f"{apart_s:.1f} s from the database's",
    )


def queue_of(depth: QueueDepth) -> Finding:
    """Failed jobs, and work that nobody begins."""
    text = f"{depth.waiting} wait, {depth.doing} run, {depth.failed} failed"
    if depth.waiting:
        text += f"; the oldest has waited {depth.oldest_wait_s:.0f} s"
    return Finding(
        name="jobs",
        is_sound=not depth.failed and depth.oldest_wait_s <= QUEUE_PATIENCE_S,
        text=text,
    )


def cycle_of(standings: Sequence[RegionStanding], now: datetime) -> Finding:
    """Whether every region was judged in the newest hour that is due."""
    judged = [s.issued_at_utc for s in standings if s.issued_at_utc is not None]
    if not judged:
        return Finding(name="cycle", is_sound=True, text="none has run yet")
    due_utc = full_hour(now - CYCLE_PATIENCE)
    late = [
        s.slug
        for s in standings
        if s.issued_at_utc is None or s.issued_at_utc < due_utc
    ]
    text = f"newest issue {max(judged):%Y-%m-%d %H:%M} UTC, {_ago(now - max(judged))}"
    if late:
        text += f"; {len(late)} of {len(standings)} regions are late: {_some(late)}"
    return Finding(name="cycle", is_sound=not late, text=text)


def backup_of(session: Session, now: datetime, *, due_h: float | None) -> Finding:
    """The newest dump that was made, or the archive of the server's log.

    Sound whatever its age where backups are not watched: `due_h` is None.
    """
    archived = monitoring.archive_facts(session)
    made = audit.list_events(session, action=AuditAction.BACKUP_MADE, limit=1)
    age = now - made[0].occurred_at_utc if made else None
    text = f"dump {_ago(age)}" if age is not None else "no dump yet (gfo db backup)"
    is_fresh = due_h is None or (age is not None and age <= timedelta(hours=due_h))
    if archived.last_at_utc is not None:
        text += f"; log archived {_ago(now - archived.last_at_utc)}"
        is_fresh = is_fresh or not archived.is_failing
    if archived.is_failing:
        text += "; the archive command fails"
    is_sound = is_fresh and not archived.is_failing
    return Finding(name="backup", is_sound=is_sound, text=text)


def drill_of(session: Session, now: datetime, *, is_required: bool) -> Finding:
    """The newest restore drill: a backup that nobody restored is a hope."""
    done = audit.list_events(session, action=AuditAction.RESTORE_DRILLED, limit=1)
    if not done:
        text = "none yet (gfo db drill)"
        return Finding(name="restore drill", is_sound=not is_required, text=text)
    age, passed = now - done[0].occurred_at_utc, bool(done[0].after.get("is_passed"))
    return Finding(
        name="restore drill",
        is_sound=passed and (age <= DRILL_DUE or not is_required),
        text=f"{'passed' if passed else 'FAILED'} {_ago(age)}",
    )


def space_of(free: int) -> Finding:
    """Whether the data folder can still be written to."""
    return Finding(
        name="data folder",
        is_sound=free >= LEAST_FREE_BYTES,
        text=f"{free / 2**30:.1f} GiB free",
    )


def forecasts_kept_of(session: Session) -> Finding:
    """From when on all are there; sound, whatever the policy says."""
    since_utc = forecasts.kept_since(session)
    text = (
        f"all since {since_utc:%Y-%m-%d %H:%M} UTC; of wet bulb, carbon and load none"
        " of before is kept but where a plan or a shift rests on it"
    )
    is_for_good = since_utc < _FIRST_PORTAL_UTC
    return Finding(
        name="forecasts kept",
        is_sound=True,
        text="all, for good" if is_for_good else text,
    )


def worker_of(silences_s: Sequence[float]) -> Finding:
    """None is sound as well: none is registered while the portal is stopped.

    Of several one that speaks is enough: it takes over what the others were doing.
    """
    spoke = ", ".join(f"{silence_s:.0f} s" for silence_s in silences_s)
    text = "none is registered"
    if len(silences_s) == 1:
        text = f"one spoke {spoke} ago"
    elif silences_s:
        text = f"{len(silences_s)} are registered; they spoke {spoke} ago"
    shortest_s = min(silences_s, default=None)
    return Finding(
        name="worker",
        is_sound=shortest_s is None or shortest_s <= STALLED_AFTER_S,
        text=text,
    )


def alarms_of(session: Session) -> Finding:
    """Sound without an alarm of high priority."""
    counts = Counter[AlarmPriority]()
    for kind, count in active_by_kind(session).items():
        counts[DEFINITIONS[kind].priority] += count
    said = [f"{counts[one]} {one}" for one in AlarmPriority if counts[one]]
    return Finding(
        name="alarms",
        is_sound=not counts[AlarmPriority.HIGH],
        text=f"{listed(said)} (gfo alarm list)" if said else "none stands",
    )


def _models(session: Session) -> list[Finding]:
    findings = []
    for target in Target:
        active = model_versions.active_model(session, target)
        findings.append(
            Finding(
                name=f"model for {target}",
                topic="model",
                is_sound=active is not None,
                text=active.version.label if active else "none is active",
            )
        )
    return findings


def _telemetry(session: Session, now: datetime) -> list[Finding]:
    found = list_regions(session, active_only=True)
    if not found:
        advice = "none; add one with `gfo region add`"
        return [Finding(name="regions", is_sound=False, text=advice)]
    return [telemetry_of(session, stored_region, now) for stored_region in found]


def _telemetry_of_fleet(standings: Sequence[RegionStanding], now: datetime) -> Finding:
    """How old the telemetry was on which each region was judged last."""
    if not standings:
        advice = "none; add one with `gfo region add`"
        return Finding(name="regions", is_sound=False, text=advice)
    stale = [s.slug for s in standings if s.reason_code in _OF_TELEMETRY]
    known = [s.known_until_utc for s in standings if s.known_until_utc is not None]
    text = f"{len(standings)} regions"
    if known:
        text += f"; the oldest that a forecast rests on is {_ago(now - min(known))}"
    if stale:
        text += f"; {len(stale)} blocked by it: {_some(stale)}"
    return Finding(name="telemetry", is_sound=not stale, text=text)


def feeds_of(session: Session, now: datetime) -> list[Finding]:
    """A feed is sound while it is fresh, and while it is paused on purpose."""
    findings = []
    for view in feed_views(session, now):
        problem = f"; {view.problem}" if view.problem else ""
        sound = view.health in {FeedHealth.GOOD, FeedHealth.PAUSED}
        finding = Finding(
            name=f"feed {view.facts.name}",
            topic="feed",
            is_sound=sound,
            text=f"{view.health}, {view.lag_words}{problem}",
        )
        findings.append(finding)
    return findings


def deliveries_of(session: Session, now: datetime) -> list[Finding]:
    """A subscription is sound while its receiver answers, or is paused on purpose."""
    sound = {SubscriptionHealth.GOOD, SubscriptionHealth.PAUSED}
    return [
        Finding(
            name=f"subscription {view.facts.name}",
            topic="deliveries",
            is_sound=view.health in sound and not view.counts.dead,
            text=f"{view.health}, {view.counts.waiting} waiting, {view.counts.dead}"
            f" dead{f'; {view.last_answer}' if view.last_answer else ''}",
        )
        for view in subscription_views(session, now)
    ]


def telemetry_of(
    session: Session, stored_region: StoredRegion, now: datetime
) -> Finding:
    """Temperature decides, because a verdict rests on it; the others are named."""
    policy = policies.effective_policy(session, stored_region.region_id)
    limit = timedelta(hours=policy.telemetry_max_age_h)
    ages = {
        target.quantity: _age(session, stored_region.slug, target.quantity, now)
        for target in Target
    }
    age = ages.pop(Quantity.TEMPERATURE_C)
    late = [
        f"{quantity} {_age_words(its_age)}"
        for quantity, its_age in ages.items()
        if its_age is None or its_age > limit
    ]
    others = f"; {', '.join(late)}" if late else ""
    return Finding(
        name=f"telemetry of {stored_region.slug}",
        topic="telemetry",
        is_sound=age is not None and timedelta(0) <= age <= limit,
        text=f"temperature {_age_words(age)}{others}",
    )


def _age(
    session: Session, slug: str, quantity: Quantity, now: datetime
) -> timedelta | None:
    until = telemetry.measured_until(session, slug, quantity)
    return None if until is None else now - until


def _age_words(age: timedelta | None) -> str:
    return "missing" if age is None else f"{age / HOUR:.1f} h old"


def _ago(age: timedelta) -> str:
    seconds = age.total_seconds()
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min ago"
    return (
        f"{seconds / 3600:.0f} h ago" if seconds < 4 * 86_400 else f"{age.days} d ago"
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
