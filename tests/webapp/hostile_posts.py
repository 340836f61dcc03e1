"""Seeded posts that no page of ours would send, from nearly right to plain garbage."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass
from typing import Any

from tests.webapp.conftest import Portal
from tests.webapp.real_portal import page_addresses, real_body
from webapp.dash_internals import ROUTER_CALLBACK

JUNK: tuple[object, ...] = (
    None, True, -1, 1e308, "", "..", "...", "a.b", "\x00", "{}", "☃" * 50,
    [], [[]], {}, {"id": {}}, {"id": "x", "property": []}, [[{"id": "x"}]],
)  # fmt: skip
_TEXTS = (
    "", "arizona", "ireland", "wyoming", "2025-07-13", "2023-02-30", "0", "101",
    "1e999", "-1", "25", "any", "what_if", "APPROVED", "nan", "x" * 5_000,
    "'; drop table x; --", "%ED%A0%80", "caf%E9",
    "../../etc/passwd", "\x00", "\ud800", "=1+1", "<script>alert(1)</script>", "%00",
    "9" * 400, "9223372036854775808", "6f0e4c1a-5a0b-4d52-9f0e-0d8a4f3d9b11", "\u202e",
    "admin", "operator", "?region=%00", "1", "2025-07-13T00:00:00", "{{7*7}}",
)  # fmt: skip
_NUMBERS = (0, -1, 1, 25, 101, 2**31, 2**63, 10**400, 1e308, -0.0, 0.1, True)
_NAMES = (
    "source", "target", "day", "shift", "shift_pct", "request_id", "decision_id",
    "region", "kind", "outcome", "live", "before", "page", "id", "name",
    "role", "data", "points",
)  # fmt: skip
_TYPES = (
    "application/json", "text/plain", "application/x-www-form-urlencoded", "text/xml",
    "multipart/form-data; boundary=x", "application/json; charset=utf-7", "",
)  # fmt: skip
_HEADERS = (
    {"Accept": "x" * 3_000}, {"Content-Encoding": "gzip"}, {"X-Forwarded-For": "::1"},
    {"X-HTTP-Method-Override": "DELETE"}, {"Transfer-Encoding": "chunked"},
    {"Cookie": "gfo_login=a; gfo_login=b; =; ;;;"}, {"Range": "bytes=0-"},
    {"Content-Length": "-1"}, {"Content-Length": "abc"},
    {"Authorization": "Basic \xff"},
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request to Dash's callback address."""

    data: bytes
    content_type: str
    headers: dict[str, str]


def make_post(portal: Portal, callback_ids: list[str], draw: random.Random) -> Post:
    """The next hostile post."""
    callback_id = draw.choice(callback_ids)
    body = real_body(portal, callback_id)
    for part in ("inputs", "state"):
        for item in body[part]:
            if isinstance(item, dict):
                item["value"] = value_for(item.get("property"), draw)
    if callback_id == ROUTER_CALLBACK:
        body["inputs"][0]["value"] = draw.choice([*page_addresses(portal), "/\x00", 5])
    style = draw.random()
    if style < 0.35:
        for _ in range(draw.randint(1, 4)):
            mutilate(body, draw)
    data = json.dumps(body).encode("utf-8", "surrogatepass")
    if style < 0.05:
        data = _garbage(data, draw)
    is_odd = draw.random() < 0.1
    return Post(
        data=data,
        content_type=draw.choice(_TYPES) if is_odd else _TYPES[0],
        headers=dict(draw.choice(_HEADERS)) if is_odd else {},
    )


def value_for(property_name: object, draw: random.Random, depth: int = 0) -> object:
    """Something hostile, and often nearly right, for a property of this name."""
    if property_name == "search" and draw.random() < 0.8:
        pairs = [
            (draw.choice(_NAMES), draw.choice(_TEXTS))
            for _ in range(draw.randint(0, 6))
        ]
        return "?" + "&".join(f"{name}={text}" for name, text in pairs)
    kind = draw.random()
    if kind < 0.35:
        return draw.choice(_TEXTS)
    if kind < 0.55:
        return draw.choice(_NUMBERS)
    if kind < 0.75 and depth < 3:
        return {
            draw.choice(_NAMES): value_for(None, draw, depth + 1)
            for _ in range(draw.randint(0, 8))
        }
    if kind < 0.85 and depth < 3:
        return [value_for(None, draw, depth + 1) for _ in range(draw.randint(0, 4))]
    return copy.deepcopy(draw.choice(JUNK))


def mutilate(node: object, draw: random.Random) -> None:
    """Change, drop or add something at a random depth."""
    target = draw.choice(_containers(node))
    junk = copy.deepcopy(draw.choice(JUNK))
    if isinstance(target, dict):
        key = draw.choice([*target, "output", "inputs", "outputs", "state", "new"])
        if draw.random() < 0.3:
            target.pop(key, None)
        else:
            target[key] = junk
    elif target and draw.random() < 0.5:
        target[draw.randrange(len(target))] = junk
    else:
        target.append(junk)


def _containers(node: object) -> list[Any]:
    if isinstance(node, dict):
        return [node, *(c for value in node.values() for c in _containers(value))]
    if isinstance(node, list):
        return [node, *(c for value in node for c in _containers(value))]
    return []


def _garbage(data: bytes, draw: random.Random) -> bytes:
    return draw.choice(
        [
            data[: draw.randrange(len(data))],
            b"\xff" + data,
            data.replace(b"null", b"NaN"),
            b"[" * draw.choice([500, 100_000]),
            b'{"output":' * 20_000,
            bytes(draw.randrange(256) for _ in range(200)),
            b'{"output": "' + b"x" * draw.choice([1_000_000, 2_200_000]) + b'"}',
            b" " * 10_000_000,
        ]
    )
