"""Strength, storage and comparison of passwords."""

from __future__ import annotations

import re

import pytest
from zxcvbn import zxcvbn

from core.errors import InvalidInput
from orchestrator.accounts.passwords import (
    MIN_SCORE,
    hash_password,
    needs_rehash,
    one_time_password,
    require_strong,
    verify_password,
)

STRONG = "quartz lantern seven rivers"


def test_hashes_are_argon2id_with_at_least_the_agreed_cost() -> None:
    stored = hash_password(STRONG)
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", stored)
    assert found is not None
    memory_kib, passes, lanes = map(int, found.groups())
    assert memory_kib >= 19 * 1024
    assert (passes, lanes) == (2, 1)
    assert not needs_rehash(stored)
    assert stored != hash_password(STRONG)


def test_only_the_password_itself_matches() -> None:
    stored = hash_password(STRONG)
    assert verify_password(stored, STRONG)
    for wrong in ("", STRONG + " ", STRONG.upper(), STRONG[:-1], "x" * 10_000):
        assert not verify_password(stored, wrong)


@pytest.mark.parametrize("stored", [None, "", "not a hash", "$argon2id$broken"])
def test_nothing_matches_where_no_password_is_stored(stored: str | None) -> None:
    assert not verify_password(stored, STRONG)
    assert not verify_password(stored, "")


def test_one_text_typed_on_two_systems_is_one_password() -> None:
    assert verify_password(
        hash_password("caf\u00e9 au lait twice"), "cafe\u0301 au lait twice"
    )


@pytest.mark.parametrize(
    "stolen",
    ["matkovic6111", "Tamatonga7392", "whateveralina.cachina", "zUROcELiFOhI"],
)
def test_a_stolen_password_is_refused_though_it_looks_strong(stolen: str) -> None:
    assert zxcvbn(stolen)["score"] >= MIN_SCORE
    with pytest.raises(InvalidInput, match="stolen elsewhere"):
        require_strong(stolen)


@pytest.mark.parametrize(
    "weak",
    [
        "a1B!a1B!a1B",
        "password1234",
        "qwertyuiop12",
        "aaaaaaaaaaaaaaaa",
        "ada.lovelace.ada",
        "january2026!",
        "x" * 257,
    ],
)
def test_weak_passwords_are_refused_with_advice(weak: str) -> None:
    with pytest.raises(InvalidInput, match=r"use|let"):
        require_strong(weak, known_words=["ada.lovelace"])


@pytest.mark.parametrize(
    "strong",
    [
        STRONG,
        "correct horse battery staple gun",
        "8f 2k 9q 1z 7m 3x",
        "☃" * 3 + " frozen quince bell",
    ],
)
def test_long_unusual_passwords_pass_whatever_they_are_made_of(strong: str) -> None:
    require_strong(strong, known_words=["ada"])


def test_one_time_passwords_are_strong_and_never_the_same() -> None:
    made = {one_time_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        require_strong(password)
