"""Replace a recorded decision by a new one; the old one stays, marked as superseded."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.errors import InvalidInput
from db import decisions, regions
from orchestrator.decisions import what_if
from orchestrator.decisions.standing_decisions import require_standing
from orchestrator.decisions.views import DecisionCard, SupersedeForm
from orchestrator.regions.region_choice import region_choice


def evaluate_instead(
    session: Session,
    actor: Actor,
    *,
    decision_id: int,
    target_slug: str | None,
    shift_pct: float,
    request_id: UUID,
    now: datetime,
) -> DecisionCard:
    """Judge what would be recorded in place of a decision, without the load it moves.

    The source stays; a simulation stays on its day, a live decision is judged on the
    newest forecast. A shift of 0 % takes the old one back. `what_if.record` makes it
    binding.

    Raises
    ------
    NotFound, InvalidInput, Conflict
        When there is no such decision, it was not recorded, its window has ended, or
        somebody superseded it already.
    """
    actor.require(Permission.DECIDE)
    old = require_standing(session, decision_id)
    is_simulated = old.facts.is_simulated
    if not is_simulated and old.facts.window_end_utc <= now:
        message = (
            f"The window of decision {decision_id} has ended; what was moved was moved."
        )
        raise InvalidInput(message)
    return what_if.evaluate(
        session,
        actor,
        source_slug=old.source_slug,
        target_slug=target_slug or old.target_slug,
        local_day=old.facts.local_day if is_simulated else None,
        shift_pct=shift_pct,
        request_id=request_id,
        now=now,
        supersedes_id=decision_id,
    )


def form_for(
    session: Session, actor: Actor, decision_id: int, *, now: datetime
) -> SupersedeForm:
    """What a decision can be replaced by; closed when it cannot."""
    actor.require(Permission.DECIDE)
    stored = decisions.decision_by_id(session, decision_id)
    facts = stored.facts
    is_open = (
        facts.kind == "recorded"
        and not stored.is_superseded
        and (facts.is_simulated or facts.window_end_utc > now)
    )
    targets = tuple(
        region_choice(item.region)
        for item in regions.list_regions(session)
        if item.region_id != facts.source_region_id
    )
    return SupersedeForm(
        is_open=is_open and bool(targets),
        targets=targets,
        target_slug=stored.target_slug or (targets[0].slug if targets else None),
        shift_pct=facts.shift_pct,
    )
