"""What holds for feeds and subscriptions alike: their names, hosts, regions, events."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from core.audit import AuditAction
from core.errors import InvalidInput
from db.regions import StoredRegion, regions_by_slug
from orchestrator.use_cases import Event

LONGEST_TEXT = 2_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,58}[A-Za-z0-9]|[A-Za-z0-9]")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45}")


def check_name(noun: str, name: str) -> None:
    """Raise InvalidInput for a name that is not allowed."""
    if not _NAME.fullmatch(name):
        message = (
            f"The name of a {noun} has 1 to 60 letters, digits, spaces, points, hyphens"
            " or underscores."
        )
        raise InvalidInput(message)


def checked_hosts(hosts: Iterable[str]) -> list[str]:
    """Hosts as addresses write them; raises InvalidInput for what is none."""
    found = sorted({host.lower() for host in hosts})
    for host in found:
        if not _HOST.fullmatch(host):
            message = f"{host[:60]!r} is no host; name it as in the address."
            raise InvalidInput(message)
    return found


def check_address_text(address: str) -> None:
    """Raise InvalidInput for an address that is too long or cannot be shown."""
    if len(address) > LONGEST_TEXT or not address.isprintable():
        message = "The address is too long, or holds what cannot be shown."
        raise InvalidInput(message)


def known_regions(session: Session, slugs: Sequence[str]) -> list[StoredRegion]:
    """The regions called so, active or not; raises InvalidInput for an unknown one."""
    found = regions_by_slug(session, slugs)
    known = {stored.slug for stored in found}
    for slug in slugs:
        if slug not in known:
            message = f"There is no region {slug[:60]!r}."
            raise InvalidInput(message)
    return found


def changed_values(
    before: Any,  # noqa: ANN401 -- any dataclass
    after: Any,  # noqa: ANN401
) -> tuple[dict[str, object], dict[str, object]]:
    """The fields that differ, as they were and as they are."""
    old, new = asdict(before), asdict(after)
    changed = [name for name, value in new.items() if value != old[name]]
    return {name: old[name] for name in changed}, {name: new[name] for name in changed}


def integration_event(
    noun: str,
    action: AuditAction,
    name: str,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> Event:
    """What a change of a feed or subscription adds to the audit chain."""
    return Event(
        action=action, object_type=noun, object_id=name, before=before, after=after
    )
