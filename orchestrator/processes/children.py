"""The processes that the supervisor keeps: started, started again, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from orchestrator.logs import get_logger
from orchestrator.processes.process_tree import PARENT_VARIABLE
from orchestrator.processes.stop_signals import StopSignals

log = get_logger(__name__)

STOP_PATIENCE_S = 6.0
STEADY_S = 60.0
"""A child that ran this long is steady again; its next restart is immediate."""
LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class ChildProcess:
    """A process that is started again when it ends, with growing pauses."""

    name: str
    command: list[str]
    signals: StopSignals
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    retry_at: float | None = None
    log_path: Path | None = None
    """Takes what it prints; None shares our own streams."""

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it in a session of its own, which Ctrl-C in our terminal passes by."""
        with self.signals.held(), ExitStack() as stack:
            printed = (
                stack.enter_context(self.log_path.open("ab")) if self.log_path else None
            )
            self.process = subprocess.Popen(  # noqa: S603 -- our own program
                self.command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                start_new_session=True,
            )
        self.started_at = time.monotonic()
        self.retry_at = None

    def keep_running(self) -> None:
        """Start it again when it has ended and its pause is over."""
        if self.is_running:
            return
        now = time.monotonic()
        if self.retry_at is None:
            was_steady = now - self.started_at > STEADY_S
            self.failures = 1 if was_steady else self.failures + 1
            pause_s = restart_pause_s(self.failures)
            self.retry_at = now + pause_s
            log.warning(
                "process_ended",
                process=self.name,
                exit_code=self.process.returncode if self.process else None,
                pause_s=pause_s,
            )
        if now >= self.retry_at:
            self.start()


def restart_pause_s(failures: int) -> float:
    """Pause before the restart after so many failures in a row: 0, 1, 3, 7 … s."""
    # Capped before the power is taken: the 1,025th would overflow.
    doublings = min(failures - 1, 10)
    return min(2.0**doublings - 1.0, LONGEST_PAUSE_S)


def stop(children: Sequence[ChildProcess]) -> None:
    """Ask all to end, wait for them together, and kill those that do not."""
    running = [child for child in children if child.is_running]
    for child in running:
        if child.process is not None:
            child.process.terminate()
    deadline = time.monotonic() + STOP_PATIENCE_S
    for child in running:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("process_killed", process=child.name)
            # Not reaped yet, so the number is still its own; its session goes with it.
            os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        PARENT_VARIABLE: str(os.getpid()),
        # On few cores more threads than one make numpy and scikit-learn slower by far.
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }
