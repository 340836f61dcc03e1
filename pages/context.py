"""What the web application gives to every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from core.access import Actor, Permission
from orchestrator.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What the web application gives to every page at registration.

    Attributes
    ----------
    current_actor : callable
        The actor of this request; raises Forbidden when nobody is logged in.
    request_id : callable
        The id that the browser gave to this change: the same when it sends it again.
    callback_permission : callable
        A page declares each server callback's permission by its output id
        (`"what-if-verdict.children"`); a callback without one stops the start.
    """

    runtime: Runtime
    current_actor: Callable[[], Actor]
    request_id: Callable[[], UUID]
    callback_permission: Callable[[str, Permission], None]
