"""Keep the verdict on a shift as a what-if; record it as a decision that binds."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

from sqlalchemy.orm import Session

from core.access import Permission
from core.audit import AuditAction
from core.days import WINDOW_H
from core.errors import Conflict, InvalidInput
from core.shares import HoursOfDay
from db import decisions
from db.decisions import StoredDecision
from orchestrator.decisions.cards import decision_card
from orchestrator.decisions.judgements import Judgement
from orchestrator.decisions.questions import ask_again, ask_shift
from orchestrator.decisions.records import read_inputs
from orchestrator.decisions.storing import checked_comment, store
from orchestrator.decisions.views import DecisionCard, RecordOutcome, SupersedeForm
from orchestrator.regions.region_choice import region_choices
from orchestrator.use_cases import Done, Event, Request, change, query
from orchestrator.windows.views import verdict_view


def _kept_card(request: Request, kept: str) -> DecisionCard:
    stored = decisions.decision_by_id(request.session, int(kept))
    return decision_card(request.session, stored)


@change(Permission.DECIDE, AuditAction.DECISION_WHAT_IF, repeat=_kept_card)
def evaluate(
    request: Request,
    *,
    source_slug: str,
    target_slug: str | None,
    local_day: date | None,
    shift_pct: float,
    hours_of_day: HoursOfDay | None = None,
) -> Done[DecisionCard]:
    """Judge a shift and keep it as the actor's what-if; the same inputs are kept once.

    With `hours_of_day` load moves in those hours only, on the clock of the source.

    Raises
    ------
    RequestReused
        When the request id was used for something else.
    """
    question = ask_shift(
        request.session,
        source_slug=source_slug,
        target_slug=target_slug,
        local_day=local_day,
        now=request.now,
        hours_of_day=hours_of_day,
    )
    return _keep(request, question.judge(shift_pct))


@change(Permission.DECIDE, AuditAction.DECISION_WHAT_IF, repeat=_kept_card)
def evaluate_instead(
    request: Request,
    *,
    decision_id: int,
    target_slug: str | None,
    shift_pct: float,
    hours_of_day: HoursOfDay | None = None,
) -> Done[DecisionCard]:
    """Judge what would be recorded in place of a decision, without the load it moves.

    The source stays; a simulation stays on its day, a live decision is judged on the
    newest forecast. A shift of 0 % takes the old one back. `record` makes it binding.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such decision, it was not recorded, its window has ended, or
        somebody superseded it already.
    """
    old = _standing(request.session, decision_id)
    is_simulated = old.facts.is_simulated
    if not is_simulated and old.has_ended(request.now):
        message = (
            f"The window of decision {decision_id} has ended; what was moved was moved."
        )
        raise InvalidInput(message)
    question = ask_shift(
        request.session,
        source_slug=old.source_slug,
        target_slug=target_slug or old.target_slug,
        local_day=old.facts.local_day if is_simulated else None,
        now=request.now,
        supersedes_id=decision_id,
        hours_of_day=hours_of_day,
    )
    return _keep(request, question.judge(shift_pct))


def _keep(request: Request, judgement: Judgement) -> Done[DecisionCard]:
    stored, events = keep_what_if(request, judgement)
    return Done(
        answer=decision_card(request.session, stored),
        events=events,
        kept=stored.decision_id,
    )


def keep_what_if(
    request: Request, judgement: Judgement
) -> tuple[StoredDecision, tuple[Event, ...]]:
    """The actor's what-if of these inputs, and the event of its making if it is new."""
    session, actor = request.session, request.actor
    decisions.lock_actor(session, actor.user_id)
    stored = decisions.what_if_by_inputs(
        session, actor_id=actor.user_id, inputs_sha256=judgement.inputs_sha256
    )
    events: tuple[Event, ...] = ()
    if stored is None:
        stored, event = store(
            session,
            actor,
            judgement,
            kind="what_if",
            request_id=request.request_id or uuid4(),
        )
        events = (event,)
    return stored, events


@query(Permission.DECIDE)
def supersede_form(request: Request, decision_id: int) -> SupersedeForm:
    """What a decision can be superseded by; closed when it cannot."""
    stored = decisions.decision_by_id(request.session, decision_id)
    facts = stored.facts
    is_open = (
        facts.kind == "recorded"
        and not stored.is_superseded
        and (facts.is_simulated or not stored.has_ended(request.now))
    )
    targets = region_choices(request.session, stored.target_slug).without(
        stored.source_slug
    )
    return SupersedeForm(
        is_open=is_open and bool(targets.shown),
        targets=targets,
        target_slug=stored.target_slug
        or (targets.shown[0].slug if targets.shown else None),
        shift_pct=facts.shift_pct,
        hours_of_day=facts.hours_of_day,
    )


@change(
    Permission.DECIDE,
    AuditAction.DECISION_RECORDED,
    repeat=lambda request, kept: RecordOutcome(
        card=_kept_card(request, kept), changed=None
    ),
)
def record(
    request: Request,
    *,
    what_if_id: int,
    comment: str,
    lasts_h: int | None = WINDOW_H,
) -> Done[RecordOutcome]:
    """Record a what-if as a decision that binds, unless its verdict changed meanwhile.

    Recorders that touch one of the two regions wait for each other, and each judges
    again on the newest issue and the load that the others left. BLOCKED can be
    recorded too: it says that it was seen, and moves nothing. A what-if that was made
    to supersede a decision is recorded in its place, with the comment as the reason.

    It lasts for the hours of its window, for `lasts_h` hours from its start, or until
    it is taken back (None); one for chosen hours that does not outlast its window ends
    with the last of them. What outlasts its window moves the same load at the same
    hours of each day, and counts in every window that it reaches into.

    Raises
    ------
    NotFound, InvalidInput, RequestReused
        When there is no such what-if, the comment is too long or missing where it is
        the reason, or the request id was used for something else.
    Conflict
        When somebody else superseded that decision first; says who and when.
    """
    session, comment = request.session, checked_comment(comment)
    what_if = decisions.decision_by_id(session, what_if_id)
    facts = what_if.facts
    if facts.kind != "what_if":
        message = f"Decision {what_if_id} is not a what-if; only those are recorded."
        raise InvalidInput(message)
    touched = [facts.source_region_id, facts.target_region_id]
    decisions.lock_regions(session, [i for i in touched if i is not None])
    superseded = read_inputs(facts.inputs_text).without_decision_ids
    superseded_id = superseded[0] if superseded else None
    if superseded_id is not None:
        _standing(session, superseded_id)
        if not comment:
            message = "Write the reason: a recorded decision is replaced only with one."
            raise InvalidInput(message)
    question = ask_again(session, what_if, superseded_id, request.now)
    judgement = question.judge(facts.shift_pct)
    verdict = judgement.verdict
    judged_utc = question.choice.issued_at_utc
    newer_utc = judged_utc if judged_utc > facts.window_start_utc else None
    if (verdict.outcome, verdict.reason_code) != (facts.outcome, facts.reason_code):
        changed = RecordOutcome(
            card=None, changed=verdict_view(verdict), newer_issue_utc=newer_utc
        )
        return Done(answer=changed)
    stored, event = store(
        session,
        request.actor,
        judgement,
        kind="recorded",
        request_id=request.request_id or uuid4(),
        comment=comment or None,
        what_if_id=what_if_id,
        supersedes_id=superseded_id,
        lasts_h=WINDOW_H if facts.is_simulated else lasts_h,
    )
    return Done(
        answer=RecordOutcome(
            card=decision_card(session, stored),
            changed=None,
            newer_issue_utc=newer_utc,
        ),
        events=(event,),
        kept=stored.decision_id,
    )


def _standing(session: Session, decision_id: int) -> StoredDecision:
    """A recorded decision that nobody has superseded yet.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such decision, or it was not recorded.
    Conflict
        When it is superseded already; says by whom and when.
    """
    stored = decisions.decision_by_id(session, decision_id)
    if stored.facts.kind != "recorded":
        message = (
            f"Decision {decision_id} was not recorded; there is nothing to replace."
        )
        raise InvalidInput(message)
    successor = decisions.successor_of(session, decision_id)
    if successor is not None:
        message = (
            f"Decision {decision_id} was superseded by decision"
            f" {successor.decision_id}, recorded by {successor.actor_name} at"
            f" {successor.created_at_utc:%d %b %Y, %H:%M:%S} UTC."
        )
        raise Conflict(message)
    return stored
