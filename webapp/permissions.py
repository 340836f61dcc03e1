"""Who may reach what: one table for routes, one for callbacks, one for pages.

Whatever is missing here stops the application from starting.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import dash
from dash import Dash
from flask import Flask

from core.access import Actor, Permission


class Access(Enum):
    """What a route asks for when it is not a permission of some roles."""

    ANYBODY = "anybody"
    LOGGED_IN = "logged_in"
    MONITORING = "monitoring"


ROUTES: Mapping[str, Access | Permission] = {
    "health.alive": Access.ANYBODY,
    "health.ready": Access.ANYBODY,
    "health.metrics": Access.MONITORING,
    "portal.login": Access.ANYBODY,
    "portal.stylesheet": Access.ANYBODY,
    "portal.icon": Access.ANYBODY,
    "portal.bootstrap": Access.LOGGED_IN,
    "portal.logout": Access.LOGGED_IN,
    "portal.account": Access.LOGGED_IN,
    "portal.password": Access.LOGGED_IN,
    "portal.end_login": Access.LOGGED_IN,
    "portal.end_other_logins": Access.LOGGED_IN,
    "telemetry.upload": Permission.MANAGE_TELEMETRY,
    "telemetry.preview": Permission.MANAGE_TELEMETRY,
    "models.upload": Permission.MANAGE_MODELS,
    "models.download": Permission.MANAGE_MODELS,
    "_dash_assets.static": Access.LOGGED_IN,
    "/": Access.LOGGED_IN,
    "/<path:path>": Access.LOGGED_IN,
    "/_favicon.ico": Access.LOGGED_IN,
    "/_reload-hash": Access.LOGGED_IN,
    "/_dash-layout": Access.LOGGED_IN,
    "/_dash-dependencies": Access.LOGGED_IN,
    "/_dash-update-component": Access.LOGGED_IN,
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": (
        Access.LOGGED_IN
    ),
}
"""By endpoint. Pages and callbacks behind Dash's routes have their own entries."""

ROUTER_CALLBACK = ".._pages_content.children..._pages_store.data.."
"""Dash's own: it asks for a page's layout, which checks the page's permission."""

_PAGE_ENDPOINTS = frozenset({"/", "/<path:path>"})


class MissingPermissionError(RuntimeError):
    """A route, a page or a callback says nobody who may reach it."""


class CallbackPermissions:
    """Which permission each server callback needs, by the id of its output."""

    def __init__(self) -> None:
        self._declared: dict[str, Permission] = {ROUTER_CALLBACK: Permission.VIEW_FLEET}
        self._resolved: dict[str, Permission] = {}

    def declare(self, output_id: str, permission: Permission) -> None:
        """Say what a callback needs: its whole id, or any one of its outputs."""
        self._declared[output_id] = permission

    def resolve(self, app: Dash) -> None:
        """Find the entry of every callback that runs on the server.

        Raises MissingPermissionError naming those that have none, or two that differ.
        """
        missing = []
        for callback_id, entry in app.callback_map.items():
            if "callback" not in entry:
                continue  # runs in the browser
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


def output_ids(callback_id: str) -> list[str]:
    """The outputs that Dash joined into a callback's id, without its hash marks.

    Examples
    --------
    >>> output_ids("..risk.children...chart.figure@0a1b..")
    ['risk.children', 'chart.figure']
    >>> output_ids("risk.children")
    ['risk.children']
    """
    is_joined = callback_id.startswith("..")
    outputs = callback_id[2:-2].split("...") if is_joined else [callback_id]
    return [output.split("@")[0] for output in outputs]


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


def page_at(path: str) -> Mapping[str, Any] | None:
    """The registered page of this path; None when there is none."""
    # Dash's own matching, so that the gate and the router never disagree.
    page, _ = dash._pages._path_to_page(path.strip("/"))
    return page or None


def may_reach(actor: Actor, access: Access | Permission) -> bool:
    """Whether somebody who is logged in may reach what asks for `access`."""
    return not isinstance(access, Permission) or actor.may(access)
