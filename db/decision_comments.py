"""Queries on what people write about decisions after they were taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db.schema import DecisionCommentRow, UserRow


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionComment:
    """What somebody wrote about a decision."""

    actor_name: str
    written_at_utc: datetime
    text: str


def insert_comment(
    session: Session, *, decision_id: int, actor_id: int, text: str
) -> None:
    """Store a comment."""
    session.execute(
        insert(DecisionCommentRow).values(
            decision_id=decision_id, actor_id=actor_id, comment=text
        )
    )


def comments_of(
    session: Session, decision_ids: Sequence[int]
) -> dict[int, tuple[DecisionComment, ...]]:
    """The comments of each decision, oldest first; none for most."""
    rows = session.execute(
        select(DecisionCommentRow, UserRow.name)
        .join(UserRow, UserRow.id == DecisionCommentRow.actor_id)
        .where(DecisionCommentRow.decision_id.in_(decision_ids))
        .order_by(DecisionCommentRow.id)
    )
    found: dict[int, tuple[DecisionComment, ...]] = {}
    for row, name in rows:
        comment = DecisionComment(
            actor_name=name, written_at_utc=row.created_at_utc, text=row.comment
        )
        found[row.decision_id] = (*found.get(row.decision_id, ()), comment)
    return found
