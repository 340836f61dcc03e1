"""Who may reach what: one table for routes, one for callbacks, one for pages.

The application does not start when an entry is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import dash
from dash import Dash
from flask import Blueprint, Flask
from flask.typing import ResponseReturnValue

from core.access import Actor, Permission
from webapp.dash_internals import (
    CALLBACK_ENDPOINT,
    CALLBACK_LIST_ENDPOINT,
    ROUTER_CALLBACK,
    output_ids,
    server_callbacks,
)


class Access(Enum):
    """What a route requires when it is not a permission of some roles."""

    ANYBODY = "anybody"
    LOGGED_IN = "logged_in"
    MONITORING = "monitoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a route requires, and the largest body that it takes.

    Attributes
    ----------
    most_bytes : int | None
        None for the application's own limit.
    """

    access: Access | Permission
    most_bytes: int | None = None


ROUTES: dict[str, Route] = {
    name: Route(access=Access.LOGGED_IN)
    for name in (
        "_dash_assets.static",
        "/",
        "/<path:path>",
        "/_favicon.ico",
        "/_reload-hash",
        "/_dash-layout",
        CALLBACK_LIST_ENDPOINT,
        CALLBACK_ENDPOINT,
        "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    )
}
"""By endpoint: Dash's routes here, ours by `add_route`. Pages and callbacks behind
Dash's routes have their own entries."""


_MOST_OF_ANYBODY_BYTES = 3 * 2**14
"""A stranger's body is whole before a thread takes it: with its header it fits into the
64 KiB that `webapp.whole_requests` holds."""


def add_route(
    blueprint: Blueprint,
    rule: str,
    view: Callable[..., ResponseReturnValue],
    *,
    access: Access | Permission,
    methods: Sequence[str] = ("GET",),
    most_bytes: int | None = None,
) -> None:
    """Add a route with what it requires; its endpoint is the name of the view."""
    if access is Access.ANYBODY and most_bytes is None:
        most_bytes = _MOST_OF_ANYBODY_BYTES
    blueprint.add_url_rule(rule, view.__name__, view, methods=list(methods))
    ROUTES[f"{blueprint.name}.{view.__name__}"] = Route(
        access=access, most_bytes=most_bytes
    )


_PAGE_ENDPOINTS = frozenset({"/", "/<path:path>"})


class MissingPermissionError(RuntimeError):
    """A route, a page or a callback declares no permission."""


class CallbackPermissions:
    """Which permission each server callback needs, by the id of its output."""

    def __init__(self) -> None:
        self._declared: dict[str, Permission] = {ROUTER_CALLBACK: Permission.VIEW_FLEET}
        self._resolved: dict[str, Permission] = {}

    def declare(self, output_id: str, permission: Permission) -> None:
        """Declare what a callback needs, by its whole id or any one of its outputs."""
        self._declared[output_id] = permission

    def resolve(self, app: Dash) -> None:
        """Find the entry of every callback that runs on the server.

        Raises MissingPermissionError naming those that have none, or two that differ.
        """
        missing = []
        for callback_id in server_callbacks(app):
            permission = self._of_outputs(callback_id)
            if permission is None:
                missing.append(callback_id)
            else:
                self._resolved[callback_id] = permission
        if missing:
            message = f"Callbacks without one permission: {', '.join(sorted(missing))}."
            raise MissingPermissionError(message)

    def get(self, callback_id: str) -> Permission | None:
        """The permission of a callback; None when there is no such callback."""
        return self._resolved.get(callback_id)

    def table(self) -> Mapping[str, Permission]:
        """Every server callback with its permission."""
        return dict(self._resolved)

    def _of_outputs(self, callback_id: str) -> Permission | None:
        if callback_id in self._declared:
            return self._declared[callback_id]
        found = {
            self._declared[output]
            for output in output_ids(callback_id)
            if output in self._declared
        }
        return found.pop() if len(found) == 1 else None


def require_route_entries(server: Flask) -> None:
    """Raise MissingPermissionError unless every URL rule has an entry."""
    missing = {
        rule.endpoint
        for rule in server.url_map.iter_rules()
        if rule.endpoint not in ROUTES
    }
    if missing:
        message = f"Routes without a permission: {', '.join(sorted(missing))}."
        raise MissingPermissionError(message)


def require_page_entries() -> None:
    """Raise MissingPermissionError unless every page names its permission."""
    missing = [
        page["path"]
        for page in dash.page_registry.values()
        if not isinstance(page.get("permission"), Permission)
    ]
    if missing:
        message = f"Pages without a permission: {', '.join(sorted(missing))}."
        raise MissingPermissionError(message)


def is_page_endpoint(endpoint: str | None) -> bool:
    """Whether Dash answers this route with the page's frame, whatever the path."""
    return endpoint in _PAGE_ENDPOINTS


def may_reach(actor: Actor, access: Access | Permission) -> bool:
    """Whether somebody who is logged in may reach what requires `access`."""
    return not isinstance(access, Permission) or actor.may(access)
