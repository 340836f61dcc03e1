"""Anchors: signed states of the audit chain, kept outside the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.errors import InvalidInput

ANCHOR_FORMAT = 1
DOMAIN = b"gfo-audit-anchor:1:"
"""Stands before the signed bytes, so that no other signature can pass for one."""

_FIELDS = ("format", "head", "installation_id", "key", "seq", "signature", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A line of the anchor file.

    Attributes
    ----------
    seq, head : int, bytes of 32
        The newest event when the anchor was made, and its hash.
    time_text : str
        When it was made, as `core.audit.instant_text` writes it.
    key_hex : str
        Ed25519 public key that signed, 64 hexadecimal digits. It names the
        key that was used and does not make it trusted.
    signature : bytes, 64
        Of `DOMAIN` and `statement()`.
    """

    installation_id: UUID
    seq: int
    head: bytes
    time_text: str
    key_hex: str
    signature: bytes = b""

    def statement(self) -> bytes:
        """The signed bytes: canonical JSON of all fields but the signature."""
        return DOMAIN + _canonical(self._fields()).encode("ascii")

    def line(self) -> str:
        """The anchor as a line of the file, without its line break."""
        return _canonical(self._fields() | {"signature": self.signature.hex()})

    def _fields(self) -> dict[str, object]:
        return {
            "format": ANCHOR_FORMAT,
            "head": self.head.hex(),
            "installation_id": str(self.installation_id),
            "key": self.key_hex,
            "seq": self.seq,
            "time": self.time_text,
        }


def parse_anchors(text: str) -> tuple[Anchor, ...]:
    """The anchors of a file; an unfinished last line, left by a power cut, is not one.

    Raises
    ------
    InvalidInput
        When a finished line is not an anchor.
    """
    lines = text.split("\n")
    whole, rest = lines[:-1], lines[-1]
    anchors = [parse_anchor(line, number) for number, line in enumerate(whole, 1)]
    if rest:
        try:
            anchors.append(parse_anchor(rest, len(lines)))
        except InvalidInput:
            return tuple(anchors)
    return tuple(anchors)


def parse_anchor(line: str, line_number: int) -> Anchor:
    """Parse an anchor from its line; its signature is verified elsewhere.

    Raises
    ------
    InvalidInput
        When the line is not one.
    """
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or tuple(sorted(record)) != _FIELDS:
            raise ValueError  # noqa: TRY301 -- one message for all that can be wrong
        anchor = Anchor(
            installation_id=UUID(record["installation_id"]),
            seq=int(record["seq"]),
            head=bytes.fromhex(record["head"]),
            time_text=str(record["time"]),
            key_hex=str(record["key"]),
            signature=bytes.fromhex(record["signature"]),
        )
    except (ValueError, TypeError, AttributeError) as exc:
        message = f"Line {line_number} of the anchor file is not an anchor."
        raise InvalidInput(message) from exc
    if record["format"] != ANCHOR_FORMAT or anchor.line() != line:
        message = f"Line {line_number} of the anchor file is of a form unknown here."
        raise InvalidInput(message)
    return anchor


def newest(anchors: Sequence[Anchor]) -> Anchor | None:
    """The anchor of the newest event; None when there is none."""
    return max(anchors, key=lambda anchor: anchor.seq, default=None)


def _canonical(record: dict[str, object]) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))
