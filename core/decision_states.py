"""What has become of a recorded decision: recorded is not done.

People say that a decision is acknowledged, in effect or refused. That it is expired
follows from its window, that it is superseded from its successor.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import InvalidInput

LONGEST_TERM_H = 168
"""A shift for longer than a week is one until it is taken back."""


def term_end(
    window_start_utc: datetime,
    window_end_utc: datetime,
    lasts_h: int | None,
    *,
    last_hour_end_utc: datetime,
) -> datetime | None:
    """When a recorded decision ends; None until it is taken back.

    One that does not outlast its window ends with the last hour that it is for. A
    verdict is about a whole window, so nothing else may end within it; after it, the
    hours of a decision repeat each day, and each issue judges them again.

    Raises
    ------
    InvalidInput
        When it would end within its window, or after more than `LONGEST_TERM_H`.
    """
    if lasts_h is None:
        return None
    end_utc = window_start_utc + timedelta(hours=lasts_h)
    if end_utc < window_end_utc or lasts_h > LONGEST_TERM_H:
        least_h = round((window_end_utc - window_start_utc) / timedelta(hours=1))
        message = (
            f"A shift lasts {least_h} to {LONGEST_TERM_H} h, or until it is taken back."
        )
        raise InvalidInput(message)
    return last_hour_end_utc if end_utc == window_end_utc else end_utc


class DecisionState(StrEnum):
    """The state of a recorded decision; only the first three still move load."""

    RECORDED = "recorded"
    ACKNOWLEDGED = "acknowledged"
    IN_EFFECT = "in_effect"
    REFUSED = "refused"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"

    @property
    def stands(self) -> bool:
        """Whether what it moves still counts."""
        return self in {
            DecisionState.RECORDED,
            DecisionState.ACKNOWLEDGED,
            DecisionState.IN_EFFECT,
        }


def state_of(
    stated: DecisionState | None,
    *,
    is_superseded: bool,
    end_utc: datetime | None,
    now: datetime,
) -> DecisionState:
    """The state of a recorded decision now.

    Parameters
    ----------
    stated : DecisionState | None
        What was said of it last: acknowledged, in effect or refused.
    end_utc : datetime | None
        When the last hour that it is for ends; None until it is taken back.
    """
    if is_superseded:
        return DecisionState.SUPERSEDED
    if stated is DecisionState.REFUSED:
        return DecisionState.REFUSED
    if end_utc is not None and end_utc <= now:
        return DecisionState.EXPIRED
    return stated or DecisionState.RECORDED


def states_after(state: DecisionState, *, moves: bool) -> tuple[DecisionState, ...]:
    """What may be said of a decision next; nothing of one that no longer stands.

    `moves` is whether it moves any load: what moves none cannot be in effect. What is
    in effect is ended by superseding it, so that the end is judged too.

    Examples
    --------
    >>> [str(state) for state in states_after(DecisionState.ACKNOWLEDGED, moves=True)]
    ['in_effect', 'refused']
    """
    steps = {
        DecisionState.RECORDED: (
            DecisionState.ACKNOWLEDGED,
            DecisionState.IN_EFFECT,
            DecisionState.REFUSED,
        ),
        DecisionState.ACKNOWLEDGED: (DecisionState.IN_EFFECT, DecisionState.REFUSED),
    }
    return tuple(
        step
        for step in steps.get(state, ())
        if moves or step is not DecisionState.IN_EFFECT
    )
