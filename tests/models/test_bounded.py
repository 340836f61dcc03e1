"""Work on files of any size ends with a sentence, not with the machine."""

from __future__ import annotations

import resource

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
