"""Queries on the health of serving models: one row per target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.forecasts import Target
from db.schema import ModelHealthRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An active model that cannot be used, why, and since when."""

    target: Target
    reason: str
    since_utc: datetime


def set_unavailable(session: Session, *, target: Target, reason: str) -> bool:
    """Store that the active model cannot be used; True when it could before."""
    return _set(session, target, reason)


def set_available(session: Session, target: Target) -> bool:
    """Store that the active model answers; True when it did not before."""
    return _set(session, target, None)


def _set(session: Session, target: Target, reason: str | None) -> bool:
    is_available = reason is None
    values = {"is_available": is_available, "reason": reason}
    changed = session.scalar(
        insert(ModelHealthRow)
        .values(target=target.value, **values)
        .on_conflict_do_update(
            index_elements=["target"],
            set_={**values, "changed_at_utc": func.now()},
            # An outage keeps its start and its first reason.
            where=ModelHealthRow.is_available.is_distinct_from(is_available),
        )
        .returning(ModelHealthRow.target)
    )
    return changed is not None


def outages(session: Session) -> dict[Target, Outage]:
    """Targets whose active model cannot be used."""
    rows = session.scalars(select(ModelHealthRow).where(~ModelHealthRow.is_available))
    return {
        Target(row.target): Outage(
            target=Target(row.target),
            reason=row.reason or "",
            since_utc=row.changed_at_utc,
        )
        for row in rows
    }
