"""Sends deliveries from threads of the worker, beside the cycle.

Each subscription that has something to send is served by a thread of its own, so that a
receiver that hangs delays no other. The threads share two connections to the database
that nothing else uses: the cycle never waits for one of theirs.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta

from core.errors import ServiceUnavailable
from db.engine import make_engine
from orchestrator.deliveries.sending import SendingMeans, lease_due, serve
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime
from orchestrator.use_cases import WORKER_USER

log = get_logger(__name__)

LOOK_EVERY_S = 1.0
LEASE_S = 60.0
"""A worker that died gives up what it served after so long. A turn ends well before, as
no try takes longer than its own limit."""

CONNECTIONS = 2
_STATEMENT_S = 30.0
_PAUSE_AFTER_FAULT_S = 10.0


class Deliverer:
    """Looks for what is due every second, in a thread of the worker."""

    def __init__(
        self,
        runtime: Runtime,
        stopping: threading.Event,
        means: SendingMeans,
        *,
        look_every_s: float = LOOK_EVERY_S,
        lease_s: float = LEASE_S,
    ) -> None:
        engine = make_engine(
            runtime.engine.url.render_as_string(hide_password=False),
            pool_size=CONNECTIONS,
            pool_timeout_s=_STATEMENT_S,
            statement_timeout_s=_STATEMENT_S,
            application_name="gfo-deliveries",
        )
        self._runtime = replace(runtime, engine=engine)
        self._stopping = stopping
        self._means = means
        self._look_every_s = look_every_s
        self._lease_s = lease_s
        self._serving: dict[int, threading.Thread] = {}

    def start(self) -> threading.Thread:
        """Deliver until the worker stops."""
        thread = threading.Thread(target=self._watch, name="deliveries", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """End the connections."""
        self._runtime.engine.dispose()

    def look(self) -> list[threading.Thread]:
        """Begin to serve every subscription that is due; returns the new threads."""
        self._serving = {i: t for i, t in self._serving.items() if t.is_alive()}
        until_s = time.monotonic() + self._lease_s - self._means.limits.total_s
        with self._runtime.request_as(WORKER_USER) as request:
            until_utc = request.now + timedelta(seconds=self._lease_s)
            due = lease_due(request, until_utc=until_utc)
        begun = []
        for subscription_id in due:
            if subscription_id in self._serving:
                continue  # longer than its lease: it ends by itself
            thread = threading.Thread(
                target=self._serve,
                args=(subscription_id, until_s),
                name=f"delivery-{subscription_id}",
                daemon=True,
            )
            self._serving[subscription_id] = thread
            thread.start()
            begun.append(thread)
        return begun

    def _serve(self, subscription_id: int, until_s: float) -> None:
        try:
            serve(self._runtime, subscription_id, self._means, until_s=until_s)
        except ServiceUnavailable as exc:
            log.warning("deliveries_postponed", reason=exc.message)
        except Exception:
            # A bug here must not end the worker's other work.
            log.exception("deliveries_failed", subscription_id=subscription_id)

    def _watch(self) -> None:
        wait_s = self._look_every_s
        while not self._stopping.wait(wait_s):
            wait_s = self._look_every_s
            try:
                self.look()
            except ServiceUnavailable as exc:
                log.warning("deliveries_postponed", reason=exc.message)
                wait_s = _PAUSE_AFTER_FAULT_S
            except Exception:
                log.exception("deliveries_failed")
                wait_s = _PAUSE_AFTER_FAULT_S
