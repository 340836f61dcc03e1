"""Replay of finished windows: at each issue, only those scored before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from core.conformity import ScoreTracker


class FinishedWindow(Protocol):
    """A scored window; `score` is its conformity score."""

    @property
    def issued_at_utc(self) -> datetime:
        """Start of the window."""

    @property
    def score(self) -> float:
        """How many scales its maximum lay above the means."""


Finished = TypeVar("Finished", bound=FinishedWindow)


class ScoreReplay(Generic[Finished]):
    """The tracker of one local issue hour, with only the windows that had ended.

    Parameters
    ----------
    alpha : Decimal
        Allowed exceedance probability, (0, 1).
    windows : iterable
        Scored windows, oldest first.

    Attributes
    ----------
    tracker : ScoreTracker
        As of the last `advance_to`.
    """

    def __init__(self, alpha: Decimal, windows: Iterable[Finished]) -> None:
        self.tracker = ScoreTracker(alpha)
        self._waiting: Iterator[Finished] = iter(windows)
        self._next = next(self._waiting, None)

    def advance_to(self, newest_issue_utc: datetime) -> list[Finished]:
        """Add the windows issued by `newest_issue_utc`; returns those just added.

        A forecast issued at t uses the windows that ended by t, so its caller passes t
        minus the window's length: on the day after a 23-hour day, yesterday's window is
        still open.
        """
        learned: list[Finished] = []
        while self._next is not None and self._next.issued_at_utc <= newest_issue_utc:
            self.tracker.add(self._next.score)
            learned.append(self._next)
            self._next = next(self._waiting, None)
        return learned
