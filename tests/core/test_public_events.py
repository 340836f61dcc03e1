"""Which audit events are delivered under which public names."""

from __future__ import annotations

import pytest

from core.audit import AuditAction
from core.public_events import KIND_WORDS, PublicKind, public_events_of


def _kinds(action: str, **given: object) -> list[tuple[str, tuple[str, ...]]]:
    facts = {"object_type": None, "object_id": None, "after": None, **given}
    return [
        (event.kind.value, event.regions)
        for event in public_events_of(action, **facts)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("action", "given", "expected"),
    [
        ("login_succeeded", {}, []),
        ("decision_what_if", {"after": {"source": "a"}}, []),
        ("plan_found", {"after": {"anchor": "a"}}, [("plan.found", ())]),
        ("policy_changed", {"object_type": "policy", "object_id": "fleet"},
         [("policy.changed", ())]),
        ("policy_changed", {"object_type": "policy", "object_id": "a"},
         [("policy.changed", ("a",))]),
        ("model_implausible", {"object_type": "region", "object_id": "a"},
         [("model.implausible", ("a",))]),
        ("feed_failing", {"object_type": "feed", "after": {"regions": ["b", "a"]}},
         [("feed.failing", ("b", "a"))]),
        ("alarm_raised", {"object_type": "alarm", "after": {"region_slugs": ["a"]}},
         [("alarm.raised", ("a",))]),
        ("alarm_out_of_service", {"object_type": "region", "object_id": "a"},
         [("alarm.out_of_service", ("a",))]),
        ("decision_automatic", {"after": {"source": "a", "is_simulated": False}},
         [("verdict.changed", ("a",))]),
        ("decision_automatic", {"after": {"source": "a", "is_simulated": True}}, []),
        ("decision_recorded",
         {"after": {"source": "a", "target": "b", "supersedes_id": None}},
         [("decision.recorded", ("a", "b"))]),
        ("decision_recorded",
         {"after": {"source": "a", "target": None, "supersedes_id": 3}},
         [("decision.recorded", ("a",)), ("decision.superseded", ("a",))]),
    ],
)  # fmt: skip
def test_an_event_has_its_public_names_and_regions(
    action: str, given: dict[str, object], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert _kinds(action, **given) == expected


def test_a_test_goes_to_one_subscription() -> None:
    (event,) = public_events_of(
        "subscription_tested", object_type="subscription", object_id="ops", after=None
    )
    assert event.only_subscription == "ops"


def test_every_kind_is_named_like_an_action_or_made_of_one() -> None:
    actions = {action.value for action in AuditAction}
    made = {"decision.superseded", "verdict.changed", "digest.daily"}
    for kind in PublicKind:
        is_alarm = kind.value.startswith("alarm.")  # audited by the room of alarms
        assert kind.value.replace(".", "_") in actions or kind in made or is_alarm
    assert set(KIND_WORDS) == set(PublicKind)
