"""Counts of refused strangers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from db import denials
from db.denials import DenialKind
from db.engine import DatabaseUrls, make_engine
from db.users import system_actor

NOW = datetime(2026, 3, 2, 8, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDRESS = "203.0.113.7"


def _count(session: Session, at: datetime, kind: DenialKind = DenialKind.LOGIN) -> None:
    denials.count_denial(session, address=ADDRESS, kind=kind, at_utc=at)


def _counts(session: Session) -> list[tuple[DenialKind, int]]:
    taken = denials.take_unreported(session, now_utc=NOW + 9 * MINUTE)
    return [(denial.kind, denial.count) for denial in taken]


def test_counts_add_up_by_address_minute_and_kind(session: Session) -> None:
    for at in (NOW, NOW, NOW + MINUTE):
        _count(session, at)
    _count(session, NOW, DenialKind.ACCESS)
    assert sorted(_counts(session)) == [
        (DenialKind.ACCESS, 1),
        (DenialKind.LOGIN, 1),
        (DenialKind.LOGIN, 2),
    ]


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
    rows = text("select count(*) from denial_count")
    _count(session, NOW)
    denials.forget_reported(session, before_utc=NOW + MINUTE)
    assert session.scalar(rows) == 1
    denials.take_unreported(session, now_utc=NOW + MINUTE)
    denials.forget_reported(session, before_utc=NOW + MINUTE)
    assert session.scalar(rows) == 0


def test_refusals_of_a_person_are_taken_once_for_a_minute(session: Session) -> None:
    user_id = system_actor(session, "cli").user_id
    for wanted in ("a", "a", "b"):
        denials.count_refused_person(
            session, user_id=user_id, wanted=wanted, address=ADDRESS, at_utc=NOW
        )
    assert denials.take_unreported_people(session, now_utc=NOW) == []
    (taken,) = denials.take_unreported_people(session, now_utc=NOW + MINUTE)
    assert (taken.user_id, taken.counts) == (user_id, {"a": 2, "b": 1})
    assert denials.take_unreported_people(session, now_utc=NOW + MINUTE) == []
