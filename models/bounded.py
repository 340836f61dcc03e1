"""Limits of memory and processor time for work on files of any size."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from core.errors import InvalidInput

GIB = 2**30


class TooLarge(InvalidInput):
    """The work needs more memory or time than it may use."""


@contextmanager
def bounded(what: str, *, memory_gib: float, minutes: float) -> Iterator[None]:
    """Refuse work that needs more memory, or more processor time.

    Only in the main thread of a command: both limits are the process's.

    Parameters
    ----------
    what : str
        The work in words, to begin a sentence with.
    memory_gib : float
        Address space that may be added to what the process has; without a limit where
        the system does not say what that is, and under the limit that is set already.
    minutes : float
        Of processor time.

    Raises
    ------
    TooLarge
        When a limit is reached.
    """
    spent_s = time.process_time()
    memory = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGVTALRM, _stop)
    mapped_bytes = _address_space_bytes()
    if mapped_bytes is not None and memory[0] == resource.RLIM_INFINITY:
        most_bytes = mapped_bytes + int(memory_gib * GIB)
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, memory[1]))
    signal.setitimer(signal.ITIMER_VIRTUAL, 60.0 * minutes)
    try:
        yield
    except MemoryError as exc:
        message = (
            f"{what} needs more than {memory_gib:g} GiB of memory. Give fewer regions"
            " or years, or allow more."
        )
        raise TooLarge(message) from exc
    except _OutOfTime as exc:
        spent_s = time.process_time() - spent_s
        message = (
            f"{what} was not done after {spent_s / 60:.1f} minutes of processor time;"
            f" {minutes:g} are allowed. Give fewer regions or years, or allow more."
        )
        raise TooLarge(message) from exc
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, memory)


class _OutOfTime(BaseException):
    """Passes through code that catches every error."""


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _OutOfTime


def _address_space_bytes() -> int | None:
    """What the process has mapped; None where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()
