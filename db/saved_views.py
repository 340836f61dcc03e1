"""Queries for the views that people saved."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import SavedViewRow


def views_of(session: Session, user_id: int, *, limit: int) -> dict[str, str]:
    """Addresses by name, in order of the names."""
    rows = session.execute(
        select(SavedViewRow.name, SavedViewRow.address)
        .where(SavedViewRow.user_id == user_id)
        .order_by(func.lower(SavedViewRow.name))
        .limit(limit)
    )
    return {row.name: row.address for row in rows}


def store_view(session: Session, user_id: int, name: str, address: str) -> None:
    """Keep an address under a name, in place of the one that had it."""
    session.execute(
        insert(SavedViewRow)
        .values(user_id=user_id, name=name, address=address)
        .on_conflict_do_update(
            index_elements=["user_id", "name"], set_={"address": address}
        )
    )


def delete_view(session: Session, user_id: int, name: str) -> None:
    """Forget a view."""
    session.execute(
        delete(SavedViewRow).where(
            SavedViewRow.user_id == user_id, SavedViewRow.name == name
        )
    )
