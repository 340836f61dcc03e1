"""The life of an alarm, by examples and by properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.alarm_conditions import (
    FeedReading,
    RegionReading,
    feed_condition,
    populations_of,
    region_conditions,
)
from core.alarm_kinds import DEFINITIONS, HIGH_SHARE, AlarmKind, AlarmPriority
from core.alarms import (
    ALL,
    INSTALLATION,
    LONGEST_SHELVING_H,
    AlarmChange,
    AlarmCondition,
    AlarmKey,
    AlarmState,
    Evaluation,
    acknowledge,
    advance,
    evaluate,
    put_back_in_service,
    shelve,
    take_out_of_service,
    unshelve,
)
from core.errors import Conflict, InvalidInput
from core.outcomes import ReasonCode

NOW = datetime(2025, 7, 20, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
Evidence = tuple[list[RegionReading], list[FeedReading]]
CALM = RegionReading(
    slug="arizona",
    name="Arizona",
    limit_c=35.0,
    max_age_h=3.0,
    it_capacity_mw=100.0,
    created_at_utc=NOW - 100 * HOUR,
    temperature_c=30.0,
    known_until_utc=NOW,
    it_load_mw=60.0,
    issued_at_utc=NOW,
    reason_code=ReasonCode.WITHIN_ENVELOPE,
    chance=0.02,
    model_version_id=1,
)


def held_and_on(reading: RegionReading, now: datetime = NOW) -> dict[AlarmKind, bool]:
    return {item.kind: item.is_held for item in region_conditions(reading, now)}


def condition(
    kind: AlarmKind = AlarmKind.BREACH_NOW, cause: str = "region:arizona"
) -> AlarmCondition:
    return AlarmCondition(kind=kind, cause=cause, text="hot", since_utc=NOW)


def alarm(kind: AlarmKind = AlarmKind.BREACH_NOW) -> AlarmState:
    state, changes = advance(None, condition(kind), now=NOW + HOUR)
    assert state is not None
    assert changes == (AlarmChange.RAISED,)
    return state


def look(
    readings: Sequence[RegionReading],
    feeds: Sequence[FeedReading] = (),
    before: dict[AlarmKey, AlarmState] | None = None,
    now: datetime = NOW,
) -> Evaluation:
    found = [item for one in readings for item in region_conditions(one, now)]
    found += [item for one in feeds if (item := feed_condition(one)) is not None]
    populations = populations_of(readings, feeds)
    return evaluate(before or {}, found, populations=populations, now=now)


def raised(evaluation: Evaluation) -> list[AlarmKey]:
    return [s.key for s, made in evaluation.changes if made is AlarmChange.RAISED]


def test_every_kind_is_written_once_and_few_are_of_high_priority() -> None:
    assert set(DEFINITIONS) == set(AlarmKind)
    assert HIGH_SHARE == 0.2
    order = list(AlarmKind)
    for kind, definition in DEFINITIONS.items():
        # Explanations cannot run in a circle, and hide nothing of high priority.
        assert all(
            order.index(cause) < order.index(kind) for cause in definition.explained_by
        )
        assert not (
            definition.priority is AlarmPriority.HIGH and definition.explained_by
        )


def test_blocked_by_rule_is_no_alarm() -> None:
    blocked = replace(CALM, reason_code=ReasonCode.OVER_LIMIT, chance=0.3)
    assert held_and_on(blocked) == {}
    assert raised(look([blocked])) == []


CONDITIONS: list[tuple[dict[str, object], AlarmKind]] = [
    ({"temperature_c": 35.1}, AlarmKind.BREACH_NOW),
    ({"chance": 0.5}, AlarmKind.BREACH_PREDICTED),
    ({"it_load_mw": 95.0}, AlarmKind.CAPACITY_NEAR),
    ({"known_until_utc": NOW - 4 * HOUR}, AlarmKind.TELEMETRY_STALE),
    (
        {"temperature_c": None, "known_until_utc": None},
        AlarmKind.TELEMETRY_MISSING,
    ),
    ({"reason_code": ReasonCode.TELEMETRY_GAP}, AlarmKind.TELEMETRY_MISSING),
    ({"reason_code": ReasonCode.TELEMETRY_SUSPECT}, AlarmKind.TELEMETRY_SUSPECT),
    ({"reason_code": ReasonCode.MODEL_IMPLAUSIBLE}, AlarmKind.MODEL_IMPLAUSIBLE),
    ({"is_drifting": True}, AlarmKind.MODEL_DRIFTING),
    ({"above_bound_text": "above"}, AlarmKind.BOUND_EXCEEDED),
]


@pytest.mark.parametrize(("change", "kind"), CONDITIONS)
def test_each_condition_of_a_region(change: dict[str, object], kind: AlarmKind) -> None:
    found = held_and_on(replace(CALM, **change))  # type: ignore[arg-type]
    assert found[kind] is False
    later = NOW + 5 * HOUR if kind is AlarmKind.TELEMETRY_STALE else NOW
    assert kind in held_and_on(replace(CALM, **change), later)  # type: ignore[arg-type]


def lives(
    kind: AlarmKind,
    bad: Callable[[datetime], Evidence],
    calm: Callable[[datetime], Evidence],
) -> list[AlarmChange]:
    """What happens to alarms of a kind in six bad hours and two calm days."""
    before: dict[AlarmKey, AlarmState] = {}
    changes: list[AlarmChange] = []
    for half_hours in range(110):
        now = NOW + half_hours * HOUR / 2
        readings, feeds = (bad if half_hours < 13 else calm)(now)
        found = look(readings, feeds, before, now)
        before |= {state.key: state for state in found.states}
        changes += [made for state, made in found.changes if state.kind is kind]
    return changes


def calm_at(now: datetime) -> Evidence:
    hour = now.replace(minute=0)
    return [replace(CALM, known_until_utc=hour, issued_at_utc=hour)], []


@pytest.mark.parametrize(("change", "kind"), CONDITIONS)
def test_each_condition_of_a_region_is_raised_and_cleared(
    change: dict[str, object], kind: AlarmKind
) -> None:
    def bad_at(now: datetime) -> Evidence:
        (calm,), feeds = calm_at(now)
        return [replace(calm, **change)], feeds  # type: ignore[arg-type]

    assert lives(kind, bad_at, calm_at) == [AlarmChange.RAISED, AlarmChange.CLEARED]


def test_a_failing_feed_is_raised_and_cleared() -> None:
    def failing_at(now: datetime) -> Evidence:
        feed = FeedReading(name="w", failures_in_a_row=2, failing_since_utc=NOW)
        return calm_at(now)[0], [feed]

    found = lives(AlarmKind.FEED_FAILING, failing_at, calm_at)
    assert found == [AlarmChange.RAISED, AlarmChange.CLEARED]


def test_within_the_deadband_nothing_begins_and_nothing_ends() -> None:
    near = replace(CALM, temperature_c=34.8, chance=0.4, it_load_mw=93.0)
    assert held_and_on(near) == {
        AlarmKind.BREACH_NOW: True,
        AlarmKind.BREACH_PREDICTED: True,
        AlarmKind.CAPACITY_NEAR: True,
    }
    assert raised(look([near])) == []
    active = alarm()
    stays = look([near], before={active.key: active}, now=NOW + HOUR)
    assert stays.changes == ()


def test_a_breach_is_not_cleared_because_telemetry_stopped() -> None:
    hot = replace(CALM, temperature_c=36.0, chance=0.9)
    first = look([hot])
    before = {state.key: state for state in first.states}
    blind = replace(hot, chance=None, reason_code=ReasonCode.TELEMETRY_STALE)
    later = NOW + 5 * HOUR
    after = look([blind], before=before, now=later)
    assert AlarmChange.CLEARED not in [made for _, made in after.changes]


def test_an_alarm_waits_for_its_delays() -> None:
    kind = AlarmKind.TELEMETRY_STALE
    on, off = DEFINITIONS[kind].delay_on, DEFINITIONS[kind].delay_off
    stale = condition(kind)
    assert advance(None, stale, now=NOW + on - MINUTE) == (None, ())
    state, changes = advance(None, stale, now=NOW + on)
    assert state is not None
    assert changes == (AlarmChange.RAISED,)
    ended, changes = advance(state, None, now=NOW + HOUR)
    assert ended is not None
    assert (ended.is_active, changes) == (True, ())
    again, _ = advance(ended, stale, now=NOW + HOUR + MINUTE)
    assert again is not None
    assert again.ended_at_utc is None
    cleared, changes = advance(ended, None, now=NOW + HOUR + off)
    assert cleared is not None
    assert (cleared.is_active, cleared.is_acknowledged) == (False, False)
    assert changes == (AlarmChange.CLEARED,)
    assert cleared.needs_acknowledging


def test_a_shelved_alarm_comes_back_by_itself_and_asks_again() -> None:
    shelved = shelve(acknowledge(alarm()), hours=2, now=NOW)
    assert not shelved.is_standing
    still, changes = advance(shelved, condition(), now=NOW + HOUR)
    assert still is not None
    assert (still.is_silenced, changes) == (True, ())
    back, changes = advance(still, condition(), now=NOW + 2 * HOUR)
    assert back is not None
    assert changes == (AlarmChange.UNSHELVED,)
    assert back.is_standing
    assert back.needs_acknowledging


def test_nothing_is_raised_while_it_is_silenced() -> None:
    cleared = replace(alarm(), cleared_at_utc=NOW)
    for silent in (shelve(cleared, hours=8, now=NOW), take_out_of_service(cleared)):
        state, changes = advance(silent, condition(), now=NOW + HOUR)
        assert state == silent
        assert changes == ()
    state, changes = advance(
        put_back_in_service(take_out_of_service(cleared)), condition(), now=NOW
    )
    assert changes == (AlarmChange.RAISED,)


@pytest.mark.parametrize("hours", [0.0, -1.0, LONGEST_SHELVING_H + 0.1, float("nan")])
def test_shelving_is_at_most_a_shift(hours: float) -> None:
    with pytest.raises(InvalidInput, match="at most 8 h"):
        shelve(alarm(), hours=hours, now=NOW)


def test_what_was_done_cannot_be_done_again() -> None:
    out = take_out_of_service(alarm())
    for act in (
        lambda: acknowledge(acknowledge(alarm())),
        lambda: unshelve(alarm()),
        lambda: put_back_in_service(alarm()),
        lambda: take_out_of_service(out),
        lambda: shelve(out, hours=1, now=NOW),
    ):
        with pytest.raises(Conflict):
            act()


def fleet_of(n: int, **change: object) -> list[RegionReading]:
    return [
        replace(CALM, slug=f"r{place}", name=f"Region {place}", **change)  # type: ignore[arg-type]
        for place in range(n)
    ]


def test_an_outage_of_all_is_one_alarm_and_the_rest_is_counted_under_it() -> None:
    stale = fleet_of(50, known_until_utc=NOW - 4 * HOUR)
    (all_stale,) = look(stale).states
    assert all_stale.key == (AlarmKind.TELEMETRY_STALE, ALL)
    assert all_stale.n_explained == 50
    assert len(all_stale.region_slugs) == 50
    assert (
        "50 of 50 at once (r0, r1, r2, r3, r4, r5, r6, r7, r8, r9 … and 40 more)"
        in all_stale.text
    )


def test_one_stale_region_of_many_is_an_alarm_of_its_own() -> None:
    mixed = fleet_of(50)
    mixed[7] = replace(mixed[7], known_until_utc=NOW - 4 * HOUR)
    assert raised(look(mixed)) == [(AlarmKind.TELEMETRY_STALE, "region:r7")]


def test_a_failing_feed_explains_its_stale_regions_and_no_other() -> None:
    fed = fleet_of(10, known_until_utc=NOW - 4 * HOUR, temperature_feed="weather")
    others = [replace(one, slug=f"x{one.slug}", temperature_feed="own") for one in fed]
    others = [others[0], *(replace(one, known_until_utc=NOW) for one in others[1:])]
    feed = FeedReading(
        name="weather", failures_in_a_row=9, failing_since_utc=NOW - 5 * HOUR
    )
    found = look([*fed, *others], [feed])
    assert raised(found) == [
        (AlarmKind.FEED_FAILING, "feed:weather"),
        (AlarmKind.TELEMETRY_STALE, "region:xr0"),
    ]
    assert found.states[0].n_explained == 10


def test_one_failed_run_is_no_alarm() -> None:
    once = FeedReading(name="w", failures_in_a_row=1, failing_since_utc=NOW - 5 * HOUR)
    assert raised(look([CALM], [once])) == []


def test_a_silent_worker_explains_what_grew_old_meanwhile() -> None:
    stale = fleet_of(2, known_until_utc=NOW - 4 * HOUR)
    found = [item for one in stale for item in region_conditions(one, NOW)]
    silent = condition(AlarmKind.WORKER_SILENT, INSTALLATION)
    hot = condition()
    first = evaluate(
        {}, [*found, silent, hot], populations=populations_of(stale, []), now=NOW
    )
    assert raised(first) == [
        (AlarmKind.BREACH_NOW, "region:arizona"),
        (AlarmKind.WORKER_SILENT, INSTALLATION),
    ]
    before = {state.key: state for state in first.states}
    soon = evaluate(before, [*found, hot], populations={}, now=NOW + MINUTE)
    assert raised(soon) == [], "they have ten minutes to catch up"
    before |= {state.key: state for state in soon.states}
    later = evaluate(before, [*found, hot], populations={}, now=NOW + 12 * MINUTE)
    before |= {state.key: state for state in later.states}
    last = evaluate(before, [*found, hot], populations={}, now=NOW + 13 * MINUTE)
    assert set(raised(last)) == {
        (AlarmKind.TELEMETRY_STALE, "region:r0"),
        (AlarmKind.TELEMETRY_STALE, "region:r1"),
    }


def test_an_alarm_out_of_service_explains_nothing() -> None:
    feed = alarm(AlarmKind.FEED_FAILING)
    feed = take_out_of_service(replace(feed, cause="feed:weather"))
    stale = fleet_of(1, known_until_utc=NOW - 4 * HOUR, temperature_feed="weather")
    failing = FeedReading(
        name="weather", failures_in_a_row=9, failing_since_utc=NOW - 5 * HOUR
    )
    found = look(stale, [failing], before={feed.key: feed})
    assert raised(found) == [(AlarmKind.TELEMETRY_STALE, "region:r0")]


KINDS = st.sampled_from(
    [AlarmKind.BREACH_NOW, AlarmKind.TELEMETRY_STALE, AlarmKind.CHAIN_BROKEN]
)
STEPS = st.lists(
    st.tuples(
        st.integers(1, 90),
        st.sampled_from(["on", "held", "off"]),
        st.sampled_from(["", "acknowledge", "shelve", "unshelve", "out", "back"]),
        st.booleans(),
    ),
    max_size=40,
)
ACTS: dict[str, Callable[[AlarmState, datetime], AlarmState]] = {
    "acknowledge": lambda state, _now: acknowledge(state),
    "shelve": lambda state, now: shelve(state, hours=3, now=now),
    "unshelve": lambda state, _now: unshelve(state),
    "out": lambda state, _now: take_out_of_service(state),
    "back": lambda state, _now: put_back_in_service(state),
}


@given(kind=KINDS, steps=STEPS)
def test_whatever_happens_an_alarm_stays_consistent(
    kind: AlarmKind, steps: list[tuple[int, str, str, bool]]
) -> None:
    state: AlarmState | None = None
    now, on_since, balance = NOW, NOW, 0
    cause = (AlarmKind.WORKER_SILENT, INSTALLATION)
    for minutes, holds, act, is_explained in steps:
        now += minutes * MINUTE
        on_since = on_since if holds == "on" else now
        item = AlarmCondition(
            kind=kind,
            cause="x",
            text="t",
            since_utc=on_since,
            is_held=holds == "held",
        )
        before = state
        explained = cause if is_explained and holds != "off" else None
        state, changes = advance(
            state, None if holds == "off" else item, explained, now=now
        )
        for made in changes:
            balance += {AlarmChange.RAISED: 1, AlarmChange.CLEARED: -1}.get(made, 0)
        assert balance in {0, 1}, "raised and cleared by turns"
        assert balance == (state is not None and state.is_active)
        if AlarmChange.RAISED in changes:
            assert holds == "on"
            assert explained is None
            assert before is None or not before.is_out_of_service
            assert now - on_since >= DEFINITIONS[kind].delay_on
            assert state is not None
            assert state.needs_acknowledging
        if AlarmChange.CLEARED in changes:
            assert holds == "off"
            assert state is not None
            assert state.ended_at_utc is not None
            assert now - state.ended_at_utc >= DEFINITIONS[kind].delay_off
        if state is not None:
            assert not (state.is_out_of_service and state.shelved_until_utc)
            assert not (state.is_standing and state.is_silenced)
            again, twice = advance(
                state, None if holds == "off" else item, explained, now=now
            )
            assert (again, twice) == (state, ()), "a second look changes nothing"
            if act:
                with suppress(Conflict):
                    state = ACTS[act](state, now)
