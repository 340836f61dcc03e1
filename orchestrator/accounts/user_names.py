"""Names of accounts."""

from __future__ import annotations

from core.errors import InvalidInput

NAME_LENGTH = 80


def valid_name(name: str) -> str:
    """The name without spaces around it; refuses what cannot be one."""
    trimmed = name.strip()
    if not 1 <= len(trimmed) <= NAME_LENGTH or not trimmed.isprintable():
        message = f"A user name has 1 to {NAME_LENGTH} printable characters."
        raise InvalidInput(message)
    return trimmed
