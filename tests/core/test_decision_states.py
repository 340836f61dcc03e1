"""What a recorded decision can be, and what can be said of it next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.decision_states import DecisionState, state_of, states_after, term_end
from core.errors import InvalidInput

NOW = datetime(2025, 7, 20, 18, 25, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("stated", "is_superseded", "end_utc", "state"),
    [
        (None, False, LATER, "recorded"),
        ("acknowledged", False, LATER, "acknowledged"),
        ("in_effect", False, LATER, "in_effect"),
        ("refused", False, LATER, "refused"),
        (None, False, NOW, "expired"),
        ("in_effect", False, EARLIER, "expired"),
        ("refused", False, EARLIER, "refused"),
        ("in_effect", True, LATER, "superseded"),
        (None, True, EARLIER, "superseded"),
    ],
)
def test_the_state_follows_from_what_was_said_and_from_the_clock(
    stated: str | None, is_superseded: bool, end_utc: datetime, state: str
) -> None:
    found = state_of(
        DecisionState(stated) if stated else None,
        is_superseded=is_superseded,
        end_utc=end_utc,
        now=NOW,
    )
    assert found == state


def test_nothing_can_be_said_of_what_no_longer_stands() -> None:
    for state in DecisionState:
        follow = states_after(state, moves=True)
        assert bool(follow) == (
            state in {DecisionState.RECORDED, DecisionState.ACKNOWLEDGED}
        )
        assert state not in follow


def test_a_term_covers_its_window_and_at_most_a_week() -> None:
    end = NOW + timedelta(hours=24)
    last = NOW + timedelta(hours=18)
    for hour in (end, last):
        assert term_end(NOW, end, None, last_hour_end_utc=hour) is None
        assert term_end(NOW, end, 24, last_hour_end_utc=hour) == hour
        week = term_end(NOW, end, 168, last_hour_end_utc=hour)
        assert week == NOW + timedelta(days=7)
    for hours in (0, -1, 23, 169):
        with pytest.raises(InvalidInput, match="24 to 168 h"):
            term_end(NOW, end, hours, last_hour_end_utc=end)
    open_ended = state_of(None, is_superseded=False, end_utc=None, now=LATER)
    assert open_ended is DecisionState.RECORDED


def test_what_moves_nothing_is_never_in_effect() -> None:
    assert states_after(DecisionState.RECORDED, moves=False) == (
        DecisionState.ACKNOWLEDGED,
        DecisionState.REFUSED,
    )
