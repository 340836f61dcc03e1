"""Looks for alarms each minute, in a thread of the worker.

Apart from the job queue: a long cycle must not keep a breach from being raised.
"""

from __future__ import annotations

import threading

from core.errors import FleetError
from orchestrator.alarms.alarm_rules import AlarmTerms, evaluate_alarms
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER

log = get_logger(__name__)

LOOK_EVERY_S = 60.0


class AlarmKeeper:
    """Raises and clears alarms until the worker stops."""

    def __init__(self, runtime: Runtime, stopping: threading.Event) -> None:
        self._runtime = runtime
        self._stopping = stopping
        self._terms = AlarmTerms.of(runtime.settings)

    def start(self) -> threading.Thread:
        """Watch until the worker stops."""
        thread = threading.Thread(target=self._watch, name="alarms", daemon=True)
        thread.start()
        return thread

    def look(self) -> None:
        """Evaluate once."""
        try:
            with self._runtime.request_as(WORKER_USER) as request:
                evaluate_alarms(request, self._terms)
        except FleetError as exc:
            log.warning("alarms_not_evaluated", reason=exc.message)

    def _watch(self) -> None:
        while True:
            try:
                self.look()
            except Exception:
                # A bug here must not end the worker's other work.
                log.exception("alarms_not_evaluated")
            if self._stopping.wait(LOOK_EVERY_S):
                return
