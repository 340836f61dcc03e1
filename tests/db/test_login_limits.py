"""Tries counted before they are evaluated."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from db.engine import DatabaseUrls, make_engine
from db.login_limits import (
    CountedTry,
    Limit,
    count_try,
    forget_tries,
    purge_tries,
    take_try_back,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LIMIT = Limit(
    free_count=5,
    first_wait=timedelta(seconds=15),
    longest_wait=timedelta(minutes=15),
    forgotten_after=timedelta(hours=24),
)


def _try(
    session: Session, now: datetime = NOW, subject: str = "user:1", place: str = "a"
) -> CountedTry:
    return count_try(session, subject=subject, place=place, limit=LIMIT, now=now)


def test_five_tries_are_free_and_the_next_ones_wait_twice_as_long_each(
    session: Session,
) -> None:
    assert [_try(session).try_count for _ in range(5)] == [1, 2, 3, 4, 5]
    now, waits_s = NOW, []
    for _ in range(9):
        wait = _try(session, now).wait
        assert wait is not None
        waits_s.append(wait.total_seconds())
        now += wait
        assert _try(session, now).wait is None
    assert waits_s == [15, 30, 60, 120, 240, 480, 900, 900, 900]


def test_a_try_that_has_to_wait_does_not_prolong_the_wait(session: Session) -> None:
    for _ in range(5):
        _try(session)
    for second in range(0, 15, 5):
        assert _try(session, NOW + timedelta(seconds=second)).wait is not None
    assert _try(session, NOW + timedelta(seconds=15)).try_count == 6


def test_other_subjects_and_places_do_not_wait(session: Session) -> None:
    for _ in range(6):
        _try(session)
    assert _try(session).wait is not None
    assert _try(session, subject="user:2").wait is None
    assert _try(session, place="b").wait is None


@pytest.mark.parametrize("quiet_h", [25, 24 * 400])
def test_a_day_without_a_try_forgets_the_others(session: Session, quiet_h: int) -> None:
    for _ in range(5):
        _try(session)
    assert _try(session, NOW + timedelta(hours=quiet_h)).try_count == 1


def test_a_clock_set_back_does_not_lock_for_long(session: Session) -> None:
    for _ in range(5):
        _try(session, NOW + timedelta(days=300))
    assert _try(session).wait is None


def test_what_succeeded_is_forgotten_or_taken_back(session: Session) -> None:
    for _ in range(5):
        _try(session)
    take_try_back(session, subject="user:1", place="a", now=NOW)
    assert _try(session).try_count == 5
    _try(session, place="b")
    forget_tries(session, subject="user:1", place="a")
    assert _try(session).try_count == 1
    assert _try(session, place="b").try_count == 2
    forget_tries(session, subject="user:1")
    assert _try(session, place="b").try_count == 1


def test_old_counts_are_purged(session: Session) -> None:
    _try(session)
    purge_tries(session, before_utc=NOW)
    assert _try(session).try_count == 2
    purge_tries(session, before_utc=NOW + timedelta(seconds=1))
    assert _try(session).try_count == 1


def test_of_parallel_tries_exactly_the_free_ones_are_evaluated(
    database_urls: DatabaseUrls,
) -> None:
    engine = make_engine(database_urls.app, pool_size=20)
    start, evaluated = threading.Barrier(20), []

    def attempt() -> None:
        start.wait()
        for _ in range(6):
            with Session(engine) as session, session.begin():
                counted = _try(session)
            if counted.wait is None:
                evaluated.append(counted.try_count)

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    engine.dispose()
    assert sorted(evaluated) == [1, 2, 3, 4, 5]
