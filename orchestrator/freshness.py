"""Answers that are kept until anything changes: many people ask the same question."""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from db.monitoring import state_stamp
from orchestrator.use_cases import Request

KEPT_BYTES = 4 * 1024 * 1024
"""Of the packed answers of one page in one process."""

_SECONDS = 60
_FAST = 1

_Moment = tuple[object, int]


class KeptAnswers:
    """Answers of one process, each for one question, role, state and minute.

    The minute is part of it because ages grow; a change of anything, because a kept
    verdict must never outlive what it rests on. What is made for one role is never
    given to another, so whoever may not ask gets the refusal of the service.

    An answer is kept as compressed JSON, a twentieth of the objects that it is made
    of, and given again as plain values, which go to the browser as the objects would.

    Parameters
    ----------
    encode : callable
        Makes JSON of an answer, as it is sent.
    decode : callable
        Makes of the bytes what is given again.
    most_bytes : int
        Of all kept answers together; the ones not asked for longest make room.
    """

    def __init__(
        self,
        encode: Callable[[Any], str],
        *,
        decode: Callable[[bytes], Any] = json.loads,
        most_bytes: int = KEPT_BYTES,
    ) -> None:
        self._encode = encode
        self._decode = decode
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._held_bytes = 0
        self._moment: _Moment | None = None
        self._lock = threading.Lock()
        self._being_made: dict[Hashable, threading.Lock] = {}

    def get(
        self,
        request: Request,
        question: Hashable,
        make: Callable[[Request], Any],
        *,
        keep_if: Callable[[Any], bool] = lambda _: True,
    ) -> Any:  # noqa: ANN401 -- the plain values of whatever is made
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
                packed = self._kept.get(key)
                if packed is not None:
                    self._kept.move_to_end(key)
            if packed is not None:
                return self._decode(zlib.decompress(packed))
            answer = make(request)
            encoded = self._encode(answer).encode()
            if keep_if(answer):
                self._keep(key, zlib.compress(encoded, _FAST))
        return self._decode(encoded)

    def _keep(self, key: Hashable, packed: bytes) -> None:
        with self._lock:
            self._held_bytes += len(packed) - len(self._kept.get(key, b""))
            self._kept[key] = packed
            while self._held_bytes > self._most_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._held_bytes -= len(oldest)

    def _forget_before(self, moment: _Moment) -> None:
        """Nobody asks for the answers of another state or minute again."""
        if moment != self._moment:
            self._moment = moment
            self._kept.clear()
            self._held_bytes = 0
            self._being_made.clear()
