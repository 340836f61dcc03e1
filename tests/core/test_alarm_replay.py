"""Weeks of fifty regions with outages and noisy margins, held against EEMUA 191."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest

from core.alarm_figures import MOST_A_DAY, Raised, figures
from core.alarm_kinds import AlarmPriority
from tests.core.alarm_replay import START, replay

N_DAYS = 365 if os.environ.get("GFO_TEST_FULL") else 14


@pytest.mark.slow
def test_a_fleet_of_fifty_regions_raises_what_a_person_can_take_in() -> None:
    made = replay(50, N_DAYS, seed=1)
    found = made.figures(START + timedelta(days=N_DAYS))
    assert 1 < found.a_day <= MOST_A_DAY
    assert found.most_a_day <= MOST_A_DAY
    assert found.flood_frac < 0.01
    assert found.chattering == ()
    # What a list of conditions, which has no life, would have shown at once.
    assert made.most_conditions > 50


def raised(*minutes: float, alarm: str = "a") -> list[Raised]:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    return [
        Raised(
            alarm=alarm,
            priority=AlarmPriority.LOW,
            at_utc=start + timedelta(minutes=m),
        )
        for m in minutes
    ]


def test_the_figures_of_a_worked_example() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=2)
    flood = [one for n in range(11) for one in raised(n / 2, alarm=f"f{n}")]
    chatter = raised(100, 300, 579)
    calm = raised(100, 300, 581, alarm="calm")
    found = figures(
        [*flood, *chatter, *calm],
        [start, end - timedelta(hours=3)],
        start_utc=start,
        end_utc=end,
        n_operators=2,
    )
    assert found.raised == 17
    assert found.a_day == 17 / 4
    assert found.most_a_day == 17
    assert found.flood_frac == 1 / 288
    assert found.chattering == ("a",)
    assert found.standing == 1
    assert found.by_priority[AlarmPriority.LOW] == 1.0


def test_nothing_raised_has_no_shares() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    found = figures([], [], start_utc=start, end_utc=start)
    assert (found.a_day, found.flood_frac, found.by_priority) == (0.0, 0.0, {})
