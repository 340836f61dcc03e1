"""Anchors the audit chain in the worker, and verifies it every day."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from core.errors import FleetError, ServiceUnavailable
from db.chain_checks import newest_check
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.anchoring import anchor_chain
from orchestrator.audit.chain_status import check_whole_chain, report_broken_chain
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER

log = get_logger(__name__)

LOOK_EVERY_S = 10.0
CHECK_EVERY = timedelta(hours=24)
PAUSE_AFTER_FAULT = timedelta(minutes=15)
"""A broken chain or an unwritable anchor file is reported once, not every look."""


class AnchorKeeper:
    """Looks at the chain every few seconds, in a thread of the worker."""

    def __init__(self, runtime: Runtime, stopping: threading.Event) -> None:
        self._runtime = runtime
        self._stopping = stopping
        self._places = AnchorPlaces.of(runtime.settings)
        self._paused_until: datetime | None = None

    def start(self) -> threading.Thread:
        """Watch until the worker stops."""
        thread = threading.Thread(target=self._watch, name="anchors", daemon=True)
        thread.start()
        return thread

    def look(self) -> None:
        """Anchor if it is due; verify everything if that was long ago."""
        now = self._runtime.clock()
        if self._paused_until is not None and now < self._paused_until:
            return
        self._paused_until = None
        try:
            with self._runtime.request_as(WORKER_USER) as request:
                done = anchor_chain(request, self._places, only_if_due=True)
            if done.broken is not None:
                self._paused_until = now + PAUSE_AFTER_FAULT
            with self._runtime.request_as(WORKER_USER) as request:
                last = newest_check(request.session, scope="whole")
                if last is None or now - last.checked_at_utc >= CHECK_EVERY:
                    check_whole_chain(request, self._places)
            with self._runtime.request_as(WORKER_USER) as request:
                report_broken_chain(request)
        except ServiceUnavailable as exc:
            log.warning("anchoring_postponed", reason=exc.message)
        except FleetError as exc:
            log.error("anchoring_failed", reason=exc.message)  # noqa: TRY400 -- its message says why
            self._paused_until = now + PAUSE_AFTER_FAULT

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except Exception:
                # A bug here must not end the worker's other work.
                log.exception("anchoring_failed")
