"""Becomes a PostgreSQL program: drops root, ends with its parent, then executes it.

Run as a script by `db.local_server` with the standard library only. A pre-exec hook of
`subprocess` would run Python between fork and exec of a process that has threads, which
can deadlock; and the kernel forgets the parent-death signal when the user changes, so
it must be set after the drop.

Arguments: parent process id, user id, group id (-1: stay as we are), program, its own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1

# PGDATA, PGOPTIONS and secrets of the environment are not passed on.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def die_with_parent(parent_pid: int, number: int) -> None:
    """Ask the kernel to send us signal `number` when our parent ends (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        sys.exit("The kernel refused to tie this process to its parent.")
    if os.getppid() != parent_pid:  # it died before the signal was set
        sys.exit("The parent of this process ended while it was starting.")


def _drop_to(user_id: int, group_id: int) -> None:
    if user_id < 0:
        return
    os.setgroups([group_id])
    os.setgid(group_id)
    os.setuid(user_id)


def main(arguments: list[str]) -> None:
    """Replace this process by the program in `arguments`."""
    parent_pid, user_id, group_id = (int(value) for value in arguments[:3])
    command = arguments[3:]
    _drop_to(user_id, group_id)
    die_with_parent(parent_pid, signal.SIGINT)
    os.umask(0o077)
    os.chdir("/")
    os.execve(command[0], command, _ENVIRONMENT)  # noqa: S606 -- a fixed path, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
