"""The payloads of deliveries, made from the audit event that each carries.

A payload holds what is listed here and nothing else of an event, so that neither an
address of a person nor what a later release adds to an event leaves by accident. Events
never change: every try of a delivery has the same payload.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import quote

from core.audit import AuditEvent
from core.public_events import KIND_WORDS, VERSION, PublicKind

MOST_ITEMS = 200
"""Of a list; its length is in the member that ends in `_count`."""

Payload = dict[str, Any]
_Read = Callable[[object], object]


def payload_of(
    kind: str,
    event: AuditEvent,
    *,
    detail: Mapping[str, object],
    public_url: str | None,
) -> Payload:
    """What is sent of an event under its public name.

    Parameters
    ----------
    detail : Mapping
        What was found when the delivery was written: of a verdict the former one.
    public_url : str or None
        Of the portal; without it the link is a path.
    """
    payload = json.loads(event.payload)
    after = payload.get("after") or {}
    named = PublicKind(kind)
    data = _data(named, event, after, payload.get("before") or {}) | dict(detail)
    reason = payload.get("reason")
    if named is not PublicKind.VERDICT_CHANGED and isinstance(reason, str):
        data["reason"] = reason
    return {
        "type": kind,
        "version": VERSION,
        "timestamp": _instant(event.occurred_at_utc),
        "data": {
            **data,
            "event_seq": event.seq,
            "actor": event.actor_name,
            "link": (public_url or "").rstrip("/") + _path(named, event, after),
        },
    }


def title_of(payload: Payload) -> str:
    """One line that says what a payload is about, for mail and lists."""
    data = payload["data"]
    words = KIND_WORDS[PublicKind(payload["type"])]
    about = next(
        (
            str(data[name])
            for name in ("text", "region", "source", "feed", "target", "subscription")
            if data.get(name)
        ),
        "",
    )
    verdict = f" {data['outcome']}" if data.get("outcome") else ""
    return f"{words}:{verdict} {about}".rstrip(": ")


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _text(value: object) -> object:
    return value if isinstance(value, str) else None


def _whole(value: object) -> object:
    return value if isinstance(value, int) else None


def _number(value: object) -> object:
    """The chain keeps numbers as text; JSON has no NaN and no infinity."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _time(value: object) -> object:
    if not isinstance(value, str):
        return None
    return _instant(datetime.fromisoformat(value))


def _flag(value: object) -> object:
    return value if isinstance(value, bool) else None


def _list(value: object) -> object:
    return value[:MOST_ITEMS] if isinstance(value, list) else []


def _values(value: object) -> object:
    """A flat mapping of plain values, such as the terms of a policy."""
    if not isinstance(value, dict):
        return {}
    plain = str | int | float | bool | None
    return {
        name: _number(item) if _number(item) is not None else item
        for name, item in value.items()
        if isinstance(item, plain)
    }


_DECISION: Mapping[str, _Read] = {
    "source": _text,
    "target": _text,
    "shift_pct": _number,
    "hours_of_day": _text,
    "window_start_utc": _time,
    "ends_at_utc": _time,
    "is_simulated": _flag,
    "outcome": _text,
    "reason_code": _text,
    "exceedance_probability": _number,
    "thermal_limit_c": _number,
    "confidence": _number,
    "model_version_id": _whole,
    "supersedes_id": _whole,
}
_MODEL: Mapping[str, _Read] = {
    "model_version_id": _whole,
    "target": _text,
    "onnx_sha256": _text,
    "origin": _text,
    "evidence": _number,
    "issued_at_utc": _time,
}
_ALARM: Mapping[str, _Read] = {
    "kind": _text,
    "cause": _text,
    "title": _text,
    "priority": _text,
    "text": _text,
    "since_utc": _time,
    "ended_at_utc": _time,
    "shelved_until_utc": _time,
    "until_utc": _time,
    "is_active": _flag,
    "is_acknowledged": _flag,
    "region_slugs": _list,
    "n_explained": _whole,
}
_PLAN: Mapping[str, _Read] = {
    "anchor": _text,
    "window_start_utc": _time,
    "is_simulated": _flag,
    "infeasible": _text,
}
_FEED: Mapping[str, _Read] = {"problem": _text, "regions": _list}


def _data(
    kind: PublicKind, event: AuditEvent, after: Payload, before: Payload
) -> Payload:
    group = kind.value.partition(".")[0]
    if kind is PublicKind.DECISION_SUPERSEDED:
        return {
            "decision_id": after.get("supersedes_id"),
            "superseded_by_id": _id(event),
            "source": _text(after.get("source")),
            "target": _text(after.get("target")),
        }
    if kind is PublicKind.VERDICT_CHANGED:
        kept = _members(_DECISION, after)
        return {
            "region": kept.pop("source"),
            "decision_id": _id(event),
            "bound_c": _number(after.get("source_bound_after_c")),
            **{name: kept[name] for name in _VERDICT},
        }
    if kind is PublicKind.DECISION_RECORDED:
        bound_c = _number(after.get("source_bound_after_c"))
        return {"decision_id": _id(event), "source_bound_c": bound_c} | _members(
            _DECISION, after
        )
    return _SUBJECTS[group](event, after, before)


_VERDICT = (
    *("outcome", "reason_code", "window_start_utc", "exceedance_probability"),
    *("thermal_limit_c", "confidence", "model_version_id"),
)


def _decision(event: AuditEvent, after: Payload, _before: Payload) -> Payload:
    ends = {name: _text(after.get(name)) for name in ("source", "target")}
    return {"decision_id": _id(event), **ends}


def _plan(event: AuditEvent, after: Payload, before: Payload) -> Payload:
    ids = after.get("decisions") or []
    former = before.get("decisions") or []
    return {
        "plan_id": _id(event),
        **{name: v for name, v in _members(_PLAN, after).items() if name in after},
        "transfer_count": after.get("transfers", len(ids)),
        "decision_ids": _list(ids),
        "former_plan_id": before.get("plan"),
        "former_decision_ids": _list(former),
        "former_decision_count": len(former),
    }


def _model(event: AuditEvent, after: Payload, before: Payload) -> Payload:
    data = {name: v for name, v in _members(_MODEL, after).items() if name in after}
    if event.object_type == "region":
        data["region"] = event.object_id
    if event.object_type == "target":
        data["target"] = event.object_id
    if "model_version_id" in before:
        data["former_model_version_id"] = before["model_version_id"]
    return data


def _feed(event: AuditEvent, after: Payload, _before: Payload) -> Payload:
    return {"feed": event.object_id} | _members(_FEED, after)


def _alarm(event: AuditEvent, after: Payload, before: Payload) -> Payload:
    known = before | after  # a transition says what changed; the rest is as before
    data = {name: v for name, v in _members(_ALARM, known).items() if name in known}
    return {"alarm": event.object_id, **data}


def _chain(_event: AuditEvent, after: Payload, _before: Payload) -> Payload:
    return {
        "first_bad_seq": after.get("first_bad_seq"),
        "scope": _text(after.get("scope")),
    }


def _policy(event: AuditEvent, after: Payload, before: Payload) -> Payload:
    region = None if event.object_id == "fleet" else event.object_id
    return {"region": region, "terms": _values(after), "former_terms": _values(before)}


def _subscription(event: AuditEvent, _after: Payload, _before: Payload) -> Payload:
    return {"subscription": event.object_id}


_SUBJECTS: Mapping[str, Callable[[AuditEvent, Payload, Payload], Payload]] = {
    "decision": _decision,
    "plan": _plan,
    "model": _model,
    "feed": _feed,
    "alarm": _alarm,
    "chain": _chain,
    "policy": _policy,
    "subscription": _subscription,
}


def _members(wanted: Mapping[str, _Read], given: Payload) -> Payload:
    return {name: read(given.get(name)) for name, read in wanted.items()}


def _id(event: AuditEvent) -> int | None:
    text = event.object_id or ""
    return int(text) if text.isdecimal() else None


def _path(kind: PublicKind, event: AuditEvent, after: Payload) -> str:
    """Where the portal shows it."""
    about = quote(event.object_id or "", safe="")
    group = kind.value.partition(".")[0]
    if kind is PublicKind.DECISION_SUPERSEDED:
        return f"/decisions/{after.get('supersedes_id')}"
    if group in {"decision", "verdict"}:
        return f"/decisions/{about}"
    if group == "feed":
        return f"/admin/feeds?feed={about}"
    if kind is PublicKind.MODEL_ACTIVATED:
        return f"/admin/models/{about}"
    if group == "subscription":
        return f"/admin/deliveries?subscription={about}"
    return f"/audit/event/{event.seq}"
