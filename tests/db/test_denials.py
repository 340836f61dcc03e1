"""Counts of refused strangers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from db import denials
from db.denials import DenialKind
from db.engine import DatabaseUrls, make_engine

NOW = datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDRESS = "203.0.113.7"


def _count(session: Session, at: datetime, kind: DenialKind = DenialKind.LOGIN) -> None:
    denials.count_denial(session, address=ADDRESS, kind=kind, at_utc=at)


def _since(session: Session, since: datetime) -> int:
    return denials.denials_since(
        session, address=ADDRESS, kind=DenialKind.LOGIN, since_utc=since
    )


def test_counts_add_up_by_address_minute_and_kind(session: Session) -> None:
    for at in (NOW, NOW, NOW + MINUTE):
        _count(session, at)
    _count(session, NOW, DenialKind.ACCESS)
    assert _since(session, NOW) == 3
    assert _since(session, NOW + MINUTE) == 1
    assert _since(session, NOW + 2 * MINUTE) == 0


def test_finished_minutes_are_taken_once(session: Session) -> None:
    for at in (NOW, NOW, NOW + MINUTE):
        _count(session, at)
    assert denials.take_unreported(session, now_utc=NOW) == []
    (taken,) = denials.take_unreported(session, now_utc=NOW + MINUTE)
    assert taken.count == 2
    assert taken.minute_utc == NOW.replace(second=0)
    assert denials.take_unreported(session, now_utc=NOW + MINUTE) == []


def test_two_processes_never_take_the_same_count(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.app)
    with Session(engine) as writer, writer.begin():
        _count(writer, NOW)
    with Session(engine) as first, Session(engine) as second:
        assert len(denials.take_unreported(first, now_utc=NOW + MINUTE)) == 1
        assert denials.take_unreported(second, now_utc=NOW + MINUTE) == []
    engine.dispose()


def test_only_what_is_reported_is_forgotten(session: Session) -> None:
    _count(session, NOW)
    denials.forget_reported(session, before_utc=NOW + MINUTE)
    assert _since(session, NOW) == 1
    denials.take_unreported(session, now_utc=NOW + MINUTE)
    denials.forget_reported(session, before_utc=NOW + MINUTE)
    assert _since(session, NOW) == 0
