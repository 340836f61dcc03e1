"""This installation's anchors, and the key with which its chain says they began."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.anchors import Anchor
from core.audit import AuditAction
from core.errors import InvalidInput
from db import audit
from orchestrator.audit import anchor_files
from orchestrator.audit.anchor_files import AnchorPlaces, SigningKey

_WAY_OUT = (
    " Put it back from a copy; to begin anew all the same: gfo audit begin-anchors"
    " --reason …"
)


def signing_key_of_chain(session: Session) -> str | None:
    """Public key with which anchoring began last; None when it never did."""
    found = audit.list_events(session, action=AuditAction.ANCHORING_BEGUN, limit=1)
    return found[0].object_id if found else None


def begun_key(session: Session, places: AnchorPlaces) -> SigningKey | None:
    """The key with which anchoring began; None when it has not begun.

    Raises
    ------
    InvalidInput
        When the key is lost, unreadable or another one, or the anchors are gone.
    """
    begun = signing_key_of_chain(session)
    has_anchors = places.anchor_file.exists() and places.anchor_file.stat().st_size > 0
    if not places.key_file.exists():
        if begun is None and not has_anchors:
            return None
        message = f"The anchor key {places.key_file} is lost.{_WAY_OUT}"
        raise InvalidInput(message)
    key = anchor_files.load_key(places.key_file)
    if begun not in {None, key.public_hex}:
        message = (
            f"The anchor key {places.key_file} is not the one with which anchoring"
            f" began, {begun}.{_WAY_OUT}"
        )
        raise InvalidInput(message)
    if not has_anchors:
        message = (
            f"The anchor file {places.anchor_file} holds no anchor, although anchoring"
            f" began.{_WAY_OUT}"
        )
        raise InvalidInput(message)
    return key


def known_anchors(session: Session, places: AnchorPlaces) -> tuple[Anchor, ...]:
    """The anchors of this installation; none when it has not anchored yet.

    Raises
    ------
    InvalidInput
        When the chain says that anchoring began, and key or anchors are lost.
    """
    key = begun_key(session, places)
    if key is None:
        return ()
    return anchor_files.read_anchors(places.anchor_file, [key.public_hex])


def newest_known_anchor(session: Session, places: AnchorPlaces) -> Anchor | None:
    """The newest of `known_anchors`, without reading all of a long file."""
    key = begun_key(session, places)
    if key is None:
        return None
    return anchor_files.last_anchor(places.anchor_file, [key.public_hex])
