"""Which of several sources is used, and that they do not change places all the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.feed_choice import RETURN_AFTER, FeedSource, choose_source

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def source(feed_id: int, age_h: float | None = 0.5, steady_h: float = 9) -> FeedSource:
    return FeedSource(
        feed_id=feed_id,
        name=f"feed {feed_id}",
        priority=feed_id,
        good_until_utc=None if age_h is None else NOW - age_h * HOUR,
        good_since_utc=NOW - steady_h * HOUR,
        stale_after=3 * HOUR,
    )


def chosen(sources: list[FeedSource], current: int | None) -> int | None:
    choice = choose_source(sources, current, NOW)
    return None if choice is None else choice.source.feed_id


def test_the_first_fresh_source_is_used() -> None:
    assert chosen([], None) is None
    assert chosen([source(2), source(1)], None) == 1
    assert chosen([source(2), source(1, age_h=3.1)], None) == 2
    assert chosen([source(1, age_h=3.0), source(2)], 1) == 1
    assert chosen([source(1, age_h=3.1), source(2)], 1) == 2
    assert chosen([source(1, age_h=None), source(2, age_h=None)], None) == 1


def test_without_any_fresh_source_nothing_changes() -> None:
    assert chosen([source(1, age_h=9), source(2, age_h=8)], 1) == 1
    assert chosen([source(1, age_h=9), source(2, age_h=8)], 2) == 2


def test_an_earlier_source_returns_only_when_it_is_steady() -> None:
    hours = RETURN_AFTER / HOUR
    assert chosen([source(1, steady_h=hours - 0.1), source(2)], 2) == 2
    assert chosen([source(1, steady_h=hours), source(2)], 2) == 1
    unsure = replace(source(1), good_since_utc=None)
    assert chosen([unsure, source(2)], 2) == 2
    assert chosen([unsure, source(2, age_h=9)], 2) == 1  # better than a stale one
    assert chosen([source(1), source(2)], 1) == 1  # a later one never returns


def test_a_failing_source_is_left_at_once_for_newer_hours() -> None:
    failing = replace(source(1, age_h=1.0), good_since_utc=None)
    assert chosen([failing, source(2, age_h=1.0)], 1) == 1  # nothing newer
    choice = choose_source([failing, source(2)], 1, NOW)
    assert choice is not None
    assert choice.source.feed_id == 2
    assert choice.reason == "feed 1 fails, and this one has newer hours."
    assert chosen([failing, replace(source(2), good_since_utc=None)], 1) == 1


def test_a_paused_or_removed_source_is_left() -> None:
    paused = replace(source(1), is_paused=True)
    choice = choose_source([paused, source(2)], 1, NOW)
    assert choice is not None
    assert (choice.source.feed_id, choice.reason) == (2, "feed 1 is paused.")
    assert chosen([source(2), source(3)], 1) == 2


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_however_two_sources_fail_the_newest_hour_is_used_and_nobody_flaps(
    answered: list[tuple[bool, bool]],
) -> None:
    """Each hour some answer; what a source says is as old as its last answer."""
    good_until = [NOW, NOW]
    good_since: list[datetime | None] = [NOW, NOW]
    current, returns = 1, []
    for hour, answers in enumerate(answered, start=1):
        now = NOW + hour * HOUR
        for index, has_answered in enumerate(answers):
            if has_answered:
                good_until[index] = now
                good_since[index] = good_since[index] or now
            else:
                good_since[index] = None
        sources = [
            FeedSource(
                feed_id=index + 1,
                name="",
                priority=index + 1,
                good_until_utc=good_until[index],
                good_since_utc=good_since[index],
                stale_after=2 * HOUR,
            )
            for index in range(2)
        ]
        choice = choose_source(sources, current, now)
        assert choice is not None
        if any(answers):
            assert choice.source.good_until_utc == now
        if choice.source.feed_id == 1 and current == 2 and answers[1]:
            returns.append(now)
        current = choice.source.feed_id
    gaps = [later - former for former, later in pairwise(returns)]
    assert all(gap >= RETURN_AFTER for gap in gaps)
