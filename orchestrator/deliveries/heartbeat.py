"""The dead-man's signal: calls an address outside while everything here is sound.

Whoever watches that address raises the alarm when the calls end, whatever the reason:
a worker, a database or a machine that is gone says nothing by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.errors import FleetError, ServiceUnavailable
from db.chain_checks import newest_check
from db.monitoring import newest_cycle, require_writable_chain
from orchestrator.feeds.web_client import WebClient, WebLimits
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime

log = get_logger(__name__)

CYCLE_LATE_AFTER = timedelta(hours=2)
"""The cycle runs every hour; one that is missed is no alarm yet."""

_LIMITS = WebLimits(total_s=20.0, read_s=10.0, tries=2)


def why_unsound(
    session: Session, now: datetime, last_cycle_utc: datetime | None
) -> str | None:
    """Why the signal must not be given; None when cycle, database and chain are sound.

    Raises
    ------
    ServiceUnavailable
        When the database does not answer.
    """
    if last_cycle_utc is None:
        return "no cycle has run yet."
    if now - last_cycle_utc > CYCLE_LATE_AFTER:
        return f"the last cycle was that of {last_cycle_utc:%Y-%m-%d %H:%M} UTC."
    for scope in ("whole", "tail"):
        check = newest_check(session, scope=scope)
        if check is not None and check.found.reason is not None:
            return f"the audit chain is broken: {check.found.reason}"
    require_writable_chain(session)
    return None


class Heartbeat:
    """Gives the signal every few minutes, in a thread of the worker.

    Parameters
    ----------
    last_cycle_utc : callable
        Instant of the newest cycle, of whichever worker; None before the first.
    """

    def __init__(
        self,
        runtime: Runtime,
        stopping: threading.Event,
        last_cycle_utc: Callable[[Session], datetime | None] = newest_cycle,
    ) -> None:
        self._runtime = runtime
        self._stopping = stopping
        self._last_cycle_utc = last_cycle_utc

    def start(self) -> threading.Thread | None:
        """Give the signal until the worker stops; None when no address is set."""
        if self._runtime.settings.heartbeat_url is None:
            return None
        thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        thread.start()
        return thread

    def beat(self) -> bool:
        """Give the signal if everything is sound; whether it was given."""
        settings = self._runtime.settings
        if settings.heartbeat_url is None:
            return False
        try:
            with self._runtime.transaction() as session:
                why = why_unsound(
                    session, self._runtime.clock(), self._last_cycle_utc(session)
                )
        except (ServiceUnavailable, DBAPIError) as exc:
            log.warning("heartbeat_withheld", reason=type(exc).__name__)
            return False
        if why is not None:
            log.warning("heartbeat_withheld", reason=why)
            return False
        client = WebClient(
            private_hosts=settings.heartbeat_private_hosts, limits=_LIMITS
        )
        try:
            client.get(settings.heartbeat_url.get_secret_value(), media="")
        except FleetError as exc:
            log.warning("heartbeat_failed", reason=exc.message)
            return False
        return True

    def _beat(self) -> None:
        wait_s = self._runtime.settings.heartbeat_every_minutes * 60
        while True:
            try:
                self.beat()
            except Exception:
                # A bug here must not end the worker's other work.
                log.exception("heartbeat_failed")
            if self._stopping.wait(wait_s):
                return
