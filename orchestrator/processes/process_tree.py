"""Ties between processes: children end with their supervisor, orphans are reaped."""

from __future__ import annotations

import os
import signal
from collections.abc import Container

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


FIRST_PROCESS = 1


def is_first_process() -> bool:
    """Whether this is process 1, to which the kernel hands every orphan."""
    return os.getpid() == FIRST_PROCESS


def reap_orphans(own_children: Container[int]) -> int:
    """Take the exit codes of ended orphans; returns how many there were.

    PostgreSQL's processes become orphans when its first one is killed. Our own
    children are left to those who wait for them.
    """
    n_reaped = 0
    while True:
        try:
            # Looked at first, not taken: it may be one that somebody waits for.
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return n_reaped
        if ended is None or ended.si_pid in own_children:
            return n_reaped
        os.waitpid(ended.si_pid, 0)
        n_reaped += 1
