"""Tries of logins, counted in one statement before anything is evaluated.

A subject is whose account is tried, or nobody's in particular; a place is where the
tries come from. All web processes share the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from db.schema import LoginLimitRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How often one may try before one has to wait, and how long.

    Attributes
    ----------
    free_count : int
        At least 2. From this try on each next one has to wait.
    first_wait, longest_wait : timedelta
        The first wait; it doubles with every try, up to the longest.
    forgotten_after : timedelta
        Without a try for so long, the count begins anew.
    """

    free_count: int
    first_wait: timedelta
    longest_wait: timedelta
    forgotten_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTry:
    """A try that may be evaluated, or how long it has to wait first.

    Attributes
    ----------
    try_count : int
        With this one; 0 for one that has to wait, which is not counted.
    """

    try_count: int
    wait: timedelta | None


# A wait that is longer than any means that the clock was set back: it is over.
# 2**10 is past every longest wait; a larger exponent could overflow.
_COUNT = text(
    """
    insert into login_limit as held
        (subject, place, try_count, last_at_utc, open_at_utc)
    values (:subject, :place, 1, :now, :now)
    on conflict (subject, place) do update set (try_count, last_at_utc, open_at_utc) = (
        select next.try_count, :now, :now + case
            when next.try_count < :free_count then interval '0'
            else least(
                :longest_wait,
                :first_wait * power(2, least(next.try_count - :free_count, 10))
            ) end
        from (
            select case
                when held.last_at_utc < :forgotten_before then 1
                else held.try_count + 1 end as try_count
        ) as next
    )
    where held.open_at_utc <= :now or held.open_at_utc > :now + :longest_wait
    returning try_count
    """
)


def count_try(
    session: Session, *, subject: str, place: str, limit: Limit, now: datetime
) -> CountedTry:
    """Count a try of `subject` at `place`, unless it has to wait."""
    counted = session.scalar(
        _COUNT,
        {
            "subject": subject,
            "place": place,
            "now": now,
            "free_count": limit.free_count,
            "first_wait": limit.first_wait,
            "longest_wait": limit.longest_wait,
            "forgotten_before": now - limit.forgotten_after,
        },
    )
    if counted is not None:
        return CountedTry(try_count=counted, wait=None)
    open_at_utc = session.scalar(
        select(LoginLimitRow.open_at_utc).where(
            LoginLimitRow.subject == subject, LoginLimitRow.place == place
        )
    )
    return CountedTry(try_count=0, wait=(open_at_utc or now) - now)


def forget_tries(session: Session, *, subject: str, place: str | None = None) -> None:
    """Forget the tries of a subject, at one place or everywhere."""
    statement = delete(LoginLimitRow).where(LoginLimitRow.subject == subject)
    if place is not None:
        statement = statement.where(LoginLimitRow.place == place)
    session.execute(statement)


def take_try_back(session: Session, *, subject: str, place: str, now: datetime) -> None:
    """Uncount a try that succeeded where the others stay counted."""
    session.execute(
        update(LoginLimitRow)
        .where(LoginLimitRow.subject == subject, LoginLimitRow.place == place)
        .values(
            try_count=func.greatest(LoginLimitRow.try_count - 1, 0),
            open_at_utc=func.least(LoginLimitRow.open_at_utc, now),
        )
    )


def purge_tries(session: Session, *, before_utc: datetime) -> None:
    """Delete counts without a try since `before_utc`."""
    session.execute(delete(LoginLimitRow).where(LoginLimitRow.last_at_utc < before_utc))
