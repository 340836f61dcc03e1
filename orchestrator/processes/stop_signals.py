"""SIGTERM, Ctrl-C and a closed terminal end the supervisor once, in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Somebody asked the supervisor to stop.

    Not an Exception: a handler of exceptions that happens to run, such as that of a
    log record, must not swallow it.
    """


class StopSignals:
    """Raises StopRequested in the main thread at the first stop signal.

    Later signals change nothing, so that they cannot cut the clean-up short. They keep
    a handler rather than being ignored: children inherit what is ignored.
    """

    def __init__(self) -> None:
        self._is_requested = False
        self._is_held = False
        self._is_over = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listen for the duration, which is the rest of this process' work."""
        numbers = [
            number
            for number in _STOPPING
            # Started with nohup, a closed terminal is to change nothing.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        ]
        for number in numbers:
            signal.signal(number, self._receive)
        try:
            yield
        finally:
            # All is clean; one more Ctrl-C must not turn this end into a violent one.
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the block end first: a process being started must not be lost."""
        was_held, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = was_held
        if not was_held:
            self.check()

    def check(self) -> None:
        """Raise StopRequested when a signal has come.

        For loops: an exception that a signal raises within a finaliser is lost.
        """
        if self._is_requested:
            raise StopRequested

    def ignore(self) -> None:
        """Let no signal interrupt what follows, the clean-up."""
        self._is_over = True

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_requested or self._is_over:
            return
        self._is_requested = True
        if not self._is_held:
            raise StopRequested
