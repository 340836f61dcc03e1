"""Queries on what people say of recorded decisions, and on how long these last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.decision_states import DecisionState
from core.telemetry import HOUR
from db.schema import (
    DecisionRow,
    DecisionStateRow,
    DecisionTermRow,
    DecisionTransferRow,
    RegionRow,
    UserRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedState:
    """What somebody said of a decision."""

    state: DecisionState
    actor_name: str
    stated_at_utc: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingDecision:
    """A decision that moves load in coming hours.

    Attributes
    ----------
    stated : DecisionState | None
        Acknowledged or in effect; None while nobody said anything.
    end_utc : datetime | None
        When the last hour in which it moves load ends; None until it is taken back.
    """

    decision_id: int
    source_slug: str
    source_name: str
    target_slug: str
    target_name: str
    shift_pct: float
    hours_of_day: str | None
    plan_id: int | None
    stated: DecisionState | None
    end_utc: datetime | None


def insert_term(
    session: Session, *, decision_id: int, ends_at_utc: datetime | None
) -> None:
    """Let a decision outlast its window; None until it is taken back."""
    session.execute(
        insert(DecisionTermRow).values(decision_id=decision_id, ends_at_utc=ends_at_utc)
    )


def moves_after(start_utc: datetime) -> ColumnElement[bool]:
    """Whether a transfer, joined with its decision's term, counts from then on."""
    ends_at_utc = DecisionTermRow.ends_at_utc
    return or_(
        DecisionTransferRow.hour_utc >= start_utc,
        and_(
            DecisionTermRow.decision_id.is_not(None),
            or_(ends_at_utc.is_(None), ends_at_utc > start_utc),
        ),
    )


def insert_state(
    session: Session,
    *,
    decision_id: int,
    state: DecisionState,
    actor_id: int,
    reason: str | None,
) -> None:
    """Store what somebody says of a decision."""
    session.execute(
        insert(DecisionStateRow).values(
            decision_id=decision_id,
            state=state.value,
            actor_id=actor_id,
            reason=reason,
        )
    )


def states_of(session: Session, decision_id: int) -> tuple[StatedState, ...]:
    """All that was said of a decision, oldest first."""
    rows = session.execute(
        select(
            DecisionStateRow.state,
            UserRow.name,
            DecisionStateRow.created_at_utc,
            DecisionStateRow.reason,
        )
        .join(UserRow, UserRow.id == DecisionStateRow.actor_id)
        .where(DecisionStateRow.decision_id == decision_id)
        .order_by(DecisionStateRow.id)
    )
    return tuple(
        StatedState(
            state=DecisionState(state),
            actor_name=actor_name,
            stated_at_utc=stated_at_utc,
            reason=reason,
        )
        for state, actor_name, stated_at_utc, reason in rows
    )


@cache
def newest_state(
    decision_id: InstrumentedAttribute[int],
) -> ColumnElement[str | None]:
    """What was said last of the decision of an enclosing query."""
    return (
        select(DecisionStateRow.state)
        .where(DecisionStateRow.decision_id == decision_id)
        .order_by(DecisionStateRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )


@cache
def is_standing(decision_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Whether the decision of an enclosing query is neither superseded nor refused."""
    successor = aliased(DecisionRow)
    return and_(
        ~select(successor.id).where(successor.supersedes_id == decision_id).exists(),
        ~is_stated(decision_id, DecisionState.REFUSED),
    )


@cache
def is_stated(
    decision_id: InstrumentedAttribute[int], state: DecisionState
) -> ColumnElement[bool]:
    """Whether this was said of the decision of an enclosing query."""
    return (
        select(DecisionStateRow.id)
        .where(
            DecisionStateRow.decision_id == decision_id,
            DecisionStateRow.state == state.value,
        )
        .exists()
    )


@cache
def _ends() -> tuple[type[RegionRow], type[RegionRow]]:
    return aliased(RegionRow), aliased(RegionRow)


def standing_decisions(
    session: Session,
    *,
    start_utc: datetime,
    end_utc: datetime,
    region_ids: Sequence[int] | None = None,
) -> list[StandingDecision]:
    """Decisions that move load in [start, end), out of or into these regions or any."""
    source, target = _ends()
    touches = (
        true()
        if region_ids is None
        else or_(
            DecisionTransferRow.source_region_id.in_(region_ids),
            DecisionTransferRow.target_region_id.in_(region_ids),
        )
    )
    moving = (
        select(
            DecisionTransferRow.decision_id,
            func.max(DecisionTransferRow.hour_utc).label("last_hour_utc"),
        )
        .outerjoin(
            DecisionTermRow,
            DecisionTermRow.decision_id == DecisionTransferRow.decision_id,
        )
        .where(
            touches,
            moves_after(start_utc),
            DecisionTransferRow.hour_utc < end_utc,
            is_standing(DecisionTransferRow.decision_id),
        )
        .group_by(DecisionTransferRow.decision_id)
        .subquery()
    )
    rows = session.execute(
        select(
            DecisionRow.id,
            source.slug,
            source.name,
            target.slug,
            target.name,
            DecisionRow.shift_pct,
            DecisionRow.hours_of_day,
            DecisionRow.plan_id,
            newest_state(DecisionRow.id),
            moving.c.last_hour_utc,
            DecisionTermRow.decision_id.is_not(None),
            DecisionTermRow.ends_at_utc,
        )
        .outerjoin(DecisionTermRow, DecisionTermRow.decision_id == DecisionRow.id)
        .join(moving, moving.c.decision_id == DecisionRow.id)
        .join(source, source.id == DecisionRow.source_region_id)
        .join(target, target.id == DecisionRow.target_region_id)
        .order_by(DecisionRow.id)
    )
    return [
        StandingDecision(
            decision_id=decision_id,
            source_slug=source_slug,
            source_name=source_name,
            target_slug=target_slug,
            target_name=target_name,
            shift_pct=shift_pct,
            hours_of_day=hours_of_day,
            plan_id=plan_id,
            stated=DecisionState(stated) if stated else None,
            end_utc=ends_at_utc if has_term else last_hour_utc + HOUR,
        )
        for (
            decision_id,
            source_slug,
            source_name,
            target_slug,
            target_name,
            shift_pct,
            hours_of_day,
            plan_id,
            stated,
            last_hour_utc,
            has_term,
            ends_at_utc,
        ) in rows
    ]
