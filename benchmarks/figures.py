"""A measured figure beside its limit, and the processor clock that measures it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

ROUNDS = int(os.environ.get("GFO_BENCHMARK_ROUNDS", "5"))
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row of the page; more is worse.

    Attributes
    ----------
    spent, limited : float
        The figure and its limit, both in `unit`: processor seconds unless it says
        otherwise.
    """

    name: str
    spent: float
    limit: str
    limited: float
    goal: str
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """How many times the limit."""
        return self.spent / max(self.limited, 1e-9)


Section = Callable[[Path], Iterator[Figure]]
"""Measures a part of the page; fleets that it makes stay in the folder."""


class Clock:
    """Processor seconds of this process and of the session's PostgreSQL backend."""

    def __init__(self, session: Session | None = None) -> None:
        self._backend = None
        if session is not None:
            self._backend = session.scalar(text("select pg_backend_pid()"))

    def now_s(self) -> float:
        """Seconds so far; those of the backend in steps of 10 ms."""
        of_backend_s = 0.0 if self._backend is None else process_cpu_s(self._backend)
        return time.process_time() + of_backend_s

    def of(self, work: Callable[[], object], repeats: int = 1) -> float:
        """Seconds of one call of `work`."""
        before_s = self.now_s()
        for _ in range(repeats):
            work()
        return (self.now_s() - before_s) / repeats


def process_cpu_s(process_id: int) -> float:
    """Processor seconds of a process so far, in steps of 10 ms."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
