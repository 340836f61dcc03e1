"""Find the best plan for the fleet, keep it, and record it as decisions that bind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from uuid import uuid4

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction, canonical_json
from core.days import local_day_of, window_end
from core.errors import InvalidInput
from core.plan_reserve import largest_moves_c, reserve_c
from core.telemetry import HOUR
from core.version import CODE_VERSION
from db import decisions, forecasts, plans
from db.plans import NewPlan, StoredPlan
from orchestrator.decisions.cards import named_regions
from orchestrator.decisions.judgements import end_inputs
from orchestrator.decisions.records import end_values
from orchestrator.decisions.storing import checked_comment
from orchestrator.logs import get_logger
from orchestrator.plans.making import PlanSetting, make_plan
from orchestrator.plans.parts import (
    judge_parts,
    newer_issue_of,
    plan_windows,
    recorded_outcome,
    same_parts,
    standing_parts,
    store_parts,
)
from orchestrator.plans.problem import are_over
from orchestrator.plans.records import (
    FORMAT,
    PlanRecord,
    read_record,
    record_values,
    term_values,
)
from orchestrator.plans.terms import PlanTerms
from orchestrator.plans.views import (
    PlanRecordOutcome,
    PlanView,
    PlanWindowView,
    plan_view,
)
from orchestrator.regions.region_choice import (
    active_regions,
    choose_region,
    region_choice,
    region_choices,
)
from orchestrator.telemetry.revisions import revised_text
from orchestrator.use_cases import Done, Event, Request, change, query
from orchestrator.windows.choice import (
    WindowChoice,
    choose_plan_window,
    day_choices,
    request_comparison,
)
from orchestrator.windows.database_source import LOOK_BACK_H, RegionWindow

log = get_logger(__name__)

RESERVE_HISTORY_DAYS = 90
"""Live issues whose moves say how much a plan keeps free."""


def _same_plan(request: Request, kept: str) -> PlanView:
    return _view(request, plans.plan_by_id(request.session, int(kept)))


@change(Permission.DECIDE, AuditAction.PLAN_FOUND, repeat=_same_plan)
def find_plan(
    request: Request,
    *,
    terms: PlanTerms,
    anchor_slug: str | None,
    local_day: date | None,
    instead_of: int | None = None,
) -> Done[PlanView]:
    """Make the best plan for every active region, and keep it.

    All regions are seen from one issue instant: that of the anchor's local day, or its
    newest live one. The plan of its coming day rests on its newest issue, and can be
    recorded once that day has begun. The same inputs give an actor the same stored
    plan. With `terms.split` the anchor's shift to several targets is judged as it is
    asked for, and kept and recorded in the same way. `instead_of` is a recorded plan
    that the new one is to replace: what it moves is not counted.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region; for terms that cannot be; when a plan of a past
        day is to replace one.
    Conflict
        When nothing of the plan that is to be replaced stands any more.
    """
    session, actor = request.session, request.actor
    found = active_regions(session)
    anchor = choose_region(session, anchor_slug)
    choice = choose_plan_window(session, anchor, local_day=local_day, now=request.now)
    replaced = _standing_ids(request, instead_of, choice)
    windows = plan_windows(session, found, choice, request.now, replaced)
    setting = PlanSetting(
        anchor_slug=anchor.slug,
        windows=windows,
        terms=terms,
        instead_of_plan_id=instead_of,
        known_at_utc=choice.known_at_utc,
    )
    setting = replace(
        setting,
        reserves_c=_reserves_c(session, windows, setting.blocked_chance_pct / 100.0),
    )
    inputs_text = _inputs_text(setting, windows)
    inputs_sha256 = sha256(inputs_text.encode()).hexdigest()
    decisions.lock_actor(session, actor.user_id)
    known = plans.plan_by_inputs(
        session, actor_id=actor.user_id, inputs_sha256=inputs_sha256
    )
    if known is not None:
        return Done(answer=_view(request, known), kept=known.plan_id)
    record = make_plan(setting)
    plan_id = plans.insert_plan(
        session,
        NewPlan(
            request_id=request.request_id or uuid4(),
            actor_id=actor.user_id,
            anchor_region_id=anchor.region_id,
            local_day=choice.decision_day,
            window_start_utc=choice.issued_at_utc,
            window_end_utc=window_end(choice.issued_at_utc),
            is_simulated=choice.is_simulation,
            result=record_values(record),
            inputs_text=inputs_text,
            inputs_sha256=inputs_sha256,
            code_version=CODE_VERSION,
        ),
    )
    stored = plans.plan_by_id(session, plan_id)
    log.info(
        "plan_found",
        plan_id=plan_id,
        transfers=len(record.transfers),
        blocked=len(record.blocked_texts),
        simulated=choice.is_simulation,
    )
    return Done(
        answer=_view(request, stored),
        events=(_found_event(stored, record),),
        kept=plan_id,
    )


@query(Permission.VIEW_FLEET)
def plan_window(
    request: Request, *, anchor_slug: str | None, local_day: date | None
) -> PlanWindowView:
    """Which window a plan would be of, and which days can be planned.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region; for a day that cannot be planned yet.
    """
    session = request.session
    anchor = choose_region(session, anchor_slug)
    choice = choose_plan_window(session, anchor, local_day=local_day, now=request.now)
    request_comparison(
        session, choice, now=request.now, asked_by_id=request.actor.user_id
    )
    days = day_choices(session, anchor)
    today = local_day_of(anchor.region.time_zone, request.now)
    return PlanWindowView(
        region=region_choice(anchor.region),
        regions=region_choices(session, anchor.slug),
        local_day=choice.local_day,
        first_day=days.first_day or today + timedelta(days=1),
        last_day=today + timedelta(days=1),
        missing_days=days.missing_days,
        window_start_utc=choice.issued_at_utc,
        known_at_utc=choice.known_at_utc,
        is_simulation=choice.is_simulation,
    )


@query(Permission.VIEW_FLEET)
def stored_plan(request: Request, plan_id: int) -> PlanView:
    """A plan as it was found, and whether it was recorded since.

    Raises
    ------
    NotFound
        When there is no such plan.
    """
    return _view(request, plans.plan_by_id(request.session, plan_id))


@change(
    Permission.DECIDE,
    AuditAction.DECISION_RECORDED,
    AuditAction.PLAN_RECORDED,
    repeat=same_parts,
)
def record_plan(
    request: Request, *, plan_id: int, comment: str
) -> Done[PlanRecordOutcome]:
    """Record every transfer of a plan as a decision, or none of them.

    Recorders that touch one of its regions wait for each other; each transfer is
    judged again, with all the others, on the load that decisions recorded meanwhile
    left. If a verdict changed, nothing is recorded and the answer says what changed. A
    plan of a past day binds nothing.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        Without such a plan; when it moves nothing or the comment is too long; when it
        was recorded already by another request, or a newer forecast was issued.
    """
    session, comment = request.session, checked_comment(comment)
    stored = plans.plan_by_id(session, plan_id)
    record = read_record(stored.facts.result)
    if not record.transfers:
        message = f"Plan {plan_id} moves nothing; there is nothing to record."
        raise InvalidInput(message)
    if record.instead_of_plan_id is not None:
        message = (
            f"Plan {plan_id} was made to replace plan {record.instead_of_plan_id};"
            " change that one by it."
        )
        raise InvalidInput(message)
    judged = judge_parts(session, stored, request.now)
    if isinstance(judged, tuple):
        return Done(answer=PlanRecordOutcome(cards=(), changed=judged))
    made = store_parts(request, record, judged, comment=comment or None)
    recorded = [decision for decision, _ in made]
    log.info("plan_recorded", plan_id=plan_id, decisions=len(recorded))
    event = Event(
        action=AuditAction.PLAN_RECORDED,
        object_type="plan",
        object_id=plan_id,
        after={"decisions": [item.decision_id for item in recorded]},
        reason=comment or None,
    )
    return Done(
        answer=recorded_outcome(session, recorded),
        events=(*(made_event for _, made_event in made), event),
        kept=plan_id,
    )


def _standing_ids(
    request: Request, plan_id: int | None, choice: WindowChoice
) -> tuple[int, ...]:
    """The decisions of a plan that still move load; none without a plan."""
    if plan_id is None:
        return ()
    if choice.is_simulation:
        message = "Only the plan of the next 24 hours can replace a recorded one."
        raise InvalidInput(message)
    standing = standing_parts(request.session, plan_id, request.now)
    return tuple(part.decision_id for part in standing)


def _reserves_c(
    session: Session, windows: Sequence[RegionWindow], chance_frac: float
) -> dict[str, float]:
    """What to keep free in each region, as far as its history says."""
    if chance_frac == 0.0:
        return {}
    found = {}
    for window in windows:
        bounds_c = forecasts.live_bounds_c(
            session,
            region_id=window.region_id,
            from_utc=window.issued_at_utc - timedelta(days=RESERVE_HISTORY_DAYS),
            until_utc=window.issued_at_utc,
        )
        kept_c = reserve_c(largest_moves_c(bounds_c), chance_frac)
        if kept_c is not None:
            found[window.region.slug] = kept_c
    return found


def _inputs_text(setting: PlanSetting, windows: Sequence[RegionWindow]) -> str:
    """Canonical text of everything that determines a plan."""
    prices, rules = setting.prices, setting.rules
    return canonical_json(
        {
            "format": FORMAT,
            "anchor": setting.anchor_slug,
            "terms": term_values(setting.terms),
            "instead_of_plan_id": setting.instead_of_plan_id,
            "migration_usd_per_mwh": prices.migration_usd_per_mwh,
            "migration_energy_frac": rules.migration_energy_frac,
            "window_start_utc": windows[0].issued_at_utc,
            "known_at_utc": setting.known_at_utc,
            "is_simulated": windows[0].is_simulation,
            "blocked_chance_pct": setting.blocked_chance_pct,
            "reserves_c": setting.reserves_c,
            "regions": [_window_inputs(window) for window in windows],
        }
    )


def _window_inputs(window: RegionWindow) -> dict[str, object]:
    expected = replace(window, signals=window.expected)
    known = end_values(end_inputs(expected, with_signals=True))
    came = end_values(end_inputs(window, with_signals=True))["signals"]
    return {**known, "came": came if are_over([window]) else None}


def _view(request: Request, stored: StoredPlan) -> PlanView:
    session = request.session
    recorded = decisions.decisions_of_plan(session, stored.plan_id)
    return plan_view(
        stored,
        named_regions(session),
        [item.decision_id for item in recorded],
        standing_decision_ids=[
            item.decision_id for item in recorded if item.stands(request.now)
        ],
        newer_issue_utc=newer_issue_of(
            session, stored, active_regions(session), request.now
        ),
        now=request.now,
        revised_text=revised_text(
            session,
            [item.slug for item in read_record(stored.facts.result).regions],
            start_utc=stored.facts.window_start_utc - LOOK_BACK_H * HOUR,
            end_utc=stored.facts.window_end_utc,
            known_at_utc=stored.created_at_utc,
        ),
    )


def _found_event(stored: StoredPlan, record: PlanRecord) -> Event:
    return Event(
        action=AuditAction.PLAN_FOUND,
        object_type="plan",
        object_id=stored.plan_id,
        after={
            "anchor": stored.anchor_slug,
            "window_start_utc": stored.facts.window_start_utc.isoformat(),
            "is_simulated": stored.facts.is_simulated,
            "transfers": len(record.transfers),
            "blocked": list(record.blocked_texts),
            "infeasible": record.infeasible_text,
            "inputs_sha256": stored.facts.inputs_sha256,
            "code_version": stored.facts.code_version,
        },
    )
