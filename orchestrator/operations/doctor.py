"""`gfo doctor`: what is sound about an installation, and what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.alarm_kinds import DEFINITIONS, AlarmPriority
from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from core.wording import listed
from db import audit, migrate, model_versions, policies, telemetry
from db.job_queue import worker_silences_s
from db.protections import missing_protections
from db.regions import StoredRegion, list_regions
from orchestrator.alarms.lists import active_by_kind
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.known_anchors import known_anchors
from orchestrator.feeds.feed_list import feed_views
from orchestrator.feeds.views import FeedHealth
from orchestrator.jobs import STALLED_AFTER_S
from orchestrator.operations.monitoring import LEAST_FREE_BYTES, free_bytes
from orchestrator.operations.safeguards import Finding, examine_safeguards
from orchestrator.runtime import Runtime


def examine(
    runtime: Runtime, session: Session, environ: Mapping[str, str]
) -> list[Finding]:
    """Look at safeguards, schema, protections, chain, disk, models, inputs, feeds."""
    return [
        *examine_safeguards(runtime.settings, session, environ),
        _migrations(session),
        _protections(session),
        _chain(runtime, session),
        space_of(free_bytes(runtime.settings.data_dir)),
        worker_of(worker_silences_s(session)),
        alarms_of(session),
        *_models(session),
        *_telemetry(runtime, session),
        *feeds_of(session, runtime.clock()),
    ]


def _migrations(session: Session) -> Finding:
    current = migrate.revision_of(session.connection())
    head = migrate.head_revision()
    return Finding(
        name="migrations",
        is_sound=current == head,
        text=f"at {current}" if current == head else f"at {current}, head is {head}",
    )


def _protections(session: Session) -> Finding:
    missing = missing_protections(session.connection())
    return Finding(
        name="append-only history",
        is_sound=not missing,
        text="; ".join(missing) if missing else "this role can only add to it",
    )


def _chain(runtime: Runtime, session: Session) -> Finding:
    """The chain fits itself and its anchors, and nearly all of it is anchored."""
    places = AnchorPlaces.of(runtime.settings)
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


def space_of(free: int) -> Finding:
    """Whether the data folder can still be written to."""
    return Finding(
        name="data folder",
        is_sound=free >= LEAST_FREE_BYTES,
        text=f"{free / 2**30:.1f} GiB free",
    )


def worker_of(silences_s: Sequence[float]) -> Finding:
    """None is sound as well: none is registered while the portal is stopped."""
    shortest_s = min(silences_s, default=None)
    return Finding(
        name="worker",
        is_sound=shortest_s is None or shortest_s <= STALLED_AFTER_S,
        text="none is registered"
        if shortest_s is None
        else f"one spoke {shortest_s:.0f} s ago",
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
                is_sound=active is not None,
                text=active.version.label if active else "none is active",
            )
        )
    return findings


def _telemetry(runtime: Runtime, session: Session) -> list[Finding]:
    now = runtime.clock()
    found = list_regions(session, active_only=True)
    if not found:
        advice = "none; add one with `gfo region add`"
        return [Finding(name="regions", is_sound=False, text=advice)]
    return [telemetry_of(session, stored_region, now) for stored_region in found]


def feeds_of(session: Session, now: datetime) -> list[Finding]:
    """A feed is sound while it is fresh, and while it is paused on purpose."""
    findings = []
    for view in feed_views(session, now):
        problem = f"; {view.problem}" if view.problem else ""
        sound = view.health in {FeedHealth.GOOD, FeedHealth.PAUSED}
        finding = Finding(
            name=f"feed {view.facts.name}",
            is_sound=sound,
            text=f"{view.health}, {view.lag_words}{problem}",
        )
        findings.append(finding)
    return findings


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
