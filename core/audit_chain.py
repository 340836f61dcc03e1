"""Verify the audit chain: link by link, and against what was anchored outside."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from core.anchors import Anchor, newest
from core.audit import FORMAT_VERSION


class ChainLink(NamedTuple):
    """An event as verification reads it; a plain tuple, since there are millions.

    Attributes
    ----------
    payload : str
        Canonical text as it was hashed.
    occurred_at_utc : str | None
        As `core.audit.instant_text` writes it.
    """

    seq: int
    format_version: int
    previous_hash: bytes
    hash: bytes
    payload: str
    occurred_at_utc: str | None
    actor_id: int | None
    actor_name: str
    action: str
    object_type: str | None
    object_id: str | None
    request_id: str | None


FILTER_COLUMNS = ChainLink._fields[5:]
"""Columns that repeat what the payload says, so that lists can be filtered."""


class ChainPosition(NamedTuple):
    """A place in the chain: an event's sequence and hash; 0 and genesis before it."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """Outcome of a verification.

    Attributes
    ----------
    event_count : int
        Sequence of the last event found sound; all before it are.
    last_hash : bytes
        Hash of the last sound event; the genesis hash when there is none.
    first_bad_seq : int | None
        From which event on the chain is not to be trusted; None when it is sound.
    reason : str | None
        What is wrong there, in a sentence.
    anchored_seq : int | None
        The newest event that an anchor outside the database covers. Every change
        at or before it is found.
    """

    event_count: int
    last_hash: bytes
    first_bad_seq: int | None = None
    reason: str | None = None
    anchored_seq: int | None = None

    @property
    def is_sound(self) -> bool:
        """Whether every event fits the one before it and every anchor."""
        return self.first_bad_seq is None

    @property
    def later_count(self) -> int:
        """Sound events after the newest anchor, which no anchor covers."""
        return max(self.event_count - (self.anchored_seq or 0), 0)


def verify_links(
    links: Iterable[ChainLink],
    start: ChainPosition,
    anchors: Mapping[int, Anchor] | None = None,
) -> ChainReport:
    """Walk the chain and stop at the first event that does not fit.

    Parameters
    ----------
    links : iterable of ChainLink
        What follows `start`, in the order of their sequence; read once, so it may be
        a stream.
    start : ChainPosition
        Where the walk begins: 0 and the genesis hash, or an event already verified.
    anchors : mapping of int to Anchor, optional
        By sequence; their signatures were checked before.
    """
    anchors = anchors or {}
    position = start
    proven: ChainPosition | None = None
    for link in links:
        reason = _fault(link, position)
        if reason is not None:
            first_bad_seq = min(link.seq, position.seq + 1)
            return _broken(position, first_bad_seq, reason, proven)
        position = ChainPosition(link.seq, link.hash)
        anchor = anchors.get(link.seq)
        if anchor is not None:
            if anchor.head != link.hash:
                # Links fit, but not what was anchored: hashes were computed again.
                sound = proven or start
                reason = (
                    f"Event {anchor.seq} is not the one that was anchored at"
                    f" {anchor.time_text}: the chain was written anew somewhere from"
                    f" event {sound.seq + 1} on."
                )
                return _broken(sound, sound.seq + 1, reason, proven)
            proven = position
    lost = newest(tuple(anchors.values()))
    if lost is not None and lost.seq > position.seq:
        reason = (
            f"The chain ends at event {position.seq}, but event {lost.seq} was anchored"
            f" at {lost.time_text}: its end was cut off or an old state was restored."
        )
        return _broken(position, position.seq + 1, reason, proven)
    return ChainReport(
        event_count=position.seq,
        last_hash=position.hash,
        anchored_seq=proven.seq if proven else None,
    )


def _broken(
    sound: ChainPosition, first_bad_seq: int, reason: str, proven: ChainPosition | None
) -> ChainReport:
    return ChainReport(
        event_count=sound.seq,
        last_hash=sound.hash,
        first_bad_seq=first_bad_seq,
        reason=reason,
        anchored_seq=proven.seq if proven else None,
    )


_PACK_HEAD = struct.Struct(">B32sQ").pack
_decode = json.JSONDecoder().raw_decode
_pick_columns = itemgetter(*FILTER_COLUMNS)


def _fault(link: ChainLink, position: ChainPosition) -> str | None:
    seq, version, previous_hash, link_hash, payload = link[:5]
    if seq != position.seq + 1:
        return f"Event {position.seq + 1} is missing; event {seq} follows."
    if version != FORMAT_VERSION:
        return f"Event {seq} has format {version}, unknown here."
    if previous_hash != position.hash:
        return f"Event {seq} does not continue the event before it."
    # `event_hash`, written out: the call and its checks cost as much as the hash.
    head = _PACK_HEAD(version, previous_hash, seq)
    if hashlib.sha256(head + payload.encode()).digest() != link_hash:
        return f"Event {seq} does not have the hash of its payload."
    try:
        record, end = _decode(payload)
        # A column whose value is absent from the payload is a difference too.
        stated = _pick_columns(record)
    except (ValueError, TypeError, LookupError):
        end, stated = -1, ()
    if end == len(payload) and stated == link[5:]:
        return None
    return _column_fault(link, end, stated)


def _column_fault(link: ChainLink, end: int, stated: tuple[object, ...]) -> str:
    if end != len(link.payload):
        return f"Event {link.seq} has a payload that is not one complete record."
    pairs = zip(FILTER_COLUMNS, link[5:], stated, strict=True)
    name = next(name for name, column, said in pairs if column != said)
    return f"Event {link.seq} says another {name} than its payload."


def contradiction(anchors: Iterable[Anchor]) -> str | None:
    """How anchors contradict each other, in a sentence; None when they do not."""
    ordered = sorted(anchors, key=lambda anchor: (anchor.seq, anchor.time_text))
    for earlier, later in pairwise(ordered):
        if earlier.installation_id != later.installation_id:
            return "The anchors are of two installations."
        if earlier.seq == later.seq and earlier.head != later.head:
            return f"Two anchors name different events {later.seq}."
    return None
