"""Logins as stored: when they live and who ends them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.access import Role
from db import sessions, users
from db.sessions import EndReason, LoginSession

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
IDLE = timedelta(minutes=30)
TOKEN = "a" * 64


@pytest.fixture
def user_id(session: Session) -> int:
    return users.insert_user(
        session,
        name="ada",
        role=Role.OPERATOR,
        password_hash="hash",
        must_change_password=False,
    ).user_id


def _open(session: Session, user_id: int, token: str = TOKEN) -> int:
    return sessions.insert_session(
        session,
        token_sha256=token,
        user_id=user_id,
        created_at_utc=NOW,
        expires_at_utc=NOW + timedelta(hours=12),
        address="203.0.113.7",
        user_agent="x" * 500,
    )


def _find(session: Session, at: datetime, token: str = TOKEN) -> LoginSession | None:
    return sessions.find_live_session(
        session, token, now_utc=at, seen_since_utc=at - IDLE
    )


def test_a_login_tells_who_and_where(session: Session, user_id: int) -> None:
    session_id = _open(session, user_id)
    login = _find(session, NOW)
    assert login is not None
    assert login.session_id == session_id
    assert login.actor.name == "ada"
    assert login.actor.role is Role.OPERATOR
    assert login.actor.address == "203.0.113.7"
    assert login.actor.session_sha256 == TOKEN
    assert len(login.user_agent or "") == 300


def test_another_token_finds_nothing(session: Session, user_id: int) -> None:
    _open(session, user_id)
    assert _find(session, NOW, "b" * 64) is None


@pytest.mark.parametrize(
    ("minutes", "is_alive"), [(0, True), (29, True), (30, False), (31, False)]
)
def test_an_idle_login_is_over(
    session: Session, user_id: int, minutes: int, is_alive: bool
) -> None:
    _open(session, user_id)
    found = _find(session, NOW + timedelta(minutes=minutes))
    assert (found is not None) is is_alive


def test_activity_extends_idle_time_but_not_the_end(
    session: Session, user_id: int
) -> None:
    session_id = _open(session, user_id)
    late = NOW + timedelta(hours=12)
    sessions.touch_session(session, session_id, now_utc=late - timedelta(minutes=1))
    assert _find(session, late - timedelta(seconds=1)) is not None
    assert _find(session, late) is None


def test_activity_never_moves_backwards(session: Session, user_id: int) -> None:
    session_id = _open(session, user_id)
    sessions.touch_session(session, session_id, now_utc=NOW + timedelta(minutes=20))
    sessions.touch_session(session, session_id, now_utc=NOW + timedelta(minutes=10))
    assert _find(session, NOW + timedelta(minutes=45)) is not None


def test_a_disabled_user_has_no_live_login(session: Session, user_id: int) -> None:
    _open(session, user_id)
    users.set_active(session, user_id, is_active=False)
    assert _find(session, NOW) is None


def test_nobody_ends_the_login_of_another(session: Session, user_id: int) -> None:
    session_id = _open(session, user_id)
    for ender, expected in ((user_id + 1, False), (user_id, True), (user_id, False)):
        ended = sessions.end_session(
            session,
            session_id,
            user_id=ender,
            now_utc=NOW,
            reason=EndReason.ENDED_BY_USER,
        )
        assert ended is expected
    assert _find(session, NOW) is None


def test_all_logins_of_a_user_end_at_once(session: Session, user_id: int) -> None:
    tokens = [f"{number:064}" for number in range(120)]
    for token in tokens:
        _open(session, user_id, token)
    listed = sessions.list_live_sessions(
        session, user_id, now_utc=NOW, seen_since_utc=NOW - IDLE
    )
    assert len(listed) == 120
    ended = sessions.end_sessions_of_user(
        session, user_id, now_utc=NOW, reason=EndReason.DISABLED
    )
    assert ended == 120
    assert all(_find(session, NOW, token) is None for token in tokens)
