"""Find the best plan for the fleet, keep it, and record it as decisions that bind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4, uuid5

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction, canonical_json
from core.days import window_end
from core.errors import Conflict, InvalidInput
from core.outcomes import Outcome
from core.plan_reserve import largest_moves_c, reserve_c
from core.plans import PlanTransfer, judge_plan
from core.telemetry import HOUR
from core.version import CODE_VERSION
from core.wording import listed
from db import decisions, forecasts, plans
from db.decisions import StoredDecision
from db.plans import NewPlan, StoredPlan
from db.regions import StoredRegion
from orchestrator.decisions.cards import decision_card, region_choices
from orchestrator.decisions.judgements import Judgement, PlanMove, end_inputs
from orchestrator.decisions.records import end_values
from orchestrator.decisions.storing import checked_comment, store
from orchestrator.logs import get_logger
from orchestrator.plans.making import PlanSetting, make_plan
from orchestrator.plans.problem import are_over
from orchestrator.plans.records import (
    FORMAT,
    PlanRecord,
    TransferRecord,
    read_record,
    record_values,
    term_values,
)
from orchestrator.plans.terms import PlanTerms
from orchestrator.plans.views import PlanRecordOutcome, PlanView, plan_view
from orchestrator.regions.region_choice import active_regions, pick_region
from orchestrator.telemetry.revisions import revised_text
from orchestrator.use_cases import Done, Event, Request, change, query
from orchestrator.windows.choice import WindowChoice, choose_window, newer_issue
from orchestrator.windows.database_source import (
    LOOK_BACK_H,
    RegionWindow,
    load_region_window,
)

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
) -> Done[PlanView]:
    """Make the best plan for every active region, and keep it.

    All regions are seen from one issue instant: that of the anchor's local day, or its
    newest live one. The same inputs give an actor the same stored plan. With
    `terms.split` the anchor's shift to several targets is judged as it is asked for,
    and kept and recorded in the same way.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region; for terms that cannot be.
    """
    session, actor = request.session, request.actor
    found = active_regions(session)
    anchor = pick_region(found, anchor_slug)
    choice = choose_window(session, anchor, local_day=local_day, now=request.now)
    windows = [_window(request, item, choice) for item in found]
    setting = PlanSetting(
        anchor_slug=anchor.slug,
        windows=windows,
        terms=terms,
        reserves_c=_reserves_c(session, windows, terms),
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
            request_id=_id_of(request),
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
def stored_plan(request: Request, plan_id: int) -> PlanView:
    """A plan as it was found, and whether it was recorded since.

    Raises
    ------
    NotFound
        When there is no such plan.
    """
    return _view(request, plans.plan_by_id(request.session, plan_id))


def _same_decisions(request: Request, kept: str) -> PlanRecordOutcome:
    recorded = decisions.decisions_of_plan(request.session, int(kept))
    return _as_recorded(request.session, recorded)


@change(
    Permission.DECIDE,
    AuditAction.DECISION_RECORDED,
    AuditAction.PLAN_RECORDED,
    repeat=_same_decisions,
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
    _require_safe(record)
    found = {item.slug: item for item in active_regions(session)}
    decisions.lock_regions(session, [item.region_id for item in found.values()])
    known = decisions.decisions_of_plan(session, plan_id)
    if known:
        ids = listed(str(item.decision_id) for item in known)
        message = f"This plan was recorded already, as decisions {ids}."
        raise Conflict(message)
    _require_newest(stored, _newer_issue(request, stored, found.values()))
    judged = _judge_again(request, stored, record, found)
    if isinstance(judged, tuple):
        return Done(answer=PlanRecordOutcome(cards=(), changed=judged))
    request_id = _id_of(request)
    made = [
        store(
            session,
            request.actor,
            judgement,
            kind="recorded",
            request_id=_part_id(request_id, transfer),
            comment=comment or None,
        )
        for transfer, judgement in zip(record.transfers, judged, strict=True)
    ]
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
        answer=_as_recorded(session, recorded),
        events=(*(made_event for _, made_event in made), event),
        kept=plan_id,
    )


def _as_recorded(
    session: Session, recorded: Sequence[StoredDecision]
) -> PlanRecordOutcome:
    cards = tuple(decision_card(session, item) for item in recorded)
    return PlanRecordOutcome(cards=cards, changed=())


def _require_safe(record: PlanRecord) -> None:
    """A shift that somebody split by hand may ask for what its targets cannot take."""
    for transfer in record.transfers:
        is_safe = (
            transfer.outcome is Outcome.APPROVED
            or transfer.reason_code.is_heat_of_source
        )
        if not is_safe:
            message = f"This cannot be recorded: {transfer.reason_text}"
            raise InvalidInput(message)


def _newer_issue(
    request: Request, stored: StoredPlan, found: Iterable[StoredRegion]
) -> datetime | None:
    """The newest issue of the fleet, where a live plan rests on an older one."""
    if stored.facts.is_simulated:
        return None
    return newer_issue(
        request.session,
        list(found),
        issued_at_utc=stored.facts.window_start_utc,
        now=request.now,
    )


def _require_newest(stored: StoredPlan, newer_utc: datetime | None) -> None:
    """The hours of a plan are those of its issue: on a newer one it is another plan."""
    if newer_utc is not None:
        message = (
            f"Plan {stored.plan_id} rests on the forecasts issued at"
            f" {stored.facts.window_start_utc:%-d %b %Y, %H:%M} UTC; newer ones were"
            f" issued at {newer_utc:%-d %b %Y, %H:%M} UTC. Find the plan again on them."
        )
        raise Conflict(message)


def _window(
    request: Request, stored_region: StoredRegion, choice: WindowChoice
) -> RegionWindow:
    return load_region_window(
        request.session,
        stored_region,
        issued_at_utc=choice.issued_at_utc,
        now=request.now,
        is_simulation=choice.is_simulation,
    )


def _reserves_c(
    session: Session, windows: Sequence[RegionWindow], terms: PlanTerms
) -> dict[str, float]:
    """What to keep free in each region, as far as its history says; live only."""
    if windows[0].is_simulation or terms.split is not None:
        return {}
    found = {}
    for window in windows:
        bounds_c = forecasts.live_bounds_c(
            session,
            region_id=window.region_id,
            from_utc=window.issued_at_utc - timedelta(days=RESERVE_HISTORY_DAYS),
            until_utc=window.issued_at_utc,
        )
        kept_c = reserve_c(largest_moves_c(bounds_c), terms.blocked_chance_pct / 100.0)
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
            "migration_usd_per_mwh": prices.migration_usd_per_mwh,
            "migration_energy_frac": rules.migration_energy_frac,
            "window_start_utc": windows[0].issued_at_utc,
            "is_simulated": windows[0].is_simulation,
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
        region_choices(session),
        [item.decision_id for item in recorded],
        standing_decision_ids=[
            item.decision_id for item in recorded if item.stands(request.now)
        ],
        newer_issue_utc=_newer_issue(request, stored, active_regions(session)),
        revised_text=revised_text(
            session,
            [item.slug for item in read_record(stored.facts.result).regions],
            start_utc=stored.facts.window_start_utc - LOOK_BACK_H * HOUR,
            end_utc=stored.facts.window_end_utc,
            known_at_utc=stored.created_at_utc,
        ),
    )


def _judge_again(
    request: Request,
    stored: StoredPlan,
    record: PlanRecord,
    found: dict[str, StoredRegion],
) -> list[Judgement] | tuple[str, ...]:
    """The judgements to store, or sentences on what is no longer as it was."""
    facts = stored.facts
    touched = sorted({end for x in record.transfers for end in (x.source, x.target)})
    gone = [slug for slug in touched if slug not in found]
    if gone:
        return tuple(f"Region {slug} is no longer active." for slug in gone)
    choice = WindowChoice(
        local_day=facts.local_day if facts.is_simulated else None,
        decision_day=facts.local_day,
        issued_at_utc=facts.window_start_utc,
        is_simulation=facts.is_simulated,
    )
    windows = {slug: _window(request, found[slug], choice) for slug in touched}
    unknown = [slug for slug in touched if not windows[slug].outlook.load_is_known]
    if unknown:
        return tuple(f"The load of {slug} is no longer known." for slug in unknown)
    judgement = judge_plan(
        [window.outlook for window in windows.values()],
        [_move(transfer) for transfer in record.transfers],
        migration_energy_frac=record.migration_energy_frac,
    )
    changed = tuple(
        part.verdict.reason_text
        for part, transfer in zip(judgement.parts, record.transfers, strict=True)
        if (part.verdict.outcome, part.verdict.reason_code)
        != (transfer.outcome, transfer.reason_code)
    )
    if changed:
        return tuple(dict.fromkeys(changed))
    return [
        Judgement(
            source=windows[part.transfer.source],
            target=windows[part.transfer.target],
            local_day=facts.local_day,
            verdict=part.verdict,
            plan_move=PlanMove(
                plan_id=stored.plan_id,
                source_change_mw=judgement.change(part.transfer.source).change_mw,
                target_change_mw=judgement.change(part.transfer.target).change_mw,
            ),
        )
        for part in judgement.parts
    ]


def _move(transfer: TransferRecord) -> PlanTransfer:
    return PlanTransfer(
        source=transfer.source,
        target=transfer.target,
        moved_mw=np.array(transfer.moved_mw, dtype=np.float64),
    )


def _id_of(request: Request) -> UUID:
    """Its id; a new one for a command, which has none."""
    return request.request_id or uuid4()


def _part_id(request_id: UUID, transfer: TransferRecord) -> UUID:
    """A request id for each decision, so that the whole request is idempotent."""
    return uuid5(request_id, f"{transfer.source}>{transfer.target}")


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
