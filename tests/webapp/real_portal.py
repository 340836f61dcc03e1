"""The portal with its own pages, and every way into it, found by asking the app."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dash
from werkzeug.routing import (
    FloatConverter,
    IntegerConverter,
    PathConverter,
    Rule,
    UUIDConverter,
)

from core.access import PERMISSIONS, Permission, Role
from orchestrator.runtime import Runtime
from pages.navigation import register_pages
from tests.webapp.conftest import Portal
from webapp.app import CALLBACK_PERMISSIONS, create_app
from webapp.dash_internals import output_ids
from webapp.permissions import ROUTES, Access

METHODS = (
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
)  # fmt: skip
STRANGERS = ("anonymous", "disabled", "newcomer")
"""People with no way in: no login, a disabled one, a one-time password."""
PEOPLE = tuple(role.value for role in Role)
_EXAMPLES: dict[type, object] = {
    IntegerConverter: 1,
    FloatConverter: 1.5,
    PathConverter: "nowhere",
    UUIDConverter: uuid.UUID(int=1),
}
_WILDCARDS = ("ALL", "MATCH", "ALLSMALLER")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One way into the portal, with what it asks for."""

    method: str
    address: str
    endpoint: str
    access: Access | Permission
    is_known_method: bool

    @property
    def is_api(self) -> bool:
        """An endpoint of the API, which no login of a browser opens."""
        return self.endpoint.startswith("api.")

    def lets_in(self, kind: str) -> bool:
        """What the permission table answers for this kind of visitor."""
        if self.is_api:
            return False
        if self.access is Access.ANYBODY:
            return True
        return kind in PEOPLE and (
            not isinstance(self.access, Permission) or may(kind, self.access)
        )


def make_real_portal(runtime: Runtime) -> Portal:
    """The application over the real pages, with a person of each role."""
    portal = Portal(runtime=runtime, app=create_app(runtime, register_pages))
    for role in Role:
        portal.add_person(role.value, role)
    return portal


def may(kind: str, permission: Permission) -> bool:
    """Whether somebody of this kind has the permission."""
    return kind in PEOPLE and permission in PERMISSIONS[Role(kind)]


def doors(portal: Portal) -> Iterator[Door]:
    """Every URL rule of the application with every method, known or not."""
    for rule in portal.app.server.url_map.iter_rules():
        for method in METHODS:
            yield Door(
                method=method,
                address=_example(rule),
                endpoint=rule.endpoint,
                access=ROUTES[rule.endpoint].access,
                is_known_method=method in (rule.methods or ()),
            )


def table(portal: Portal) -> dict[str, Permission]:
    """Every callback that the server runs, with its permission."""
    found: dict[str, Permission] = portal.app.server.extensions[CALLBACK_PERMISSIONS]
    return found


def page_addresses(portal: Portal) -> dict[str, Permission]:
    """An address of every page, with its permission."""
    del portal  # the registry is global to Dash
    return {
        page["path_template"].replace("<", "").replace(">", "")
        if page["path_template"]
        else page["path"]: page["permission"]
        for page in dash.page_registry.values()
    }


def real_body(portal: Portal, callback_id: str, value: object = None) -> dict[str, Any]:
    """A body of the right shape for this callback; every value is `value`."""
    entry = portal.app.callback_map[callback_id]
    outputs = [_output(output, value) for output in output_ids(callback_id)]
    body = {
        "output": callback_id,
        "outputs": outputs if callback_id.startswith("..") else outputs[0],
        "inputs": [_filled(spec, value) for spec in entry["inputs"]],
        "state": [_filled(spec, value) for spec in entry["state"]],
        "changedPropIds": [f"{s['id']}.{s['property']}" for s in entry["inputs"]],
    }
    if callback_id.startswith(".._pages_content"):
        body["inputs"][0]["value"] = "/"
        body["inputs"][1]["value"] = ""
    return body


def _example(rule: Rule) -> str:
    values = {
        name: _EXAMPLES.get(type(converter), "x")
        for name, converter in rule._converters.items()
    }
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return built[1]


def _output(output: str, value: object) -> object:
    component_id, property_name = output.rsplit(".", 1)
    return _filled({"id": component_id, "property": property_name}, value)


def _filled(spec: dict[str, str], value: object) -> Any:
    if not spec["id"].startswith("{"):
        return {**spec, "value": value}
    pattern = json.loads(spec["id"])
    known = {
        key: "x" if isinstance(part, list) and part[0] in _WILDCARDS else part
        for key, part in pattern.items()
    }
    filled = {"id": known, "property": spec["property"], "value": value}
    is_many = any(part in (["ALL"], ["ALLSMALLER"]) for part in pattern.values())
    return [filled] if is_many else filled
