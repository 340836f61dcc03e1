"""Accounts as stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import Role
from core.errors import Conflict, NotFound
from db import users

LATER = datetime(2026, 3, 5, 8, tzinfo=UTC)
HASH = "$argon2id$not-a-real-one"


def _add(session: Session, name: str = "Ada", role: Role = Role.OPERATOR) -> users.User:
    return users.insert_user(
        session, name=name, role=role, password_hash=HASH, must_change_password=False
    )


def test_a_name_is_found_in_any_capitals(session: Session) -> None:
    made = _add(session, "Ada")
    assert users.find_user_by_name(session, "aDA") == made
    assert users.find_user(session, made.user_id) == made
    assert users.find_user_by_name(session, "Ad") is None


def test_a_name_is_taken_in_any_capitals_and_the_session_lives_on(
    session: Session,
) -> None:
    _add(session, "Ada")
    with pytest.raises(Conflict, match="already a user called ADA"):
        _add(session, "ADA")
    assert users.find_user_by_name(session, "ada") is not None


def test_the_hash_never_shows(session: Session) -> None:
    assert HASH not in repr(_add(session))


def test_a_one_time_password_must_be_changed(session: Session) -> None:
    made = _add(session)
    users.set_password(session, made.user_id, HASH + "2", one_time_until_utc=LATER)
    changed = users.find_user(session, made.user_id)
    assert changed is not None
    assert changed.password_hash == HASH + "2"
    assert changed.must_change_password
    assert changed.one_time_until_utc == LATER


def test_only_admins_who_can_log_in_count_as_admins(session: Session) -> None:
    able = _add(session, "able", Role.ADMIN)
    disabled = _add(session, "disabled", Role.ADMIN)
    users.set_active(session, disabled.user_id, is_active=False)
    _add(session, "operator")
    assert users.lock_active_admins(session) == [able.user_id]


def test_system_users_are_no_people(session: Session) -> None:
    assert not users.has_people(session)
    _add(session)
    assert users.has_people(session)


def test_processes_act_as_system_users_only(session: Session) -> None:
    assert users.system_actor(session, "cli").role is Role.ADMIN
    _add(session, "ada")
    with pytest.raises(NotFound):
        users.system_actor(session, "ada")
    with pytest.raises(NotFound):
        users.system_actor(session, "nobody")


def test_the_list_is_in_the_order_of_names(session: Session) -> None:
    others = [f"person {number:03}" for number in range(600)]
    for name in ("zoe", "Ada", "bob", *others):
        _add(session, name)
    people = [user.name for user in users.list_users(session) if not user.is_system]
    assert people == ["Ada", "bob", *others, "zoe"]


def test_the_database_refuses_a_system_user_with_a_password(session: Session) -> None:
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text("update app_user set password_hash = 'x' where name = 'cli'")
        )
