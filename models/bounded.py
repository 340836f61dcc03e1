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

import numpy as np

from core.errors import InvalidInput

GIB = 2**30

GRACE_S = 60
"""Processor time after the limit at which the kernel ends the process: Python code
cannot stop a library that never comes back to it."""

_BLAS_SIZE = 512
"""Of matrices that make a linear algebra library use all its threads."""


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
    _reserve_buffers()
    spent_s = time.process_time()
    processor = resource.getrlimit(resource.RLIMIT_CPU)
    memory = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGVTALRM, _stop)
    mapped_bytes = _address_space_bytes()
    if mapped_bytes is not None and memory[0] == resource.RLIM_INFINITY:
        most_bytes = mapped_bytes + int(memory_gib * GIB)
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, memory[1]))
    signal.setitimer(signal.ITIMER_VIRTUAL, 60.0 * minutes)
    if processor[0] == resource.RLIM_INFINITY:
        most_s = int(spent_s + 60.0 * minutes) + GRACE_S
        resource.setrlimit(resource.RLIMIT_CPU, (most_s, processor[1]))
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
        resource.setrlimit(resource.RLIMIT_CPU, processor)


class _OutOfTime(BaseException):
    """Passes through code that catches every error."""


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _OutOfTime


def _reserve_buffers() -> None:
    """Have OpenBLAS take its buffers, which it keeps, before memory is limited.

    Where it cannot get one it asks for ever. NumPy and SciPy have a copy each.
    """
    from sklearn.linear_model import Ridge  # noqa: PLC0415 -- takes seconds

    square = np.eye(_BLAS_SIZE)
    np.linalg.solve(square @ square, square)
    Ridge().fit(square, square)


def _address_space_bytes() -> int | None:
    """What the process has mapped; None where the system does not say."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()
