"""Drop a process's rights before it loads an untrusted model.

Standard library only: it runs before anything else is imported.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
import time
from dataclasses import dataclass

NOBODY = 65534

_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_WATCH_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a confined process may use.

    Attributes
    ----------
    memory_bytes : int
        Of address space, what was imported included.
    cpu_s : int | None
        Of processor time from the start of the process; None for no limit.
    """

    memory_bytes: int
    cpu_s: int | None = None


def isolate() -> bool:
    """Give up gaining rights and leave the network; call before any thread starts.

    Returns
    -------
    bool
        Whether the process has no network any more. Where the system forbids that,
        `confine` still keeps it from opening a socket.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Without root, a network namespace needs a user namespace.
    flags = _CLONE_NEWNET if os.geteuid() == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    return bool(library.unshare(flags) == 0)


def confine(limits: Limits) -> None:
    """Drop everything else: files, sockets, processes, core dumps, memory, root.

    Import and open everything that is needed before. Open files stay usable; no other
    file can be opened.
    """
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    if limits.cpu_s is not None:
        # The soft limit sends a signal that can be reported; the hard one only kills.
        resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 2))
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    _limit(resource.RLIMIT_NPROC, 0)
    _limit(resource.RLIMIT_NOFILE, 0)
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _limit(kind: int, amount: int) -> None:
    # Soft and hard: no code in the process can raise it again.
    resource.setrlimit(kind, (amount, amount))


def end_with_parent(parent_pid: int) -> None:
    """End the process, from a thread, when its parent has ended.

    The kernel's parent-death signal depends on the thread that started the process.
    """

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
