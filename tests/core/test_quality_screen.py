"""What is judged of hours with the screening of blocks, and without."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from core import quality_checks
from core.aliases import BoolArray, FloatArray
from core.quality import BLOCK_H, CHECKS, LOOK_BACK_H
from core.quality_baseline import HISTORY_H
from core.quality_checks import judge_telemetry
from core.quality_screen import blocks_to_check
from core.telemetry import Quantity, TelemetryFrame

N_HOURS = LOOK_BACK_H + 5 * BLOCK_H + 50
HOURS = np.arange(N_HOURS)


def a_frame(chance: np.random.Generator, n_faults: int) -> TelemetryFrame:
    """Five weeks after the look-back, from any hour of a week, with faults and gaps."""
    course = np.sin(2 * np.pi * HOURS / 24)
    weather = np.cumsum(chance.normal(0.0, 0.4, N_HOURS)) * 0.2
    dry_c = 15.0 + chance.uniform(0.0, 6.0) * course + weather
    values = {
        Quantity.TEMPERATURE_C: dry_c,
        Quantity.WET_BULB_C: dry_c - 4.0 + chance.normal(0.0, 0.5, N_HOURS),
        Quantity.RELATIVE_HUMIDITY_PCT: np.clip(60.0 - 10.0 * course, 1.0, 99.0),
        Quantity.IT_LOAD_MW: 50.0 + 5.0 * course + chance.normal(0.0, 1.0, N_HOURS),
        Quantity.CARBON_INTENSITY_GCO2_KWH: 250.0
        + 60.0 * course
        + chance.normal(0.0, 15.0, N_HOURS),
        Quantity.PRICE_USD_MWH: 40.0 + chance.normal(0.0, 15.0, N_HOURS),
    }
    columns = {quantity: np.round(column, 1) for quantity, column in values.items()}
    for _ in range(n_faults):
        quantity = list(columns)[chance.integers(len(columns))]
        begin, length = chance.integers(N_HOURS), chance.choice([1, 2, 6, 30, 120, 400])
        hours = slice(begin, begin + length)
        columns[quantity][hours] = broken(chance, columns[quantity], hours)
    return TelemetryFrame(
        region_slug="AA",
        start_utc=datetime(2023, 1, 1, int(chance.integers(24)), tzinfo=UTC),
        n_hours=N_HOURS,
        values=columns,
    )


def broken(
    chance: np.random.Generator, column: FloatArray, hours: slice
) -> FloatArray | float:
    """What a fault makes of the hours."""
    made: list[FloatArray | float] = [
        np.nan,
        0.0,
        column[hours.start],
        column[hours] / 60.0,
        column[hours] * 30.0,
        column[hours] + chance.normal(0.0, 15.0),
        np.roll(column, int(chance.integers(1, 24)))[hours],
    ]
    return made[chance.integers(len(made))]


@pytest.mark.parametrize("seed", range(12))
def test_screening_leaves_out_no_finding(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(seed)
    frame = a_frame(chance, n_faults=seed)
    nobody = np.zeros(N_HOURS, dtype=np.bool_)
    accepted = dict.fromkeys(frame.values, nobody | (chance.random(N_HOURS) < 0.01))
    first = int(chance.choice([0, LOOK_BACK_H]))
    screened = judge_telemetry(frame, first=first, accepted=accepted)

    def every_block(
        _values: object, _trusted: object, _first: int, n_blocks: int, _checks: object
    ) -> BoolArray:
        return np.ones(n_blocks, dtype=np.bool_)

    monkeypatch.setattr(quality_checks, "blocks_to_check", every_block)
    one_by_one = judge_telemetry(frame, first=first, accepted=accepted)

    for quantity, expected in one_by_one.items():
        found = screened[quantity]
        assert found.against == expected.against
        for name in ("rule_codes", "expected", "allowed"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    if seed > 6:
        assert any(one.rule_codes.any() for one in one_by_one.values())


@pytest.mark.parametrize("kind", ["step", "zeros", "flat", "moved"])
def test_only_the_block_with_a_fault_is_named(kind: str) -> None:
    quantity = Quantity.IT_LOAD_MW if kind == "zeros" else Quantity.TEMPERATURE_C
    noise = np.random.default_rng(3).normal(0.0, 0.3, N_HOURS)
    values = 20.0 + 5.0 * np.sin(2 * np.pi * HOURS / 24) + noise
    found = blocks_to_check(values, values, HISTORY_H, 5, CHECKS[quantity])
    assert not found.any()

    faulty = values.copy()
    at = HISTORY_H + 2 * BLOCK_H
    hours = slice(at + 40, at + (41 if kind == "step" else 100))
    faulty[hours] = {
        "step": values[hours] + 12.0,
        "zeros": 0.0,
        "flat": values[hours.start],
        "moved": np.roll(values, 8)[hours],
    }[kind]
    trusted = faulty if kind == "step" else values
    found = blocks_to_check(faulty, trusted, HISTORY_H, 5, CHECKS[quantity])

    # A window that ends in the next block holds moved hours as well.
    assert found[:4].tolist() == [False, False, True, kind == "moved"]
