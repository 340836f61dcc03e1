"""Queries on accounts: people, and the system users that processes act as."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.errors import Conflict, NotFound
from db.schema import ApiTokenRow, UserRow


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account as stored; the hash never shows in a log or a traceback."""

    user_id: int
    name: str
    role: Role
    is_system: bool
    is_service: bool
    is_active: bool
    must_change_password: bool
    created_at_utc: datetime
    one_time_until_utc: datetime | None
    password_hash: str | None = field(repr=False)

    def as_actor(
        self, address: str | None = None, session_sha256: str | None = None
    ) -> Actor:
        """The account as somebody who acts, from an address and in a login."""
        return Actor(
            user_id=self.user_id,
            name=self.name,
            role=self.role,
            address=address,
            session_sha256=session_sha256,
        )


def find_user(session: Session, user_id: int, *, lock: bool = False) -> User | None:
    """The account with this id; `lock` holds its row until the transaction ends."""
    return _one(session, select(UserRow).where(UserRow.id == user_id), lock=lock)


def find_user_by_name(
    session: Session, name: str, *, lock: bool = False
) -> User | None:
    """The account with this name, ignoring case."""
    statement = select(UserRow).where(func.lower(UserRow.name) == func.lower(name))
    return _one(session, statement, lock=lock)


def list_users(session: Session) -> list[User]:
    """Accounts in the order of their names."""
    rows = session.scalars(select(UserRow).order_by(func.lower(UserRow.name)))
    return [_user(row) for row in rows]


def insert_user(
    session: Session,
    *,
    name: str,
    role: Role,
    password_hash: str,
    must_change_password: bool,
    one_time_until_utc: datetime | None = None,
) -> User:
    """Store a new person.

    Raises Conflict when the name is taken, ignoring case.
    """
    row = UserRow(
        name=name,
        role=role.value,
        password_hash=password_hash,
        must_change_password=must_change_password,
        one_time_until_utc=one_time_until_utc,
    )
    return _inserted(session, row)


def insert_service_account(session: Session, *, name: str, role: Role) -> User:
    """Store an account that only API tokens act for; raises as `insert_user`."""
    row = UserRow(name=name, role=role.value, is_system=True, is_service=True)
    return _inserted(session, row)


def _inserted(session: Session, row: UserRow) -> User:
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as exc:
        message = f"There is already a user called {row.name}."
        raise Conflict(message) from exc
    session.refresh(row)
    return _user(row)


def set_password(
    session: Session,
    user_id: int,
    password_hash: str,
    *,
    one_time_until_utc: datetime | None = None,
) -> None:
    """Replace the password.

    With `one_time_until_utc` it is a one-time password, to be changed before then, and
    the account's API tokens end.
    """
    if one_time_until_utc is not None:
        end_tokens(session, user_id)
    _update(
        session,
        user_id,
        password_hash=password_hash,
        must_change_password=one_time_until_utc is not None,
        one_time_until_utc=one_time_until_utc,
    )


def set_password_hash(session: Session, user_id: int, password_hash: str) -> None:
    """Store the same password under newer parameters."""
    _update(session, user_id, password_hash=password_hash)


def set_active(session: Session, user_id: int, *, is_active: bool) -> None:
    """Allow or refuse logins of this account; its API tokens end either way."""
    end_tokens(session, user_id)
    _update(session, user_id, is_active=is_active)


def set_role(session: Session, user_id: int, role: Role) -> None:
    """Give the account another role; its API tokens end."""
    end_tokens(session, user_id)
    _update(session, user_id, role=role.value)


def lock_active_admins(session: Session) -> list[int]:
    """Ids of the admins who can log in, locked until the transaction ends."""
    statement = (
        select(UserRow.id)
        .where(
            UserRow.role == Role.ADMIN.value,
            UserRow.is_active.is_(True),
            UserRow.is_system.is_(False),
        )
        .order_by(UserRow.id)
        .with_for_update()
    )
    return list(session.scalars(statement))


def has_people(session: Session) -> bool:
    """Whether any account other than system users exists."""
    statement = select(UserRow.id).where(UserRow.is_system.is_(False)).limit(1)
    return session.scalar(statement) is not None


def system_actor(session: Session, name: str) -> Actor:
    """The system user `name` as an actor: what the worker and commands act as."""
    user = find_user_by_name(session, name)
    if user is None or not user.is_system or user.is_service:
        message = f"There is no system user called {name}."
        raise NotFound(message)
    return user.as_actor()


def _one(session: Session, statement: Select[UserRow], *, lock: bool) -> User | None:
    if lock:
        statement = statement.with_for_update()
    # A row read before the lock was granted may be outdated.
    row = session.scalars(
        statement, execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else _user(row)


def end_tokens(session: Session, user_id: int) -> None:
    """End the account's API tokens for good."""
    session.execute(
        update(ApiTokenRow)
        .where(ApiTokenRow.user_id == user_id, ApiTokenRow.revoked_at_utc.is_(None))
        .values(revoked_at_utc=func.now())
    )


def _update(session: Session, user_id: int, **values: object) -> None:
    session.execute(update(UserRow).where(UserRow.id == user_id).values(**values))


def _user(row: UserRow) -> User:
    return User(
        user_id=row.id,
        name=row.name,
        role=Role(row.role),
        is_system=row.is_system,
        is_service=row.is_service,
        is_active=row.is_active,
        must_change_password=row.must_change_password,
        created_at_utc=row.created_at_utc,
        one_time_until_utc=row.one_time_until_utc,
        password_hash=row.password_hash,
    )
