"""Logins: the cookie holds a random token, the table only its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.access import Actor, Role
from db.schema import (
    FederatedIdentityRow,
    PasskeyRow,
    SessionRow,
    TotpSecretRow,
    UserRow,
)


class EndReason(StrEnum):
    """Why a login ended before it expired."""

    LOGOUT = "logout"
    ENDED_BY_USER = "ended_by_user"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 -- a reason, not a password
    ROLE_CHANGED = "role_changed"
    DISABLED = "disabled"
    ENDED_BY_ADMIN = "ended_by_admin"
    RUN_OUT = "run_out"
    FACTORS_CHANGED = "factors_changed"
    ENDED_BY_PROVIDER = "ended_by_provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLogin:
    """What an identity provider said of a login.

    Attributes
    ----------
    proved_at_utc : datetime | None
        When it last saw the person; None when it does not say.
    sid : str | None
        Its own name of its session, by which it ends this login.
    refresh_token : str | None
        Encrypted; asks it again whether the login holds.
    """

    proved_at_utc: datetime | None = None
    sid: str | None = None
    refresh_token: str | None = field(default=None, repr=False)


LOCAL = ProviderLogin()
"""Of a login that no identity provider proved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A live login and its user.

    Attributes
    ----------
    has_second_factor : bool
        Whether the account has an authenticator app or a passkey now, or an identity
        provider, which asks for the factors that its organisation wants.
    """

    session_id: int
    actor: Actor
    must_change_password: bool
    has_second_factor: bool
    created_at_utc: datetime
    last_seen_at_utc: datetime
    expires_at_utc: datetime
    user_agent: str | None


def insert_session(
    session: Session,
    *,
    token_sha256: str,
    user_id: int,
    created_at_utc: datetime,
    expires_at_utc: datetime,
    address: str | None,
    user_agent: str | None,
    provider: ProviderLogin = LOCAL,
) -> int:
    """Store a new login; returns its id."""
    row = SessionRow(
        token_sha256=token_sha256,
        user_id=user_id,
        created_at_utc=created_at_utc,
        last_seen_at_utc=created_at_utc,
        expires_at_utc=expires_at_utc,
        proved_at_utc=provider.proved_at_utc,
        provider_sid=provider.sid,
        refresh_token=provider.refresh_token,
        checked_at_utc=created_at_utc if provider.refresh_token else None,
        address=address,
        user_agent=user_agent[:300] if user_agent else None,
    )
    session.add(row)
    session.flush()
    return row.id


def find_live_session(
    session: Session, token_sha256: str, *, now_utc: datetime, seen_since_utc: datetime
) -> LoginSession | None:
    """The live login of this token: not ended, expired or idle, and its user active."""
    rows = _live(
        session,
        SessionRow.token_sha256 == token_sha256,
        now_utc=now_utc,
        seen_since_utc=seen_since_utc,
    )
    return rows[0] if rows else None


def list_live_sessions(
    session: Session, user_id: int, *, now_utc: datetime, seen_since_utc: datetime
) -> list[LoginSession]:
    """A person's live logins, the latest used first."""
    return _live(
        session,
        SessionRow.user_id == user_id,
        now_utc=now_utc,
        seen_since_utc=seen_since_utc,
    )


def touch_session(session: Session, session_id: int, *, now_utc: datetime) -> None:
    """Restart the idle time of a login."""
    session.execute(
        update(SessionRow)
        .where(SessionRow.id == session_id, SessionRow.last_seen_at_utc < now_utc)
        .values(last_seen_at_utc=now_utc)
    )


def end_session(
    session: Session,
    session_id: int,
    *,
    user_id: int,
    now_utc: datetime,
    reason: EndReason,
) -> bool:
    """End one login of this person; False when it is not theirs or has ended."""
    ended = session.scalars(
        update(SessionRow)
        .where(
            SessionRow.id == session_id,
            SessionRow.user_id == user_id,
            SessionRow.ended_at_utc.is_(None),
        )
        .values(ended_at_utc=now_utc, end_reason=reason.value)
        .returning(SessionRow.id)
    ).all()
    return bool(ended)


def end_sessions_of_user(
    session: Session,
    user_id: int,
    *,
    now_utc: datetime,
    reason: EndReason,
    but_for: int | None = None,
) -> int:
    """End every login of this person, or all but one; returns how many there were."""
    ended = session.scalars(
        update(SessionRow)
        .where(
            SessionRow.user_id == user_id,
            SessionRow.ended_at_utc.is_(None),
            SessionRow.id.is_distinct_from(but_for),
        )
        .values(ended_at_utc=now_utc, end_reason=reason.value)
        .returning(SessionRow.id)
    ).all()
    return len(ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginToCheck:
    """A live login that its identity provider can be asked about."""

    session_id: int
    user_id: int
    issuer: str
    subject: str
    refresh_token: str = field(repr=False)


def logins_to_check(
    session: Session, *, now_utc: datetime, checked_before_utc: datetime
) -> list[LoginToCheck]:
    """Live logins whose provider was not asked since then."""
    rows = session.execute(
        select(SessionRow, FederatedIdentityRow)
        .join(FederatedIdentityRow, FederatedIdentityRow.user_id == SessionRow.user_id)
        .where(
            SessionRow.ended_at_utc.is_(None),
            SessionRow.expires_at_utc > now_utc,
            SessionRow.refresh_token.is_not(None),
            SessionRow.checked_at_utc <= checked_before_utc,
        )
        .order_by(SessionRow.checked_at_utc)
    )
    return [
        LoginToCheck(
            session_id=login.id,
            user_id=login.user_id,
            issuer=identity.issuer,
            subject=identity.subject,
            refresh_token=login.refresh_token or "",
        )
        for login, identity in rows
    ]


def note_check(
    session: Session, session_id: int, *, refresh_token: str, now_utc: datetime
) -> None:
    """Note that the provider confirmed a login, and the token for the next time."""
    session.execute(
        update(SessionRow)
        .where(SessionRow.id == session_id)
        .values(refresh_token=refresh_token, checked_at_utc=now_utc)
    )


def end_sessions_of_provider(
    session: Session, user_id: int | None, *, sid: str | None, now_utc: datetime
) -> dict[int, int]:
    """End the logins of a session of the provider, or of a person; user ids by id.

    A login whose provider named no session counts as any session of its person.
    """
    conditions: list[ColumnElement[bool]] = [SessionRow.ended_at_utc.is_(None)]
    if user_id is not None:
        conditions.append(SessionRow.user_id == user_id)
    if sid is not None:
        unnamed = SessionRow.provider_sid.is_(None) if user_id is not None else false()
        conditions.append(or_(SessionRow.provider_sid == sid, unnamed))
    rows = session.execute(
        update(SessionRow)
        .where(*conditions)
        .values(ended_at_utc=now_utc, end_reason=EndReason.ENDED_BY_PROVIDER.value)
        .returning(SessionRow.id, SessionRow.user_id)
    )
    return {row.id: row.user_id for row in rows}


def proved_at(session: Session, token_sha256: str) -> datetime | None:
    """When an identity provider saw the person of this login last."""
    return session.scalar(
        select(SessionRow.proved_at_utc).where(SessionRow.token_sha256 == token_sha256)
    )


def is_token_of_login(session: Session, token_sha256: str) -> bool:
    """Whether a login with this token ever began, and was not purged."""
    found = select(SessionRow.id).where(SessionRow.token_sha256 == token_sha256)
    return session.scalar(found) is not None


def end_run_out_sessions(
    session: Session,
    *,
    now_utc: datetime,
    seen_since_utc: datetime,
    token_sha256: str | None = None,
) -> dict[int, int]:
    """End the logins that expired or idled out, of one token or all; user ids by id.

    Once stored, their end holds even if the clock is set back.
    """
    statement = update(SessionRow).where(
        SessionRow.ended_at_utc.is_(None),
        or_(
            SessionRow.expires_at_utc <= now_utc,
            SessionRow.last_seen_at_utc <= seen_since_utc,
        ),
    )
    if token_sha256 is not None:
        statement = statement.where(SessionRow.token_sha256 == token_sha256)
    rows = session.execute(
        statement.values(
            ended_at_utc=now_utc, end_reason=EndReason.RUN_OUT.value
        ).returning(SessionRow.id, SessionRow.user_id)
    )
    return {row.id: row.user_id for row in rows}


def forget_refresh_tokens(session: Session) -> None:
    """Delete the tokens of logins that ended."""
    session.execute(
        update(SessionRow)
        .where(
            SessionRow.ended_at_utc.is_not(None), SessionRow.refresh_token.is_not(None)
        )
        .values(refresh_token=None)
    )


def purge_sessions(session: Session, *, ended_before_utc: datetime) -> int:
    """Delete logins that ended before then; returns how many."""
    gone = session.scalars(
        delete(SessionRow)
        .where(SessionRow.ended_at_utc < ended_before_utc)
        .returning(SessionRow.id)
    ).all()
    return len(gone)


def count_live_sessions(
    session: Session, *, now_utc: datetime, seen_since_utc: datetime
) -> dict[int, int]:
    """Number of live logins by user id."""
    rows = session.execute(
        select(SessionRow.user_id, func.count())
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(*_is_live(now_utc, seen_since_utc))
        .group_by(SessionRow.user_id)
    )
    return {row.user_id: row[1] for row in rows}


def runs_login(
    user_id: InstrumentedAttribute[int],
    now_utc: BindParameter[datetime],
    seen_since_utc: BindParameter[datetime],
) -> ColumnElement[bool]:
    """Condition: a login of this account has not ended, expired or idled out."""
    return exists().where(
        SessionRow.user_id == user_id, *_runs(now_utc, seen_since_utc)
    )


def _live(
    session: Session,
    *conditions: ColumnElement[bool],
    now_utc: datetime,
    seen_since_utc: datetime,
) -> list[LoginSession]:
    statement = (
        select(SessionRow, UserRow, _HAS_FACTOR)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(
            *conditions,
            *_is_live(now_utc, seen_since_utc),
        )
        .order_by(SessionRow.last_seen_at_utc.desc(), SessionRow.id.desc())
    )
    rows = session.execute(statement, execution_options={"populate_existing": True})
    return [_login_session(*row) for row in rows]


def _is_live(
    now_utc: datetime, seen_since_utc: datetime
) -> tuple[ColumnElement[bool], ...]:
    """Conditions of a live login, for sessions joined with users."""
    return (
        *_runs(now_utc, seen_since_utc),
        UserRow.is_active.is_(True),
        UserRow.is_system.is_(False),
    )


def _runs(
    now_utc: datetime | BindParameter[datetime],
    seen_since_utc: datetime | BindParameter[datetime],
) -> tuple[ColumnElement[bool], ...]:
    return (
        SessionRow.ended_at_utc.is_(None),
        SessionRow.expires_at_utc > now_utc,
        SessionRow.last_seen_at_utc > seen_since_utc,
    )


_HAS_FACTOR = or_(
    exists().where(TotpSecretRow.user_id == UserRow.id),
    exists().where(PasskeyRow.user_id == UserRow.id),
    exists().where(FederatedIdentityRow.user_id == UserRow.id),
)


def _login_session(
    login: SessionRow, user: UserRow, has_second_factor: bool
) -> LoginSession:
    return LoginSession(
        session_id=login.id,
        actor=Actor(
            user_id=user.id,
            name=user.name,
            role=Role(user.role),
            address=login.address,
            session_sha256=login.token_sha256,
        ),
        must_change_password=user.must_change_password,
        has_second_factor=has_second_factor,
        created_at_utc=login.created_at_utc,
        last_seen_at_utc=login.last_seen_at_utc,
        expires_at_utc=login.expires_at_utc,
        user_agent=login.user_agent,
    )
