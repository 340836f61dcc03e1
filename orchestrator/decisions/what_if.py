"""Try moving load between two regions; record the decision that binds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.errors import InvalidInput
from core.safe_shifts import flexible_pct
from core.scheduler import Verdict, decide, scenarios
from core.shift import LoadShift
from db import decisions
from db.decisions import StoredDecision
from db.regions import StoredRegion
from orchestrator.decisions.input_codec import read_inputs
from orchestrator.decisions.standing_decisions import require_reason, require_standing
from orchestrator.decisions.storing import (
    Judgement,
    decision_card,
    impact_notes,
    impact_rows,
    store,
)
from orchestrator.decisions.views import (
    DecisionCard,
    ImpactRow,
    RecordOutcome,
    ScenarioRow,
    ShiftEnd,
    WhatIfView,
)
from orchestrator.handled_requests import Old, answer_of, keep_answer
from orchestrator.regions.region_choice import (
    active_regions,
    pick_region,
    region_choice,
)
from orchestrator.use_cases import Request, query
from orchestrator.windows.choice import WindowChoice, choose_window, day_choices
from orchestrator.windows.database import RegionWindow, load_region_window
from orchestrator.windows.views import Series, finite_series, verdict_view

MAXIMUM_COMMENT_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A source, a target and a window, with all that is known of them."""

    found: list[StoredRegion]
    source_region: StoredRegion
    choice: WindowChoice
    source: RegionWindow
    target: RegionWindow | None

    def judge(self, shift_pct: float) -> Judgement:
        """The verdict at a shift."""
        target = self.target.outlook if self.target else None
        return Judgement(
            source=self.source,
            target=self.target,
            local_day=self.choice.decision_day,
            verdict=decide(self.source.outlook, target, shift_pct),
        )


@query(Permission.VIEW_FLEET)
def what_if_view(
    request: Request,
    *,
    source_slug: str | None,
    target_slug: str | None,
    local_day: date | None,
    shift_pct: float = 0.0,
) -> WhatIfView:
    """All that the page needs to draw and to follow the slider; stores nothing."""
    question = _ask(
        request.session,
        source_slug=source_slug,
        target_slug=target_slug,
        local_day=local_day,
        now=request.now,
    )
    source, target = question.source, question.target
    baseline = question.judge(0.0).verdict
    unit_shift = _unit_shift(question)
    impact, notes = _impact(question, shift_pct)
    days = day_choices(request.session, question.source_region)
    return WhatIfView(
        regions=tuple(region_choice(item.region) for item in question.found),
        as_of_utc=request.now,
        source=_end(source, unit_shift.source_rise_c if unit_shift else None, -1.0),
        target=_end(
            target,
            unit_shift.target_rise_c if unit_shift else None,
            1.0 + source.policy.migration_energy_frac,
            source,
        )
        if target
        else None,
        local_day=question.choice.local_day,
        issued_at_utc=source.stored.issued_at_utc if source.stored else None,
        is_simulation=source.is_simulation,
        hours_utc=source.hours_utc,
        flexible_pct=flexible_pct(source.outlook),
        allowed_probability=float(source.policy.alpha),
        baseline=verdict_view(baseline),
        minimum_shift_pct=baseline.minimum_shift_pct,
        maximum_safe_shift_pct=baseline.maximum_safe_shift_pct,
        safe_interval_text=_safe_interval_text(baseline, question),
        shift_pct=shift_pct,
        impact=impact,
        impact_notes=notes,
        scenarios=tuple(
            _scenario(verdict)
            for verdict in scenarios(source.outlook, target.outlook if target else None)
        ),
        inputs_basis=source.signals.basis.value,
        first_day=days.first_day,
        last_day=days.last_day,
        missing_days=days.missing_days,
        notice=_notice(question),
    )


def evaluate(
    session: Session,
    actor: Actor,
    *,
    source_slug: str,
    target_slug: str | None,
    local_day: date | None,
    shift_pct: float,
    request_id: UUID,
    now: datetime,
    supersedes_id: int | None = None,
) -> DecisionCard:
    """Judge a shift and keep it as the actor's what-if; the same inputs are kept once.

    `supersedes_id` is a recorded decision in whose place this one would be recorded:
    the load that it moves is not counted.

    Raises
    ------
    RequestReused
        When the request id was used for something else.
    """
    actor.require(Permission.DECIDE)
    body = {
        "source": source_slug,
        "target": target_slug,
        "day": local_day,
        "shift_pct": shift_pct,
        "supersedes_id": supersedes_id,
    }
    request = Old(request_id=request_id, operation="what_if", body=body)
    answer = answer_of(session, actor, request)
    if answer is not None:
        return decision_card(session, decisions.decision_by_id(session, int(answer)))
    question = _ask(
        session,
        source_slug=source_slug,
        target_slug=target_slug,
        local_day=local_day,
        now=now,
        supersedes_id=supersedes_id,
    )
    judgement = question.judge(shift_pct)
    decisions.lock_actor(session, actor.user_id)
    stored = decisions.what_if_by_inputs(
        session, actor_id=actor.user_id, inputs_sha256=judgement.inputs_sha256
    ) or store(session, actor, judgement, kind="what_if", request_id=request_id)
    keep_answer(session, actor, request, str(stored.decision_id))
    return decision_card(session, stored)


def record(
    session: Session,
    actor: Actor,
    *,
    what_if_id: int,
    comment: str,
    request_id: UUID,
    now: datetime,
) -> RecordOutcome:
    """Record a what-if as a decision that binds, unless its verdict changed meanwhile.

    Recorders that touch one of the two regions wait for each other, and each judges
    again on the load that the others left. BLOCKED can be recorded too: it says that
    it was seen, and moves nothing. A what-if that was made to supersede a decision is
    recorded in its place, with the comment as the reason.

    Raises
    ------
    NotFound, InvalidInput, RequestReused
        When there is no such what-if, the comment is too long or missing where it is
        the reason, or the request id was used for something else.
    Conflict
        When somebody else superseded that decision first; says who and when.
    """
    actor.require(Permission.DECIDE)
    comment = comment.strip()
    if len(comment) > MAXIMUM_COMMENT_CHARS:
        message = f"A comment has at most {MAXIMUM_COMMENT_CHARS} characters."
        raise InvalidInput(message)
    body = {"what_if_id": what_if_id, "comment": comment}
    request = Old(request_id=request_id, operation="record", body=body)
    answer = answer_of(session, actor, request)
    if answer is not None:
        known = decisions.decision_by_id(session, int(answer))
        return RecordOutcome(card=decision_card(session, known), changed=None)
    what_if = decisions.decision_by_id(session, what_if_id)
    if what_if.facts.kind != "what_if":
        message = f"Decision {what_if_id} is not a what-if; only those are recorded."
        raise InvalidInput(message)
    facts = what_if.facts
    touched = [facts.source_region_id, facts.target_region_id]
    decisions.lock_regions(session, [i for i in touched if i is not None])
    superseded_id = read_inputs(facts.inputs_text).without_decision_id
    if superseded_id is not None:
        require_standing(session, superseded_id)
        require_reason(comment)
    judgement = _judge_again(session, what_if, superseded_id, now)
    verdict = judgement.verdict
    if (verdict.outcome.value, verdict.reason_code.value) != (
        facts.outcome,
        facts.reason_code,
    ):
        return RecordOutcome(card=None, changed=verdict_view(verdict))
    stored = store(
        session,
        actor,
        judgement,
        kind="recorded",
        request_id=request_id,
        comment=comment or None,
        what_if_id=what_if_id,
        supersedes_id=superseded_id,
    )
    keep_answer(session, actor, request, str(stored.decision_id))
    return RecordOutcome(card=decision_card(session, stored), changed=None)


def _judge_again(
    session: Session, what_if: StoredDecision, superseded_id: int | None, now: datetime
) -> Judgement:
    facts = what_if.facts
    found = active_regions(session)
    choice = WindowChoice(
        local_day=facts.local_day if facts.is_simulated else None,
        decision_day=facts.local_day,
        issued_at_utc=facts.window_start_utc,
        is_simulation=facts.is_simulated,
    )
    source_region = pick_region(found, what_if.source_slug)
    question = _load(
        session,
        found,
        source_region,
        pick_region(found, what_if.target_slug) if what_if.target_slug else None,
        choice,
        now,
        superseded_id,
    )
    return question.judge(facts.shift_pct)


def _ask(
    session: Session,
    *,
    source_slug: str | None,
    target_slug: str | None,
    local_day: date | None,
    now: datetime,
    supersedes_id: int | None = None,
) -> _Question:
    found = active_regions(session)
    source = pick_region(found, source_slug)
    others = [item for item in found if item.region_id != source.region_id]
    target = None
    if target_slug is not None:
        target = pick_region(found, target_slug)
    elif others:
        target = others[0]
    if target is not None and target.region_id == source.region_id:
        message = "Source and target must be different regions."
        raise InvalidInput(message)
    choice = choose_window(session, source, local_day=local_day, now=now)
    return _load(session, found, source, target, choice, now, supersedes_id)


def _load(
    session: Session,
    found: list[StoredRegion],
    source: StoredRegion,
    target: StoredRegion | None,
    choice: WindowChoice,
    now: datetime,
    superseded_id: int | None,
) -> _Question:
    """Both regions are seen from one issue instant, the source's."""

    def window(stored_region: StoredRegion) -> RegionWindow:
        return load_region_window(
            session,
            stored_region,
            issued_at_utc=choice.issued_at_utc,
            now=now,
            is_simulation=choice.is_simulation,
            without_decision_id=superseded_id,
        )

    return _Question(
        found=found,
        source_region=source,
        choice=choice,
        source=window(source),
        target=window(target) if target else None,
    )


def _impact(
    question: _Question, shift_pct: float
) -> tuple[tuple[ImpactRow, ...], tuple[str, ...]]:
    """What a shift would do, with its notes; nothing where nothing moves."""
    if shift_pct <= 0.0:
        return (), ()
    judgement = question.judge(shift_pct)
    impact = judgement.impact
    if impact is None:
        return (), ()
    return impact_rows(impact), impact_notes(judgement, impact)


def _unit_shift(question: _Question) -> LoadShift | None:
    """The shift of 1 %, from which the browser scales while the slider moves."""
    return question.judge(1.0).verdict.shift if question.target else None


def _end(
    window: RegionWindow,
    rise_c: NDArray[np.float64] | None,
    direction: float,
    giver: RegionWindow | None = None,
) -> ShiftEnd:
    """One end for the browser; the moved load is the giver's, the source by default."""
    outlook, stored = window.outlook, window.stored
    check = outlook.check()
    prior = outlook.prior_rise_c
    moved_from = (giver or window).outlook.it_load_mw
    finite_rise = rise_c if rise_c is not None and np.isfinite(rise_c).all() else None
    region = outlook.region
    return ShiftEnd(
        region=region_choice(region),
        colour=region.colour,
        mean_c=_series(stored.mean if stored else (), prior),
        lower_c=_series(stored.lower if stored else (), prior),
        upper_c=_series(stored.upper if stored else (), prior),
        actual_c=finite_series(
            window.telemetry.column(window.stored.target.quantity)
            if window.stored
            else np.array([])
        ),
        thermal_limit_c=window.policy.thermal_limit_c,
        allowed_probability=float(window.policy.alpha),
        bound_c=check.bound if check else None,
        day_maxima_c=outlook.day_maxima_c(),
        prior_rise_c=finite_series(prior),
        rise_by_hour_c_per_pct=()
        if finite_rise is None
        else finite_series(finite_rise),
        it_load_mw=finite_series(outlook.it_load_mw),
        load_mw_per_pct=finite_series(direction * moved_from / 100.0),
        it_capacity_mw=region.it_capacity_mw,
    )


def _series(
    values: tuple[float | None, ...], prior_rise_c: NDArray[np.float64]
) -> Series:
    return tuple(
        value + rise if value is not None and np.isfinite(rise) else None
        for value, rise in zip(values, prior_rise_c.tolist(), strict=False)
    )


def _scenario(verdict: Verdict) -> ScenarioRow:
    return ScenarioRow(
        shift_pct=verdict.shift_pct,
        outcome=verdict.outcome,
        reason_code=verdict.reason_code,
        risk_level=verdict.risk.level,
        source_bound_c=verdict.source_after.bound if verdict.source_after else None,
        target_bound_c=verdict.target_after.bound if verdict.target_after else None,
    )


def _safe_interval_text(baseline: Verdict, question: _Question) -> str:
    least, most = baseline.minimum_shift_pct, baseline.maximum_safe_shift_pct
    if question.source.outlook.problem is not None:
        return "No shift can be called safe: the source has no bound."
    if question.target is None:
        return "Choose a target region to see the safe interval."
    if most is None:
        return "No shift can be called safe: the target has no bound or no load."
    name = question.target.outlook.region.name
    if least is None:
        return f"No shift clears the source; up to {most:g} % could move to {name}."
    if least > most:
        return (
            f"The safe interval is empty: {least:g} % is needed and at most {most:g} %"
            f" can move to {name}."
        )
    return f"Safe interval: {least:g} % to {most:g} %."


def _notice(question: _Question) -> str | None:
    problem = question.source.outlook.problem
    if problem is None:
        if question.target is None:
            return "A shift needs a second region; add one first."
        return None
    return f"{question.source.outlook.region.name}: {problem.text}"
