"""Queries on the rules for changes, and on changes that wait for a second person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from core.audit import AuditAction
from core.errors import Conflict, NotFound
from db.schema import (
    ApprovalAnswerRow,
    ApprovalRequestRow,
    AuditEventRow,
    ChangeRulesRow,
    UserRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRules:
    """By which rules models, limits and these rules themselves change.

    Attributes
    ----------
    two_people : bool
        A second person has to approve each change.
    signed_models_only : bool
        Only a model with a signature of a pinned key may be activated.
    """

    two_people: bool = False
    signed_models_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A change that a person asked for, and its answer.

    Attributes
    ----------
    act : str
        The name of the use case.
    effects : str
        Canonical text of the events that it would add.
    is_approved : bool | None
        None while nobody has answered.
    """

    approval_id: int
    act: str
    arguments: Mapping[str, object]
    effects: str
    asked_by_id: int
    asked_by: str
    asked_at_utc: datetime
    expires_at_utc: datetime
    is_approved: bool | None
    answered_by: str | None
    answered_at_utc: datetime | None


def change_rules(session: Session) -> ChangeRules:
    """The rules in force; before anybody set some, one person changes everything."""
    row = session.scalar(
        select(ChangeRulesRow).order_by(ChangeRulesRow.id.desc()).limit(1)
    )
    if row is None:
        return ChangeRules()
    return ChangeRules(
        two_people=row.two_people, signed_models_only=row.signed_models_only
    )


def insert_change_rules(
    session: Session, rules: ChangeRules, *, actor_id: int, reason: str
) -> None:
    """Add a version of the rules."""
    session.execute(
        insert(ChangeRulesRow).values(
            **asdict(rules), created_by_id=actor_id, reason=reason
        )
    )


def insert_approval_request(
    session: Session,
    *,
    act: str,
    arguments: Mapping[str, object],
    effects: str,
    asked_by_id: int,
    asked_at_utc: datetime,
    expires_at_utc: datetime,
) -> int:
    """Store a change that waits; returns its id."""
    row = ApprovalRequestRow(
        act=act,
        arguments=dict(arguments),
        effects=effects,
        asked_by_id=asked_by_id,
        asked_at_utc=asked_at_utc,
        expires_at_utc=expires_at_utc,
    )
    session.add(row)
    session.flush()
    return row.id


def insert_answer(
    session: Session,
    approval_id: int,
    *,
    is_approved: bool,
    answered_by_id: int,
    answered_at_utc: datetime,
) -> None:
    """Store the answer; of two at once the second waits for the first, then fails.

    Raises
    ------
    Conflict
        When it was answered already.
    """
    try:
        with session.begin_nested():
            session.execute(
                insert(ApprovalAnswerRow).values(
                    approval_id=approval_id,
                    is_approved=is_approved,
                    answered_by_id=answered_by_id,
                    answered_at_utc=answered_at_utc,
                )
            )
    except IntegrityError as exc:
        message = f"Request {approval_id} was answered already."
        raise Conflict(message) from exc


def find_approval(session: Session, approval_id: int) -> Approval:
    """A request by its id.

    Raises
    ------
    NotFound
        When there is none.
    """
    for found in list_approvals(session, limit=1, approval_id=approval_id):
        return found
    message = f"There is no request {approval_id}."
    raise NotFound(message)


def list_approvals(
    session: Session, *, limit: int, approval_id: int | None = None
) -> list[Approval]:
    """Requests and their answers, newest first."""
    answerer = aliased(UserRow)
    statement = (
        select(ApprovalRequestRow, UserRow.name, ApprovalAnswerRow, answerer.name)
        .join(UserRow, UserRow.id == ApprovalRequestRow.asked_by_id)
        .outerjoin(
            ApprovalAnswerRow, ApprovalAnswerRow.approval_id == ApprovalRequestRow.id
        )
        .outerjoin(answerer, answerer.id == ApprovalAnswerRow.answered_by_id)
        .order_by(ApprovalRequestRow.id.desc())
        .limit(limit)
    )
    if approval_id is not None:
        statement = statement.where(ApprovalRequestRow.id == approval_id)
    return [_approval(*row) for row in session.execute(statement)]


def changed_by_others(
    session: Session, user_id: int, *, since_utc: datetime
) -> datetime | None:
    """When somebody else last made this account, or got or gave a way into it."""
    return session.scalar(
        select(AuditEventRow.occurred_at_utc)
        .where(
            AuditEventRow.object_type == "user",
            AuditEventRow.object_id == str(user_id),
            AuditEventRow.action.in_(
                (
                    AuditAction.USER_ADDED,
                    AuditAction.USER_ENABLED,
                    AuditAction.USER_ROLE_CHANGED,
                    AuditAction.PASSWORD_RESET,
                    AuditAction.SECOND_FACTORS_RESET,
                )
            ),
            AuditEventRow.actor_id.is_distinct_from(user_id),
            AuditEventRow.occurred_at_utc > since_utc,
        )
        .order_by(AuditEventRow.seq.desc())
        .limit(1)
    )


def _approval(
    row: ApprovalRequestRow,
    asked_by: str,
    answer: ApprovalAnswerRow | None,
    answered_by: str | None,
) -> Approval:
    return Approval(
        approval_id=row.id,
        act=row.act,
        arguments=row.arguments,
        effects=row.effects,
        asked_by_id=row.asked_by_id,
        asked_by=asked_by,
        asked_at_utc=row.asked_at_utc,
        expires_at_utc=row.expires_at_utc,
        is_approved=answer.is_approved if answer else None,
        answered_by=answered_by,
        answered_at_utc=answer.answered_at_utc if answer else None,
    )
