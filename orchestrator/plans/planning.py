"""Find the best plan for the fleet, keep it, and record it as decisions that bind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID, uuid5

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction, canonical_json
from core.days import WINDOW_H
from core.errors import Conflict, InvalidInput
from core.plans import PlanTransfer, judge_plan
from core.scheduler import Outcome
from core.telemetry import HOUR
from core.version import CODE_VERSION
from core.wording import listed
from db import audit, decisions, plans
from db.decisions import StoredDecision
from db.plans import NewPlan, StoredPlan
from db.regions import StoredRegion
from orchestrator.decisions.cards import decision_card
from orchestrator.decisions.judgements import Judgement, PlanMove
from orchestrator.decisions.storing import checked_comment, store
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.logs import get_logger
from orchestrator.plans.plan_making import make_plan
from orchestrator.plans.plan_setting import PlanSetting
from orchestrator.plans.views import (
    PlanRecordOutcome,
    PlanTerms,
    PlanTransferView,
    PlanView,
)
from orchestrator.regions.region_choice import (
    active_regions,
    pick_region,
    region_choice,
)
from orchestrator.use_cases import Event
from orchestrator.windows.region_windows import (
    RegionWindow,
    load_region_window,
    signals_known_at_issue,
)
from orchestrator.windows.window_choice import WindowChoice, choose_window

log = get_logger(__name__)

_VIEW = TypeAdapter(PlanView)


def find_plan(
    session: Session,
    actor: Actor,
    *,
    terms: PlanTerms,
    anchor_slug: str | None,
    local_day: date | None,
    request_id: UUID,
    now: datetime,
) -> PlanView:
    """Make the best plan for every active region, and keep it.

    All regions are seen from one issue instant: that of the anchor's local day, or its
    newest live one. The same inputs give an actor the same stored plan.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, RequestReused
        Without the right to decide; without such a region; for terms that cannot be;
        when the request id was used for something else.

    Notes
    -----
    With `terms.split` the anchor's shift to several targets is judged as it is asked
    for, and kept and recorded in the same way.
    """
    actor.require(Permission.DECIDE)
    request = Old(
        request_id=request_id,
        operation="find_plan",
        body={"anchor": anchor_slug, "day": local_day, "terms": asdict(terms)},
    )
    answer = answer_of(session, actor, request)
    if answer is not None:  # even if the fleet moved on
        return _view(session, plans.plan_by_id(session, int(answer)))
    found = active_regions(session)
    anchor = pick_region(found, anchor_slug)
    choice = choose_window(session, anchor, local_day=local_day, now=now)
    setting = _setting(session, found, anchor, choice, terms, now)
    inputs_text = canonical_json(setting.inputs())
    inputs_sha256 = sha256(inputs_text.encode()).hexdigest()
    decisions.lock_actor(session, actor.user_id)
    known = plans.plan_by_inputs(
        session, actor_id=actor.user_id, inputs_sha256=inputs_sha256
    )
    if known is not None:
        keep_answer(session, actor, request, str(known.plan_id))
        return _view(session, known)
    view = make_plan(setting)
    plan_id = plans.insert_plan(
        session,
        NewPlan(
            request_id=request_id,
            actor_id=actor.user_id,
            anchor_region_id=anchor.region_id,
            local_day=choice.decision_day,
            window_start_utc=choice.issued_at_utc,
            window_end_utc=choice.issued_at_utc + WINDOW_H * HOUR,
            is_simulated=choice.is_simulation,
            result=_VIEW.dump_python(view, mode="json"),
            inputs_text=inputs_text,
            inputs_sha256=inputs_sha256,
            code_version=CODE_VERSION,
        ),
    )
    stored = plans.plan_by_id(session, plan_id)
    keep_answer(session, actor, request, str(plan_id))
    _audit_found(session, actor, stored, view, request_id)
    return _view(session, stored)


def stored_plan(session: Session, actor: Actor, plan_id: int) -> PlanView:
    """A plan as it was found, and whether it was recorded since.

    Raises
    ------
    Forbidden, NotFound
        Without the right to look; when there is no such plan.
    """
    actor.require(Permission.VIEW_FLEET)
    return _view(session, plans.plan_by_id(session, plan_id))


def record_plan(
    session: Session,
    actor: Actor,
    *,
    plan_id: int,
    comment: str,
    request_id: UUID,
    now: datetime,
) -> PlanRecordOutcome:
    """Record every transfer of a plan as a decision, or none of them.

    Recorders that touch one of its regions wait for each other; each transfer is
    judged again, with all the others, on the load that decisions recorded meanwhile
    left. If a verdict changed, nothing is recorded and the change is told. A plan of a
    past day binds nothing.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, Conflict, RequestReused
        Without the right to decide; without such a plan; when it moves nothing or the
        comment is too long; when it was recorded already by another request; when the
        request id was used for something else.
    """
    actor.require(Permission.DECIDE)
    comment = checked_comment(comment)
    request = Old(
        request_id=request_id,
        operation="record_plan",
        body={"plan_id": plan_id, "comment": comment},
    )
    if answer_of(session, actor, request) is not None:
        return _as_recorded(session, decisions.decisions_of_plan(session, plan_id))
    stored = plans.plan_by_id(session, plan_id)
    view = _view(session, stored)
    if not view.transfers:
        message = f"Plan {plan_id} moves nothing; there is nothing to record."
        raise InvalidInput(message)
    _require_safe(view)
    found = {item.slug: item for item in active_regions(session)}
    decisions.lock_regions(session, [item.region_id for item in found.values()])
    known = decisions.decisions_of_plan(session, plan_id)
    if known:
        ids = listed(str(item.decision_id) for item in known)
        message = f"This plan was recorded already, as decisions {ids}."
        raise Conflict(message)
    judged = _judge_again(session, stored, view, found, now)
    if isinstance(judged, tuple):
        return PlanRecordOutcome(cards=(), changed=judged)
    cards = []
    for transfer, judgement in zip(view.transfers, judged, strict=True):
        part_id = _part_request(request_id, transfer)
        card, event = store(
            session,
            actor,
            judgement,
            kind="recorded",
            request_id=part_id,
            comment=comment or None,
        )
        _append(session, actor, event, part_id)
        cards.append(card)
    keep_answer(session, actor, request, str(plan_id))
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.PLAN_RECORDED,
        object_type="plan",
        object_id=str(plan_id),
        after={"decisions": [card.decision_id for card in cards]},
        reason=comment or None,
        request_id=str(request_id),
    )
    log.info("plan_recorded", plan_id=plan_id, decisions=len(cards))
    return _as_recorded(session, cards)


def _append(session: Session, actor: Actor, event: Event, request_id: UUID) -> None:
    audit.append_event(
        session,
        actor=actor,
        action=event.action,
        object_type=event.object_type,
        object_id=str(event.object_id),
        after=event.after,
        reason=event.reason,
        request_id=str(request_id),
    )


def _as_recorded(
    session: Session, recorded: Sequence[StoredDecision]
) -> PlanRecordOutcome:
    cards = tuple(decision_card(session, item) for item in recorded)
    return PlanRecordOutcome(cards=cards, changed=())


def _require_safe(view: PlanView) -> None:
    """A shift that somebody split by hand may ask for what its targets cannot take."""
    for transfer in view.transfers:
        is_safe = (
            transfer.outcome is Outcome.APPROVED
            or transfer.reason_code.is_heat_of_source
        )
        if not is_safe:
            message = f"This cannot be recorded: {transfer.verdict_text}"
            raise InvalidInput(message)


def _setting(
    session: Session,
    found: Sequence[StoredRegion],
    anchor: StoredRegion,
    choice: WindowChoice,
    terms: PlanTerms,
    now: datetime,
) -> PlanSetting:
    windows = tuple(_window(session, item, choice, now) for item in found)
    known = tuple(
        signals_known_at_issue(
            session,
            item,
            issued_at_utc=choice.issued_at_utc,
            policy=window.policy,
            it_load_mw=window.outlook.it_load_mw,
        )
        for item, window in zip(found, windows, strict=True)
    )
    return PlanSetting(
        anchor=region_choice(anchor.region),
        choice=choice,
        windows=windows,
        known_signals=known,
        terms=terms,
        made_at_utc=now,
    )


def _window(
    session: Session, stored_region: StoredRegion, choice: WindowChoice, now: datetime
) -> RegionWindow:
    return load_region_window(
        session,
        stored_region,
        issued_at_utc=choice.issued_at_utc,
        now=now,
        is_simulation=choice.is_simulation,
    )


def _view(session: Session, stored: StoredPlan) -> PlanView:
    recorded = decisions.decisions_of_plan(session, stored.plan_id)
    return replace(
        _VIEW.validate_python(stored.facts.result),
        plan_id=stored.plan_id,
        created_at_utc=stored.created_at_utc,
        actor_name=stored.actor_name,
        recorded_decision_ids=tuple(item.decision_id for item in recorded),
    )


def _judge_again(
    session: Session,
    stored: StoredPlan,
    view: PlanView,
    found: dict[str, StoredRegion],
    now: datetime,
) -> list[Judgement] | tuple[str, ...]:
    """The judgements to store, or sentences on what is no longer as it was."""
    touched = sorted(
        {
            end.slug
            for transfer in view.transfers
            for end in (transfer.source, transfer.target)
        }
    )
    if not set(touched) <= set(found):
        gone = [slug for slug in touched if slug not in found]
        return tuple(f"Region {slug} is no longer active." for slug in gone)
    choice = WindowChoice(
        local_day=stored.facts.local_day if stored.facts.is_simulated else None,
        decision_day=stored.facts.local_day,
        issued_at_utc=stored.facts.window_start_utc,
        is_simulation=stored.facts.is_simulated,
    )
    windows = {slug: _window(session, found[slug], choice, now) for slug in touched}
    unknown = [slug for slug in touched if not windows[slug].outlook.load_is_known]
    if unknown:
        return tuple(f"The load of {slug} is no longer known." for slug in unknown)
    judgement = judge_plan(
        [window.outlook for window in windows.values()],
        [_move(transfer) for transfer in view.transfers],
        migration_energy_frac=view.migration_energy_frac,
    )
    changed = tuple(
        part.verdict.reason_text
        for part, transfer in zip(judgement.parts, view.transfers, strict=True)
        if (part.verdict.outcome, part.verdict.reason_code)
        != (transfer.outcome, transfer.reason_code)
    )
    if changed:
        return tuple(dict.fromkeys(changed))
    return [
        Judgement(
            source=windows[part.transfer.source],
            target=windows[part.transfer.target],
            local_day=stored.facts.local_day,
            verdict=part.verdict,
            plan_move=PlanMove(
                plan_id=stored.plan_id,
                source_change_mw=judgement.change(part.transfer.source).change_mw,
                target_change_mw=judgement.change(part.transfer.target).change_mw,
            ),
        )
        for part in judgement.parts
    ]


def _move(transfer: PlanTransferView) -> PlanTransfer:
    return PlanTransfer(
        source=transfer.source.slug,
        target=transfer.target.slug,
        moved_mw=np.array(transfer.moved_mw, dtype=np.float64),
    )


def _part_request(request_id: UUID, transfer: PlanTransferView) -> UUID:
    """A request id for each decision, so that the whole request is idempotent."""
    return uuid5(request_id, f"{transfer.source.slug}>{transfer.target.slug}")


def _audit_found(
    session: Session,
    actor: Actor,
    stored: StoredPlan,
    view: PlanView,
    request_id: UUID,
) -> None:
    audit.append_event(
        session,
        actor=actor,
        action=AuditAction.PLAN_FOUND,
        object_type="plan",
        object_id=str(stored.plan_id),
        after={
            "anchor": stored.anchor_slug,
            "window_start_utc": stored.facts.window_start_utc.isoformat(),
            "is_simulated": stored.facts.is_simulated,
            "transfers": len(view.transfers),
            "blocked": list(view.blocked),
            "infeasible": view.infeasible_text,
            "inputs_sha256": stored.facts.inputs_sha256,
            "code_version": stored.facts.code_version,
        },
        request_id=str(request_id),
    )
    log.info(
        "plan_found",
        plan_id=stored.plan_id,
        transfers=len(view.transfers),
        blocked=len(view.blocked),
        simulated=stored.facts.is_simulated,
    )
