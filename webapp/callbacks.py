"""What may be posted to Dash: bodies that a page of ours could have sent.

Dash runs any callback that a body names and does not compare the ids and properties
in the body with those it registered. Everything is checked here before it sees it; the
values stay hostile, and each callback parses its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dash import Dash
from flask import Request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

from webapp.dash_internals import (
    ROUTER_CALLBACK,
    is_component_id,
    is_property,
    output_ids,
    registered_callback,
)

_WILDCARDS = ('["ALL"]', '["MATCH"]', '["ALLSMALLER"]')


class StrictJson(DefaultJSONProvider):
    """JSON as the standard has it: NaN and the infinities are no numbers."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:  # noqa: ANN401
        """Parse, refusing what Python would let through."""
        return super().loads(s, parse_constant=_refuse_constant, **kwargs)


def parse_body(incoming: Request) -> dict[str, Any]:
    """The posted callback as a record with an output id, else BadRequest."""
    try:
        body = incoming.get_json()
    except RecursionError as exc:
        raise BadRequest from exc
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        raise BadRequest
    if not all(map(is_storable, _texts(body))):
        raise BadRequest
    return body


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, no half of a surrogate pair."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(body: object) -> Iterator[str]:
    """Every text in a parsed body, names included; not by recursion, it may be deep."""
    waiting = [body]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            yield from item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def require_registered_shape(app: Dash, body: Mapping[str, Any]) -> None:
    """Raise BadRequest unless ids and properties are those of the callback."""
    entry = registered_callback(app, body["output"])
    _require_all_match(body.get("inputs", []), entry["inputs"])
    _require_all_match(body.get("state", []), entry["state"])
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(i, str) for i in changed):
        raise BadRequest
    if not entry["no_output"]:
        _require_outputs(body.get("outputs"), body["output"])
    if body["output"] == ROUTER_CALLBACK:
        _require_location(body["inputs"])


def _require_all_match(sent: object, registered: Sequence[Mapping[str, str]]) -> None:
    if not isinstance(sent, list) or len(sent) != len(registered):
        raise BadRequest
    for item, expected in zip(sent, registered, strict=True):
        _require_match(item, expected["id"], expected["property"])


def _require_outputs(sent: object, callback_id: str) -> None:
    outputs = sent if callback_id.startswith("..") else [sent]
    expected = [output.rsplit(".", 1) for output in output_ids(callback_id)]
    if not isinstance(outputs, list) or len(outputs) != len(expected):
        raise BadRequest
    for item, (component_id, property_name) in zip(outputs, expected, strict=True):
        _require_match(item, component_id.replace("\\.", "."), property_name)


def _require_match(sent: object, component_id: str, property_name: str) -> None:
    is_wildcard = any(wildcard in component_id for wildcard in _WILDCARDS)
    items = sent if is_wildcard and isinstance(sent, list) else [sent]
    for item in items:
        if not isinstance(item, dict) or not _is_id(item.get("id")):
            raise BadRequest
        sent_property = item.get("property")
        if not isinstance(sent_property, str):
            raise BadRequest
        if not is_property(sent_property, property_name):
            raise BadRequest
        if not is_wildcard and not is_component_id(item["id"], component_id):
            raise BadRequest


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, dict) and all(
        isinstance(part, str | int | float) for part in value.values()
    )


def _require_location(inputs: Sequence[Mapping[str, Any]]) -> None:
    """Dash's router takes the path and the query apart without looking at them."""
    pathname, search = inputs[0].get("value"), inputs[1].get("value")
    if not isinstance(pathname, str) or not pathname.startswith("/"):
        raise BadRequest
    if not pathname.isprintable():
        raise BadRequest
    if search is not None and not isinstance(search, str):
        raise BadRequest


def _refuse_constant(name: str) -> None:
    message = f"{name} is not a JSON number."
    raise ValueError(message)
