"""The look that raises and clears alarms by rule: all regions, each minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access import Permission
from core.alarm_conditions import (
    FeedReading,
    RegionReading,
    feed_condition,
    populations_of,
    region_conditions,
)
from core.alarm_kinds import AlarmKind
from core.alarms import INSTALLATION, AlarmChange, AlarmCondition, evaluate
from core.audit import AuditAction
from core.days import full_hour
from core.decision_states import DecisionState
from core.forecasts import Target
from core.telemetry import HOUR, Quantity
from db import alarms, audit, feeds, model_versions, model_watch, policies
from db.alarm_readings import drifting_region_ids, recorded_at, region_facts
from db.bound_alarms import readings_above_bound
from db.decision_standing import StandingDecision, standing_decisions
from db.model_health import outages
from orchestrator.alarms.events import ACTIONS, alarm_event
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.chain_status import chain_status
from orchestrator.logs import get_logger
from orchestrator.settings import Settings
from orchestrator.use_cases import Done, Request, change

log = get_logger(__name__)

SILENT_AFTER = timedelta(minutes=5)
"""Without a look for so long, the worker was silent; it looks each minute."""

ABOVE_BOUND_SINCE = 6 * HOUR
"""Hours that may come late and are still held against their bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTerms:
    """What of the settings alarms depend on.

    Attributes
    ----------
    backup_max_age_h : float | None
        None where backups are made elsewhere, or not at all.
    """

    places: AnchorPlaces
    backup_max_age_h: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> AlarmTerms:
        """The terms of an installation."""
        return cls(
            places=AnchorPlaces.of(settings),
            backup_max_age_h=settings.backup_due_h,
        )


@change(
    Permission.RUN_CYCLE,
    AuditAction.ALARM_RAISED,
    AuditAction.ALARM_CLEARED,
    AuditAction.ALARM_UNSHELVED,
    repeat=None,
)
def evaluate_alarms(request: Request, terms: AlarmTerms) -> Done[int]:
    """Raise and clear alarms by what holds now; how many were raised.

    A dozen statements, whatever the number of regions. Of two workers that look at
    once one does.
    """
    session, now = request.session, request.now
    if not alarms.try_to_lock_evaluation(session):
        return Done(answer=0)
    regions, fed = _region_readings(session, now), _feed_readings(session)
    conditions = [item for one in regions for item in region_conditions(one, now)]
    conditions += [item for one in fed if (item := feed_condition(one)) is not None]
    conditions += _of_installation(request, terms)
    found = evaluate(
        alarms.states_to_evaluate(session),
        conditions,
        populations=populations_of(regions, fed),
        now=now,
    )
    alarms.note_look(session, now)
    ids = alarms.store_states(session, found.states)
    by_rule = [(ids[state.key], made, state) for state, made in found.changes]
    alarms.insert_changes(
        session,
        [(alarm_id, made, state.text) for alarm_id, made, state in by_rule],
        at_utc=now,
        actor_id=None,
    )
    for alarm_id, made, state in by_rule:
        log.warning(
            ACTIONS[made].value, alarm_id=alarm_id, kind=state.kind, cause=state.cause
        )
    return Done(
        answer=sum(made is AlarmChange.RAISED for _, made, _ in by_rule),
        events=tuple(
            alarm_event(made, alarm_id, state) for alarm_id, made, state in by_rule
        ),
    )


def _region_readings(session: Session, now: datetime) -> list[RegionReading]:
    facts = region_facts(session, now)
    if not facts or not policies.has_fleet_policy(session):
        return []
    in_force = policies.effective_policies(session, [one.region_id for one in facts])
    serving = model_versions.active_models(session).values()
    drifting = drifting_region_ids(session, [one.version.version_id for one in serving])
    above = {
        one.region_slug: one
        for one in readings_above_bound(session, now, look_back=ABOVE_BOUND_SINCE)
    }
    names = {one.feed_id: one.facts.name for one in feeds.list_feeds(session)}
    sources = {
        region_id: names.get(switch.feed_id)
        for (region_id, quantity), switch in feeds.newest_switches(session).items()
        if quantity == Quantity.TEMPERATURE_C.value
    }
    return [
        RegionReading(
            slug=one.slug,
            name=one.name,
            limit_c=in_force[one.region_id].thermal_limit_c,
            max_age_h=in_force[one.region_id].telemetry_max_age_h,
            it_capacity_mw=one.it_capacity_mw,
            created_at_utc=one.created_at_utc,
            temperature_c=one.temperature_c,
            known_until_utc=one.known_until_utc,
            it_load_mw=one.it_load_mw,
            issued_at_utc=one.issued_at_utc,
            reason_code=one.reason_code,
            reason_text=one.reason_text,
            chance=None
            if one.reason_code is None or one.reason_code.is_data_problem
            else one.chance,
            model_version_id=one.model_version_id,
            temperature_feed=sources.get(one.region_id),
            is_drifting=one.region_id in drifting,
            above_bound_text=above[one.slug].sentence if one.slug in above else None,
            above_bound_since_utc=above[one.slug].hour_utc
            if one.slug in above
            else None,
        )
        for one in facts
    ]


def _feed_readings(session: Session) -> list[FeedReading]:
    return [
        FeedReading(
            name=one.facts.name,
            failures_in_a_row=one.state.failures_in_a_row,
            failing_since_utc=one.state.last_success_at_utc
            or one.state.last_run_at_utc
            or one.state.next_run_at_utc,
            problem=one.state.last_problem,
        )
        for one in feeds.list_feeds(session)
        if not one.facts.is_paused
    ]


def _of_installation(request: Request, terms: AlarmTerms) -> list[AlarmCondition]:
    session, now = request.session, request.now
    found = [
        AlarmCondition(
            kind=AlarmKind.MODEL_UNAVAILABLE,
            cause=f"model:{outage.target}",
            text=f"The {outage.target} model cannot be used since"
            f" {outage.since_utc:%Y-%m-%d %H:%M} UTC: {outage.reason}",
            since_utc=outage.since_utc,
        )
        for outage in outages(session).values()
    ]
    found += _lost_skill(session)
    found += _not_carried_out(session, now)
    whole = (
        _silence(session, now),
        _broken_chain(request, terms.places),
        _old_backup(session, now, terms.backup_max_age_h),
    )
    return [*found, *(item for item in whole if item is not None)]


def _lost_skill(session: Session) -> list[AlarmCondition]:
    """That the watch says so of the serving model, over the fleet."""
    active = model_versions.active_model(session, Target.TEMPERATURE_C)
    if active is None:
        return []
    version_id = active.version.version_id
    return [
        AlarmCondition(
            kind=AlarmKind.MODEL_DRIFTING,
            cause=f"model:{version_id}",
            text=f"M{alarm.sentence[1:]}",
            since_utc=alarm.raised_at_utc,
        )
        for alarm in model_watch.standing_alarms(session, model_version_id=version_id)
        if alarm.region_slug is None
    ]


def _silence(session: Session, now: datetime) -> AlarmCondition | None:
    """That nobody looked for a while: stored by the first look after it."""
    last = alarms.looked_at(session)
    if last is None or now - last < SILENT_AFTER:
        return None
    return AlarmCondition(
        kind=AlarmKind.WORKER_SILENT,
        cause=INSTALLATION,
        text=f"The worker was silent from {last:%Y-%m-%d %H:%M} to"
        f" {now:%Y-%m-%d %H:%M} UTC.",
        since_utc=last,
    )


def _broken_chain(request: Request, places: AnchorPlaces) -> AlarmCondition | None:
    status = chain_status(request, places)
    checks = (status.whole_check, status.newest_check)
    broken = [one for one in checks if one is not None and one.first_bad_seq]
    problem = status.anchor_problem
    if broken:
        problem = f"Event {broken[0].first_bad_seq}: {broken[0].reason}"
    if problem is None:
        return None
    return AlarmCondition(
        kind=AlarmKind.CHAIN_BROKEN,
        cause=INSTALLATION,
        text=problem,
        since_utc=broken[0].checked_at_utc if broken else request.now,
    )


def _old_backup(
    session: Session, now: datetime, max_age_h: float | None
) -> AlarmCondition | None:
    if max_age_h is None:
        return None
    made = audit.list_events(session, action=AuditAction.BACKUP_MADE, limit=1)
    begun = made or audit.list_events(session, oldest_first=True, limit=1)
    if not begun or now - begun[0].occurred_at_utc <= max_age_h * HOUR:
        return None
    since = begun[0].occurred_at_utc
    said = f"The newest backup is of {since:%Y-%m-%d %H:%M} UTC"
    return AlarmCondition(
        kind=AlarmKind.BACKUP_OLD,
        cause=INSTALLATION,
        text=f"{said if made else 'No backup was ever made'}; it may be"
        f" {max_age_h:g} h old.",
        since_utc=since + max_age_h * HOUR,
    )


def _not_carried_out(session: Session, now: datetime) -> list[AlarmCondition]:
    """Recorded shifts that should move load in this hour and are not in effect."""
    hour = full_hour(now)
    waiting = [
        one
        for one in standing_decisions(session, start_utc=hour, end_utc=hour + HOUR)
        if one.stated is not DecisionState.IN_EFFECT
    ]
    recorded = recorded_at(session, [one.decision_id for one in waiting])
    by_cause: dict[str, list[StandingDecision]] = {}
    for one in waiting:
        cause = (
            f"decision:{one.decision_id}"
            if one.plan_id is None
            else f"plan:{one.plan_id}"
        )
        by_cause.setdefault(cause, []).append(one)
    return [
        AlarmCondition(
            kind=AlarmKind.PLAN_NOT_CARRIED_OUT,
            cause=cause,
            text=_waiting_words(parts),
            since_utc=max(hour, *(recorded[one.decision_id] for one in parts)),
            region_slugs=tuple(sorted({slug for one in parts for slug in _ends(one)})),
        )
        for cause, parts in by_cause.items()
    ]


def _waiting_words(parts: Sequence[StandingDecision]) -> str:
    first = parts[0]
    more = f" and {len(parts) - 1} more of its plan" if len(parts) > 1 else ""
    return (
        f"Decision {first.decision_id}, {first.shift_pct:g} % of {first.source_name} to"
        f" {first.target_name}{more}, is not said to be in effect."
    )


def _ends(one: StandingDecision) -> tuple[str, str]:
    return one.source_slug, one.target_slug
