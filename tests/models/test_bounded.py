"""Work on files of any size ends with a sentence, not with the machine."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from models.bounded import TooLarge, bounded


def test_too_much_memory_is_refused_and_the_limit_is_taken_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with (
        pytest.raises(TooLarge, match=r"Training needs more than 0\.5 GiB of memory"),
        bounded("Training", memory_gib=0.5, minutes=1),
    ):
        np.zeros(2**27)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    assert np.zeros(2**27).nbytes == 2**30


def test_too_much_time_is_refused_even_by_code_that_catches_errors() -> None:
    def spin() -> None:
        while True:
            try:
                sum(range(1_000))
            except Exception:  # noqa: BLE001, S112
                continue

    with (
        pytest.raises(TooLarge, match=r"not done after 0\.0 minutes"),
        bounded("Training", memory_gib=1, minutes=0.005),
    ):
        spin()


def test_work_within_its_limits_is_left_alone() -> None:
    with bounded("Training", memory_gib=1, minutes=1):
        total = sum(range(10))
    assert total == 45


def _alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, as a hang cannot be ended from within."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_linear_algebra_ends_though_all_memory_is_taken() -> None:
    """OpenBLAS asks for ever for a buffer that it cannot get."""
    code = """
import numpy as np
from scipy import linalg
from models.bounded import bounded

taken = []
square = np.eye(300)
with bounded("Training", memory_gib=0.2, minutes=1):
    try:
        while True:
            taken.append(np.ones(2**18))
    except MemoryError:
        pass
    for _ in range(4):
        taken.pop()
    linalg.solve(square, np.ones(300), assume_a="pos")
    np.linalg.solve(square, np.ones(300))
print("done")
"""
    assert _alone(code).stdout == "done\n"


def test_the_kernel_ends_code_that_never_comes_back_to_python() -> None:
    code = """
import itertools
from models import bounded

bounded.GRACE_S = 1
with bounded.bounded("Training", memory_gib=1, minutes=0.001):
    sum(itertools.repeat(0))
"""
    assert _alone(code).returncode == -signal.SIGXCPU
