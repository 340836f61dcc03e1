"""Answers that are kept until anything changes: many people ask the same question."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

from db.monitoring import state_stamp
from orchestrator.use_cases import Request

KEPT_ANSWERS = 64
_SECONDS = 60

Kept = TypeVar("Kept")
_Moment = tuple[object, int]


class KeptAnswers:
    """Answers of one process, each for one question, role, state and minute.

    The minute is part of it because ages grow; a change of anything, because a kept
    verdict must never outlive what it rests on. What is made for one role is never
    given to another, so whoever may not ask gets the refusal of the service.
    """

    def __init__(self, size: int = KEPT_ANSWERS) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._moment: _Moment | None = None
        self._lock = threading.Lock()
        self._being_made: dict[Hashable, threading.Lock] = {}

    def get(
        self,
        request: Request,
        question: Hashable,
        make: Callable[[Request], Kept],
        *,
        keep_if: Callable[[Kept], bool] = lambda _: True,
    ) -> Kept:
        """The kept answer, or a new one, kept when `keep_if` says so.

        Of several who ask the same at once one has the answer made, and the others
        wait for it.
        """
        minute = int(request.now.timestamp()) // _SECONDS
        moment = (state_stamp(request.session), minute)
        key = (question, request.actor.role, moment)
        with self._lock:
            self._forget_before(moment)
            turn = self._being_made.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    known: Kept = self._kept[key]  # type: ignore[assignment]
                    return known
            answer = make(request)
            if keep_if(answer):
                with self._lock:
                    self._kept[key] = answer
                    while len(self._kept) > self._size:
                        self._kept.popitem(last=False)
        return answer

    def _forget_before(self, moment: _Moment) -> None:
        """Nobody asks for the answers of another state or minute again."""
        if moment != self._moment:
            self._moment = moment
            self._kept.clear()
            self._being_made.clear()
