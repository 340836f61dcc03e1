"""What a request to a second person says it would change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from orchestrator.approvals.requests import ApprovalView, Effect
from pages.second_person import effect_words, requests_table
from pages.times import Times

AT = datetime(2026, 11, 30, 5, tzinfo=UTC)


def effect(**changes: object) -> Effect:
    values: dict[str, object] = {
        "action": "policy_changed",
        "object_type": "policy",
        "object_id": "fleet",
        "before": {"thermal_limit_c": "35.0", "confidence": "0.95"},
        "after": {"thermal_limit_c": "32.0", "confidence": "0.95"},
        "reason": "Heat wave.",
    }
    return Effect(**{**values, **changes})  # type: ignore[arg-type]


def view(**changes: object) -> ApprovalView:
    values: dict[str, object] = {
        "approval_id": 7,
        "act": "regions.change_policy",
        "effects": (effect(),),
        "asked_by": "ada",
        "asked_at_utc": AT,
        "expires_at_utc": AT,
        "state": "waiting",
        "is_own": False,
        "answered_by": None,
        "answered_at_utc": None,
    }
    return ApprovalView(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "policy fleet: thermal limit c 35.0 → 32.0. Reason: Heat wave."),
        (
            {"before": {"two_people": True}, "after": {"two_people": False}},
            "policy fleet: two people yes → no. Reason: Heat wave.",
        ),
        (
            {"before": {}, "after": {"name": "Release"}, "reason": None},
            "policy fleet: name Release.",
        ),
        (
            {"before": {"model": None}, "after": {"model": 2}, "reason": None},
            "policy fleet: model none → 2.",
        ),
    ],
)
def test_only_what_changes_is_said(changes: dict[str, object], words: str) -> None:
    assert effect_words(effect(**changes)) == words


def test_who_asked_takes_back_and_another_answers(
    text_of: Callable[[object], str],
) -> None:
    def shown(**changes: object) -> str:
        return text_of(requests_table((view(**changes),), "models", Times()))

    assert "Approve Refuse" in shown()
    assert "Take it back" in shown(is_own=True)
    assert "Approve" not in shown(is_own=True)
    answered = shown(state="approved", answered_by="bob", answered_at_utc=AT)
    assert "approved  by bob" in answered
    assert "Refuse" not in answered
    assert "Nothing waits." in text_of(requests_table((), "models", Times()))
