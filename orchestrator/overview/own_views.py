"""Views that a person saved: an address of the portal under a name of their own."""

from __future__ import annotations

from collections.abc import Mapping

from core.access import Permission
from core.audit import AuditAction
from core.errors import Conflict, InvalidInput, NotFound
from db import saved_views
from orchestrator.use_cases import Done, Event, Request, change, query

LONGEST_NAME = 60
LONGEST_ADDRESS = 600
MOST_VIEWS = 100


@query(Permission.KEEP_OWN_ACCOUNT)
def own_views(request: Request) -> Mapping[str, str]:
    """Addresses by name of the person who asks."""
    return saved_views.views_of(
        request.session, request.actor.user_id, limit=MOST_VIEWS
    )


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.VIEW_SAVED,
    repeat=lambda _request, kept: kept,
)
def save_view(request: Request, *, name: str, address: str) -> Done[str]:
    """Save an address under a name, in place of the one that has it; returns the name.

    Raises
    ------
    InvalidInput
        For a name that is empty or too long, and for an address of another site.
    Conflict
        When the person has saved `MOST_VIEWS` already.
    """
    called = _name(name)
    is_own = address.startswith("/") and address[1:2] not in {"/", "\\"}
    if not (is_own and address.isprintable() and len(address) <= LONGEST_ADDRESS):
        message = "Only a page of this portal can be saved as a view."
        raise InvalidInput(message)
    session, user_id = request.session, request.actor.user_id
    known = own_views(request)
    before = known.get(called)
    if before == address:
        return Done(answer=called)
    if before is None and len(known) >= MOST_VIEWS:
        message = f"{MOST_VIEWS} views are saved already; remove one first."
        raise Conflict(message)
    saved_views.store_view(session, user_id, called, address)
    event = Event(
        action=AuditAction.VIEW_SAVED,
        object_type="saved_view",
        object_id=called,
        before={"address": before} if before else None,
        after={"address": address},
    )
    return Done(answer=called, events=(event,), kept=called)


@change(
    Permission.KEEP_OWN_ACCOUNT,
    AuditAction.VIEW_REMOVED,
    repeat=lambda _request, kept: kept,
)
def remove_view(request: Request, *, name: str) -> Done[str]:
    """Forget a view; returns its name.

    Raises
    ------
    NotFound
        When the person has no view of that name.
    """
    called = _name(name)
    before = own_views(request).get(called)
    if before is None:
        message = f"You have no view called {called!r}."
        raise NotFound(message)
    saved_views.delete_view(request.session, request.actor.user_id, called)
    event = Event(
        action=AuditAction.VIEW_REMOVED,
        object_type="saved_view",
        object_id=called,
        before={"address": before},
    )
    return Done(answer=called, events=(event,), kept=called)


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not (name and name.isprintable() and len(name) <= LONGEST_NAME):
        message = f"Give the view a name of 1 to {LONGEST_NAME} characters."
        raise InvalidInput(message)
    return name
