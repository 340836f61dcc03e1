"""Setup work that the worker does: how far it has come, kept where pages see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from core.errors import FleetError, ServiceUnavailable
from db import setup_tasks
from db.setup_tasks import SetupTask
from orchestrator.logs import get_logger
from orchestrator.runtime import Runtime

log = get_logger(__name__)

DEMO = "demo"
TRAINING = "training"

_BUG = "an error of the portal; see its log."


def hindcasts_of(slug: str) -> str:
    """The name of the task that calibrates the serving model in a region."""
    return f"hindcasts:{slug}"


def waiting_task(name: str, *, total_s: float, now: datetime) -> SetupTask:
    """A task that nobody has begun."""
    return SetupTask(
        name=name,
        state="waiting",
        step="It waits for the worker.",
        done_s=0.0,
        total_s=total_s,
        problem=None,
        started_at_utc=now,
        updated_at_utc=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """Keeps how far a task is, each time in a transaction of its own.

    What the task itself does may be one long transaction, of which nothing shows.
    """

    runtime: Runtime
    name: str
    total_s: float

    def say(self, step: str, *, done_s: float | None = None) -> None:
        """Keep what is being done, and how much is done before it."""
        self._store("running", step, done_s)

    def end(self, step: str) -> None:
        """Keep that all is done."""
        self._store("done", step, self.total_s)

    def fail(self, problem: str) -> None:
        """Keep why it was given up."""
        self._store("failed", "It was given up.", None, problem)

    def _store(
        self, state: str, step: str, done_s: float | None, problem: str | None = None
    ) -> None:
        now = self.runtime.clock()
        with self.runtime.transaction() as session:
            known = setup_tasks.setup_task(session, self.name) or waiting_task(
                self.name, total_s=self.total_s, now=now
            )
            before_s = known.done_s if known.is_open else 0.0
            setup_tasks.store_task(
                session,
                replace(
                    known,
                    state=state,
                    step=step,
                    done_s=min(before_s if done_s is None else done_s, self.total_s),
                    total_s=self.total_s,
                    problem=problem,
                    started_at_utc=now
                    if known.state == "waiting"
                    else known.started_at_utc,
                    updated_at_utc=now,
                ),
            )


@contextmanager
def reported(report: TaskReport) -> Iterator[None]:
    """Keep the reason when the work fails; a lost database is tried again.

    Raises
    ------
    ServiceUnavailable
        When the database is lost: the queue tries the job again.
    """
    try:
        yield
    except ServiceUnavailable:
        raise
    except FleetError as exc:
        log.warning("setup_task_failed", task=report.name, reason=exc.message)
        report.fail(exc.message)
    except Exception:
        log.exception("setup_task_failed", task=report.name)
        report.fail(_BUG)
