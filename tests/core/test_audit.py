"""Events of the audit chain without a database: canonical text and hashes."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit import (
    AuditAction,
    canonical_json,
    event_hash,
    genesis_hash,
    instant_text,
)
from core.errors import InvalidInput

INSTALLATION = UUID("00000000-0000-4000-8000-000000000001")
GENESIS = genesis_hash(INSTALLATION)


def test_keys_are_sorted_and_white_space_is_left_out() -> None:
    assert canonical_json({"b": [1, None], "a": True}) == '{"a":true,"b":[1,null]}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (35.1, '"35.1"'),
        (35.0, '"35.0"'),
        (-0.0, '"-0.0"'),
        (1e400, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
        (math.nan, '"NaN"'),
        (5e-324, '"5e-324"'),
        (np.float64(0.1), '"0.1"'),
        (np.int64(3), "3"),
        (Decimal("0.950"), '"0.950"'),
        (date(2023, 8, 1), '"2023-08-01"'),
        (INSTALLATION, '"00000000-0000-4000-8000-000000000001"'),
        (AuditAction.LOGIN_FAILED, '"login_failed"'),
        (10**30, "1" + "0" * 30),
        ((1, 2), "[1,2]"),
    ],
)
def test_every_kind_of_value_has_one_text(value: object, text: str) -> None:
    assert canonical_json(value) == text


def test_instants_are_written_in_utc_with_microseconds() -> None:
    local = datetime(2023, 8, 1, 7, tzinfo=timezone(timedelta(hours=-5)))

    assert instant_text(local) == "2023-08-01T12:00:00.000000Z"


@pytest.mark.parametrize(
    "value",
    [{1: "a"}, b"bytes", {1, 2}, object(), datetime(2023, 8, 1)],  # noqa: DTZ001
)
def test_refuses_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(InvalidInput):
        canonical_json(value)


@given(st.floats(allow_nan=False))
def test_a_float_reads_back_as_the_same_float(value: float) -> None:
    assert float(json.loads(canonical_json(value))) == value


@given(st.text())
def test_any_text_becomes_ascii_and_reads_back(value: str) -> None:
    written = canonical_json({"text": value})

    assert written.isascii()
    assert json.loads(written) == {"text": value}


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_order_of_insertion_changes_nothing(record: dict[str, object]) -> None:
    backwards = dict(reversed(record.items()))

    assert canonical_json(record) == canonical_json(backwards)


def test_hash_covers_version_previous_sequence_and_payload_in_that_order() -> None:
    by_hand = hashlib.sha256(
        b"\x01" + GENESIS + b"\x00\x00\x00\x00\x00\x00\x01\x02" + b'{"a":1}'
    ).digest()

    assert event_hash(1, GENESIS, 258, '{"a":1}') == by_hand


def test_the_first_previous_hash_is_that_of_the_installation_id() -> None:
    assert hashlib.sha256(str(INSTALLATION).encode()).digest() == GENESIS


@pytest.mark.parametrize(
    ("version", "previous", "seq"), [(256, GENESIS, 1), (1, b"x", 1), (1, GENESIS, -1)]
)
def test_refuses_parts_that_do_not_fit(version: int, previous: bytes, seq: int) -> None:
    with pytest.raises(InvalidInput):
        event_hash(version, previous, seq, "{}")
