"""Queries on decisions and on the load that live recorded ones move."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg.types.json import Jsonb
from sqlalchemy import Select, func, insert, or_, select, text
from sqlalchemy.orm import Session, aliased

from core.decision_states import DecisionState, state_of
from core.errors import NotFound
from core.telemetry import HOUR, hours_between
from db.copying import copy_with_ids
from db.decision_standing import is_standing, is_stated, moves_after, newest_state
from db.schema import (
    DecisionRow,
    DecisionTermRow,
    DecisionTransferRow,
    RegionRow,
    UserRow,
)

_DAY_H = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """A decision to be stored; the names are the table's columns."""

    kind: str
    request_id: UUID
    actor_id: int
    source_region_id: int
    target_region_id: int | None
    shift_pct: float
    local_day: date
    window_start_utc: datetime
    window_end_utc: datetime
    is_simulated: bool
    outcome: str
    reason_code: str
    reason_text: str
    risk_level: str
    recommendations: list[str]
    thermal_limit_c: float
    confidence: Decimal
    exceedance_probability: float | None
    source_bound_before_c: float | None
    source_bound_after_c: float | None
    target_bound_before_c: float | None
    target_bound_after_c: float | None
    minimum_shift_pct: float | None
    maximum_safe_shift_pct: float | None
    fleet_policy_id: int | None
    region_policy_id: int | None
    model_version_id: int | None
    source_forecast_id: int | None
    target_forecast_id: int | None
    impact: dict[str, Any] | None
    inputs_text: str
    inputs_sha256: str
    code_version: str
    comment: str | None = None
    what_if_id: int | None = None
    supersedes_id: int | None = None
    plan_id: int | None = None
    hours_of_day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision with the names of what it refers to, and what was said of it.

    Attributes
    ----------
    is_open_ended : bool
        Until it is taken back.
    ends_at_utc : datetime | None
        Where it does not end with its window.
    """

    decision_id: int
    created_at_utc: datetime
    actor_name: str
    source_slug: str
    target_slug: str | None
    is_superseded: bool
    facts: NewDecision
    stated: DecisionState | None = None
    is_open_ended: bool = False
    ends_at_utc: datetime | None = None

    @property
    def end_utc(self) -> datetime | None:
        """When the last hour that it is for ends; None until it is taken back."""
        if self.is_open_ended:
            return None
        return self.ends_at_utc or self.facts.window_end_utc

    def has_ended(self, now: datetime) -> bool:
        """Whether the last hour that it is for is over."""
        return self.end_utc is not None and self.end_utc <= now

    def stands(self, now: datetime) -> bool:
        """Whether what it moves still counts."""
        state = self.state(now)
        return state is not None and state.stands

    def state(self, now: datetime) -> DecisionState | None:
        """What has become of it; None where nothing was recorded that could bind."""
        if self.facts.kind != "recorded" or self.facts.is_simulated:
            return None
        return state_of(
            self.stated,
            is_superseded=self.is_superseded,
            end_utc=self.end_utc,
            now=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Load moved in one hour by a live recorded decision.

    `arrived_mw` is what the target carries for it, including the migration's energy.
    """

    hour_utc: datetime
    moved_mw: float
    arrived_mw: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NetLoad:
    """What live recorded decisions already do to a region, hour by hour.

    Attributes
    ----------
    moved_out_mw, moved_in_mw : ndarray, shape (n_hours,)
    in_effect_mw : ndarray, shape (n_hours,)
        Change of the load by those that are in effect; negative for a fall.
    """

    moved_out_mw: NDArray[np.float64]
    moved_in_mw: NDArray[np.float64]
    in_effect_mw: NDArray[np.float64]


def insert_decisions(session: Session, found: Sequence[NewDecision]) -> list[int]:
    """Store decisions; returns their ids in order."""
    if not found:
        return []
    names = NewDecision.__slots__
    rows = [
        [
            Jsonb(value) if isinstance(value, dict) else value
            for value in (getattr(item, name) for name in names)
        ]
        for item in found
    ]
    return copy_with_ids(session, DecisionRow.__tablename__, names, rows)


def insert_transfers(
    session: Session,
    *,
    decision_id: int,
    source_region_id: int,
    target_region_id: int,
    transfers: Sequence[Transfer],
) -> None:
    """Store the hourly load that a live recorded decision moves."""
    session.execute(
        insert(DecisionTransferRow),
        [
            {
                "decision_id": decision_id,
                "hour_utc": transfer.hour_utc,
                "source_region_id": source_region_id,
                "target_region_id": target_region_id,
                "moved_mw": transfer.moved_mw,
                "arrived_mw": transfer.arrived_mw,
            }
            for transfer in transfers
        ],
    )


def transfers_of(
    session: Session, decision_ids: Sequence[int]
) -> dict[int, list[Transfer]]:
    """The hourly load that each decision moves, in order; none for most."""
    rows = session.execute(
        select(
            DecisionTransferRow.decision_id,
            DecisionTransferRow.hour_utc,
            DecisionTransferRow.moved_mw,
            DecisionTransferRow.arrived_mw,
        )
        .where(DecisionTransferRow.decision_id.in_(decision_ids))
        .order_by(DecisionTransferRow.decision_id, DecisionTransferRow.hour_utc)
    )
    found: dict[int, list[Transfer]] = {}
    for decision_id, hour_utc, moved_mw, arrived_mw in rows:
        # Before migrations could cost energy, what arrived was what had left.
        arrived = moved_mw if arrived_mw is None else arrived_mw
        transfer = Transfer(hour_utc=hour_utc, moved_mw=moved_mw, arrived_mw=arrived)
        found.setdefault(decision_id, []).append(transfer)
    return found


def lock_regions(session: Session, region_ids: Sequence[int]) -> None:
    """Make recorders of decisions that touch these regions wait for each other.

    Locks are taken in ascending order, so that two recorders cannot deadlock, and are
    held until the transaction ends. One lock per region covers all windows, because
    windows of neighbouring issue hours overlap.
    """
    for region_id in sorted(set(region_ids)):
        session.execute(
            text("select pg_advisory_xact_lock(hashtext('gfo_decision'), :region_id)"),
            {"region_id": region_id},
        )


def lock_actor(session: Session, actor_id: int) -> None:
    """Make what-ifs of one actor wait for each other, until the transaction ends."""
    session.execute(
        text("select pg_advisory_xact_lock(hashtext('gfo_what_if'), :actor_id)"),
        {"actor_id": actor_id},
    )


def net_loads(
    session: Session,
    region_ids: Collection[int],
    *,
    start_utc: datetime,
    n_hours: int,
    without_ids: Sequence[int] = (),
) -> dict[int, NetLoad]:
    """Sums of what live recorded decisions move, by region.

    Superseded and refused ones move nothing. `without_ids` are left out as well:
    decisions that are about to be superseded.
    """
    in_effect = is_stated(DecisionTransferRow.decision_id, DecisionState.IN_EFFECT)
    ends = (DecisionTransferRow.source_region_id, DecisionTransferRow.target_region_id)
    rows = session.execute(
        select(
            RegionRow.id,
            DecisionTransferRow.source_region_id,
            DecisionTransferRow.hour_utc,
            in_effect.label("in_effect"),
            DecisionTermRow.decision_id.is_not(None).label("has_term"),
            DecisionTermRow.ends_at_utc,
            func.sum(DecisionTransferRow.moved_mw),
            # Transfers older than the column lost nothing on their way.
            func.sum(
                func.coalesce(
                    DecisionTransferRow.arrived_mw, DecisionTransferRow.moved_mw
                )
            ),
        )
        .select_from(DecisionTransferRow)
        .join(RegionRow, or_(*(RegionRow.id == end for end in ends)))
        .outerjoin(
            DecisionTermRow,
            DecisionTermRow.decision_id == DecisionTransferRow.decision_id,
        )
        .where(
            RegionRow.id.in_(region_ids),
            or_(*(end.in_(region_ids) for end in ends)),
            moves_after(start_utc),
            DecisionTransferRow.hour_utc < start_utc + n_hours * HOUR,
            DecisionTransferRow.decision_id.not_in(without_ids),
            is_standing(DecisionTransferRow.decision_id),
        )
        .group_by(
            RegionRow.id,
            DecisionTransferRow.source_region_id,
            DecisionTransferRow.hour_utc,
            text("in_effect"),
            text("has_term"),
            DecisionTermRow.ends_at_utc,
        )
    )
    found = {
        region_id: NetLoad(
            moved_out_mw=np.zeros(n_hours),
            moved_in_mw=np.zeros(n_hours),
            in_effect_mw=np.zeros(n_hours),
        )
        for region_id in region_ids
    }
    for (
        region_id,
        source_id,
        hour_utc,
        is_in_effect,
        has_term,
        ends_at_utc,
        moved,
        arrived,
    ) in rows:
        first = hours_between(start_utc, hour_utc)
        until = n_hours if has_term else first + 1
        if ends_at_utc is not None:
            until = min(until, max(hours_between(start_utc, ends_at_utc), 0))
        # What outlasts its window does the same at the same hours of each day.
        hours = slice(first if first >= 0 else first % _DAY_H, until, _DAY_H)
        load = found[region_id]
        if source_id == region_id:
            load.moved_out_mw[hours] += moved
            change_mw = -moved
        else:
            load.moved_in_mw[hours] += arrived
            change_mw = arrived
        if is_in_effect:
            load.in_effect_mw[hours] += change_mw
    return found


def decision_by_id(session: Session, decision_id: int) -> StoredDecision:
    """A decision by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    found = _first(session, _query().where(DecisionRow.id == decision_id))
    if found is None:
        message = f"There is no decision {decision_id}."
        raise NotFound(message)
    return found


def what_if_by_inputs(
    session: Session, *, actor_id: int, inputs_sha256: str
) -> StoredDecision | None:
    """The what-if an actor already has for the same inputs."""
    return _first(
        session,
        _query().where(
            DecisionRow.kind == "what_if",
            DecisionRow.actor_id == actor_id,
            DecisionRow.inputs_sha256 == inputs_sha256,
        ),
    )


def automatic_inputs(
    session: Session, forecast_ids: Collection[int]
) -> set[tuple[int, str]]:
    """Forecasts and hashes of inputs on which automatic decisions were made already."""
    rows = session.execute(
        select(DecisionRow.source_forecast_id, DecisionRow.inputs_sha256).where(
            DecisionRow.kind == "automatic",
            DecisionRow.source_forecast_id.in_(forecast_ids),
        )
    )
    return {
        (forecast_id, sha256) for forecast_id, sha256 in rows if forecast_id is not None
    }


def decisions_of_plan(session: Session, plan_id: int) -> list[StoredDecision]:
    """The decisions that carry out a plan, in the order in which they were made."""
    query = _query().where(DecisionRow.plan_id == plan_id).order_by(DecisionRow.id)
    return [_decision(*row) for row in session.execute(query)]


def decisions_by_ids(
    session: Session, decision_ids: Sequence[int]
) -> dict[int, StoredDecision]:
    """Decisions by their ids; unknown ids are ignored."""
    query = _query().where(DecisionRow.id.in_(decision_ids))
    return {row[0].id: _decision(*row) for row in session.execute(query)}


def successor_of(session: Session, decision_id: int) -> StoredDecision | None:
    """The decision that superseded this one; None when there is none."""
    return _first(session, _query().where(DecisionRow.supersedes_id == decision_id))


_Query = Select[
    DecisionRow, str, str, str | None, bool, str | None, bool, datetime | None
]


@cache  # what it is built of takes longer than to run it
def _query() -> _Query:
    source, target, successor = (
        aliased(RegionRow),
        aliased(RegionRow),
        aliased(DecisionRow),
    )
    is_superseded = (
        select(successor.id).where(successor.supersedes_id == DecisionRow.id).exists()
    )
    return (
        select(
            DecisionRow,
            UserRow.name,
            source.slug,
            target.slug,
            is_superseded,
            newest_state(DecisionRow.id),
            DecisionTermRow.decision_id.is_not(None),
            DecisionTermRow.ends_at_utc,
        )
        .outerjoin(DecisionTermRow, DecisionTermRow.decision_id == DecisionRow.id)
        .join(UserRow, UserRow.id == DecisionRow.actor_id)
        .join(source, source.id == DecisionRow.source_region_id)
        .outerjoin(target, target.id == DecisionRow.target_region_id)
    )


def _first(session: Session, query: _Query) -> StoredDecision | None:
    row = session.execute(query.limit(1)).first()
    return None if row is None else _decision(*row)


def _decision(
    row: DecisionRow,
    actor_name: str,
    source_slug: str,
    target_slug: str | None,
    is_superseded: bool,
    stated: str | None,
    has_term: bool,
    ends_at_utc: datetime | None,
) -> StoredDecision:
    return StoredDecision(
        decision_id=row.id,
        created_at_utc=row.created_at_utc,
        actor_name=actor_name,
        source_slug=source_slug,
        target_slug=target_slug,
        is_superseded=is_superseded,
        stated=DecisionState(stated) if stated else None,
        is_open_ended=has_term and ends_at_utc is None,
        ends_at_utc=ends_at_utc,
        facts=NewDecision(
            **{name: getattr(row, name) for name in NewDecision.__slots__}
        ),
    )
