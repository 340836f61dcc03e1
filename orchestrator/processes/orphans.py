"""The first process of a container inherits orphans; nobody else takes their leave."""

from __future__ import annotations

import os
from collections.abc import Container

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
