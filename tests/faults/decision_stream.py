"""People who record decisions without a pause, and what was acknowledged to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4, uuid5

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.errors import ServiceUnavailable
from db.users import system_actor
from orchestrator.decisions.recording import evaluate, record
from orchestrator.runtime import Runtime
from tests.asking import asking

_PAUSE_S = 0.05


@dataclass(slots=True)
class DecisionStream:
    """Records decisions; a request without an answer is sent again under its id.

    Attributes
    ----------
    acknowledged : dict of UUID to int
        Decision by request id, as it was answered.
    longest_wait_s : float
        From the first try of a request to its answer.
    """

    runtime: Runtime
    acknowledged: dict[UUID, int] = field(default_factory=dict)
    failures: int = 0
    longest_wait_s: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[DecisionStream]:
        """Record until the block ends; the request under way is still answered."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            thread.join(60)
            assert not thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.record_one()

    def record_one(self) -> int:
        """Record a decision, however often it has to be tried."""
        request_id, began = uuid4(), time.monotonic()
        while True:
            try:
                decision_id = self._try(request_id)
            except ServiceUnavailable:
                self.failures += 1
                time.sleep(_PAUSE_S)
                continue
            self.acknowledged[request_id] = decision_id
            self.longest_wait_s = max(self.longest_wait_s, time.monotonic() - began)
            return decision_id

    def _try(self, request_id: UUID) -> int:
        runtime, shift_pct = self.runtime, len(self.acknowledged) % 50 / 10
        with runtime.transaction() as session:
            request = asking(
                session,
                system_actor(session, "cli"),
                request_id=uuid5(request_id, "what-if"),
            )
            judged = evaluate(
                request,
                source_slug="arizona",
                target_slug="ireland",
                local_day=None,
                shift_pct=shift_pct,
            )
        with runtime.transaction() as session:
            request = asking(
                session, system_actor(session, "cli"), request_id=request_id
            )
            outcome = record(
                request, what_if_id=judged.decision_id, comment="A stream of decisions."
            )
        # None when the verdict changed meanwhile; nothing was recorded then.
        return outcome.card.decision_id if outcome.card else 0


def stored_decisions(session: Session) -> dict[UUID, list[int]]:
    """Recorded decisions by the request that made them."""
    found: dict[UUID, list[int]] = {}
    for row in session.execute(
        text("select request_id, id from decision where kind = 'recorded' order by id")
    ):
        found.setdefault(UUID(str(row.request_id)), []).append(row.id)
    return found


def lost_and_doubled(
    acknowledged: dict[UUID, int], stored: dict[UUID, list[int]]
) -> tuple[int, int]:
    """How many acknowledged decisions are not there, and how many more there are.

    Every request was answered in the end, so one that is stored and was never
    acknowledged stands beside the one that was meant.
    """
    recorded = {key: found for key, found in acknowledged.items() if found}
    lost = sum(stored.get(key) != [found] for key, found in recorded.items())
    doubled = sum(len(found) - (key in recorded) for key, found in stored.items())
    return lost, doubled
