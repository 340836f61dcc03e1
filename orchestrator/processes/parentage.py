"""Children of the supervisor end when it does, however it ends."""

from __future__ import annotations

import os
import signal

from db.local_child import die_with_parent

PARENT_VARIABLE = "GFO_PARENT_PID"


def follow_parent() -> None:
    """Ask the kernel to end this process when the supervisor that started us ends.

    Does nothing in a process that no supervisor started. Call it first of all: a
    parent that ended earlier is noticed then. SIGKILL, because the database ends with
    the supervisor, so there is nothing left to finish in order: what is not committed
    rolls back, and no handler can be stuck.
    """
    # Taken out: the variable is about this process, not about those that it starts.
    parent_pid = os.environ.pop(PARENT_VARIABLE, None)
    if parent_pid is not None and parent_pid.isdigit():
        die_with_parent(int(parent_pid), signal.SIGKILL)
