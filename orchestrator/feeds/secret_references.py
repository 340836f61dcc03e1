"""Secrets by reference: the name of a variable or a file, never the value.

Names begin with `GFO_FEED_`, those of webhooks with `GFO_WEBHOOK_`, so that none can be
made to send another secret of this machine to a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from core.errors import InvalidInput, ServiceUnavailable

FEED, WEBHOOK = "FEED", "WEBHOOK"
"""Whose secret it is: the second word of its name."""

_LARGEST_CHARS = 4096


class SecretMissing(ServiceUnavailable):
    """A secret is not where its reference says."""


def check_reference(text: str, of: str = FEED) -> str:
    """The reference as it came; raises InvalidInput unless it is one."""
    lower = of.lower()
    form = rf"env:GFO_{of}_[A-Z0-9_]{{1,60}}|file:gfo_{lower}_[a-z0-9_]{{1,60}}"
    if not re.fullmatch(form, text):
        message = (
            f"A secret is named as env:GFO_{of}_NAME, a variable of the worker, or as"
            f" file:gfo_{lower}_name, a file of the folder in GFO_SECRETS_DIR."
        )
        raise InvalidInput(message)
    return text


def read_secret(
    reference: str,
    environ: Mapping[str, str],
    secrets_dir: Path | None,
    of: str = FEED,
) -> str:
    """The value that a reference names.

    Raises
    ------
    SecretMissing
        When it is not there, or is empty; the message never holds a value.
    """
    place, _, name = check_reference(reference, of).partition(":")
    if place == "env":
        value = environ.get(name, "")
        where = f"The variable {name} is not set for the worker."
    else:
        where = f"The file {name} of GFO_SECRETS_DIR cannot be read."
        if secrets_dir is None:
            message = "The secret is a file, and GFO_SECRETS_DIR is not set."
            raise SecretMissing(message)
        try:
            value = (secrets_dir / name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise SecretMissing(where) from exc
    value = value.strip()
    if not value or len(value) > _LARGEST_CHARS or not value.isprintable():
        raise SecretMissing(where)
    return value
