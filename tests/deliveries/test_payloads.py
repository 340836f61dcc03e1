"""Payloads hold what the document says, and nothing else of an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.audit import AuditEvent, canonical_json
from core.public_events import PublicKind
from orchestrator.deliveries.payloads import MOST_ITEMS, payload_of, title_of
from pages import addresses

DOCUMENT = (Path(__file__).parents[2] / "docs" / "deliveries.md").read_text("utf-8")
AT = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


def _event(action: str, **given: Any) -> AuditEvent:
    facts = {"before": None, "after": None, "reason": None, **given}
    payload = {name: facts[name] for name in ("before", "after", "reason")}
    payload |= {"address": "192.0.2.7", "session_sha256": "secret", "role": "admin"}
    return AuditEvent(
        seq=17,
        format_version=1,
        previous_hash=b"",
        hash=b"",
        payload=canonical_json(payload),
        occurred_at_utc=AT,
        actor_id=3,
        actor_name="ada",
        action=action,
        object_type=facts.get("object_type"),
        object_id=facts.get("object_id"),
        request_id=None,
    )


DECISION = {
    "kind": "recorded", "source": "texas", "target": "iowa", "shift_pct": 12.5,
    "window_start_utc": "2026-01-02T04:00:00+00:00", "is_simulated": False,
    "outcome": "APPROVED", "reason_code": "shift_resolves",
    "source_bound_after_c": 34.25, "exceedance_probability": float("nan"),
    "thermal_limit_c": 35.0, "confidence": "0.95", "model_version_id": 4,
    "supersedes_id": 9, "inputs_sha256": "x", "record_sha256": "y",
}  # fmt: skip
EVENTS: dict[str, dict[str, Any]] = {
    "decision.recorded": {"object_id": "12", "after": DECISION, "reason": "hot"},
    "decision.superseded": {"object_id": "12", "after": DECISION},
    "verdict.changed": {"object_id": "12", "after": DECISION},
    "plan.found": {
        "object_id": "5",
        "after": {"anchor": "texas", "transfers": 3, "is_simulated": False,
                  "window_start_utc": "2026-01-02T04:00:00+00:00", "infeasible": None},
    },
    "plan.changed": {
        "object_id": "6",
        "before": {"plan": 5, "decisions": [1, 2]},
        "after": {"plan": 6, "decisions": list(range(300))},
    },
    "model.activated": {
        "object_type": "model_version", "object_id": "4",
        "before": {"model_version_id": 3},
        "after": {"model_version_id": 4, "target": "temperature_c",
                  "onnx_sha256": "aa", "origin": "trained here"},
    },
    "model.coverage_lost": {"object_type": "region", "object_id": "texas",
                            "after": {"model_version_id": 4, "evidence": 4000.5}},
    "model.skill_lost": {"object_type": "model_version", "object_id": "4",
                         "after": {"model_version_id": 4, "evidence": 4000.5}},
    "model.unavailable": {"object_type": "target", "object_id": "temperature_c"},
    "feed.failing": {"object_id": "grid", "after": {
        "problem": "401", "failures": 0, "regions": ["texas"]}},
    "alarm.raised": {"object_id": "breach_now region:texas", "after": {
        "kind": "breach_now", "text": "hot", "region_slugs": ["texas"],
        "priority": "high", "email": "ada@example.com"}},
    "chain.broken": {"object_id": "3", "after": {"first_bad_seq": 3, "scope": "whole"}},
    "policy.changed": {"object_type": "policy", "object_id": "fleet",
                       "before": {"thermal_limit_c": 34.0},
                       "after": {"thermal_limit_c": 35.0, "confidence": "0.95"}},
    "subscription.tested": {"object_id": "ops"},
}  # fmt: skip


def _payload(kind: str, **detail: object) -> dict[str, Any]:
    return payload_of(
        kind, _event(kind, **EVENTS[kind]), detail=detail, public_url=None
    )


@pytest.mark.parametrize("kind", EVENTS)
def test_every_member_is_documented_and_nothing_private_leaves(kind: str) -> None:
    payload = _payload(kind)
    row = next(
        line
        for line in DOCUMENT.splitlines()
        if line.startswith("|") and f"`{kind}`" in line
    )
    always = {"event_seq", "actor", "link", "reason"}
    assert {n for n in payload["data"] if f"`{n}`" not in row} <= always
    text = json.dumps(payload, allow_nan=False)
    for private in ("192.0.2.7", "secret", "example.com", "inputs_sha256"):
        assert private not in text
    assert payload["timestamp"] == "2026-01-02T03:04:05.678Z"
    assert payload["data"]["actor"] == "ada"
    assert title_of(payload)


def test_values_are_plain_json() -> None:
    data = _payload("decision.recorded")["data"]
    assert data["decision_id"] == 12
    assert (data["shift_pct"], data["source_bound_c"]) == (12.5, 34.25)
    assert data["exceedance_probability"] is None
    assert data["confidence"] == 0.95
    assert data["window_start_utc"] == "2026-01-02T04:00:00.000Z"
    assert data["reason"] == "hot"
    data = _payload("verdict.changed", former_outcome="BLOCKED")["data"]
    assert (data["region"], data["outcome"]) == ("texas", "APPROVED")
    assert (data["bound_c"], data["former_outcome"]) == (34.25, "BLOCKED")
    data = _payload("plan.changed")["data"]
    assert len(data["decision_ids"]) == MOST_ITEMS
    assert (data["transfer_count"], data["former_plan_id"]) == (300, 5)


def test_links_lead_to_pages() -> None:
    paths = {kind: _payload(kind)["data"]["link"] for kind in EVENTS}
    assert paths["decision.recorded"] == f"{addresses.DECISIONS}12"
    assert paths["decision.superseded"] == f"{addresses.DECISIONS}9"
    assert paths["model.activated"] == f"{addresses.MODELS}4"
    assert paths["feed.failing"] == f"{addresses.ADMIN_FEEDS}?feed=grid"
    deliveries = f"{addresses.ADMIN_DELIVERIES}?subscription=ops"
    assert paths["subscription.tested"] == deliveries
    assert paths["chain.broken"] == f"{addresses.AUDIT_EVENT}17"
    event = _event("plan.found", **EVENTS["plan.found"])
    whole = payload_of(
        PublicKind.PLAN_FOUND, event, detail={}, public_url="https://fleet.example/"
    )
    assert whole["data"]["link"] == f"https://fleet.example{addresses.AUDIT_EVENT}17"
