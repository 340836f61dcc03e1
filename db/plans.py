"""Queries on plans for the fleet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from core.errors import NotFound
from db.schema import PlanRow, RegionRow, UserRow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """A plan to be stored; the names are the table's columns."""

    request_id: UUID
    actor_id: int
    anchor_region_id: int
    local_day: date
    window_start_utc: datetime
    window_end_utc: datetime
    is_simulated: bool
    result: dict[str, Any]
    inputs_text: str
    inputs_sha256: str
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan with the names of what it refers to."""

    plan_id: int
    created_at_utc: datetime
    actor_name: str
    anchor_slug: str
    facts: NewPlan


_Query = Select[PlanRow, str, str]


def insert_plan(session: Session, plan: NewPlan) -> int:
    """Store a plan; returns its id."""
    values = {name: getattr(plan, name) for name in NewPlan.__slots__}
    return session.execute(
        insert(PlanRow).values(**values).returning(PlanRow.id)
    ).scalar_one()


def plan_by_id(session: Session, plan_id: int) -> StoredPlan:
    """A plan by its id; raises NotFound when there is none."""
    found = _first(session, _query().where(PlanRow.id == plan_id))
    if found is None:
        message = f"There is no plan {plan_id}."
        raise NotFound(message)
    return found


def plan_by_inputs(
    session: Session, *, actor_id: int, inputs_sha256: str
) -> StoredPlan | None:
    """The plan an actor already has for the same inputs."""
    return _first(
        session,
        _query().where(
            PlanRow.actor_id == actor_id, PlanRow.inputs_sha256 == inputs_sha256
        ),
    )


def _query() -> _Query:
    return (
        select(PlanRow, UserRow.name, RegionRow.slug)
        .join(UserRow, UserRow.id == PlanRow.actor_id)
        .join(RegionRow, RegionRow.id == PlanRow.anchor_region_id)
    )


def _first(session: Session, query: _Query) -> StoredPlan | None:
    row = session.execute(query.limit(1)).first()
    return None if row is None else _plan(*row)


def _plan(row: PlanRow, actor_name: str, anchor_slug: str) -> StoredPlan:
    return StoredPlan(
        plan_id=row.id,
        created_at_utc=row.created_at_utc,
        actor_name=actor_name,
        anchor_slug=anchor_slug,
        facts=NewPlan(**{name: getattr(row, name) for name in NewPlan.__slots__}),
    )
