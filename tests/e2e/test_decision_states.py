"""Recorded is not done: both verdicts side by side, until the shift is in effect."""

from __future__ import annotations

import re

import pytest

from db.policies import insert_policy
from db.regions import region_by_slug
from db.users import system_actor
from tests.e2e.serving import Portal
from tests.e2e.visitor import Visitor, fleet_row

pytestmark = pytest.mark.e2e

RECORDED = re.compile(r"Recorded as decision (\d+)")


@pytest.fixture
def decision_id(visitor: Visitor, portal: Portal) -> str:
    """40 % of Arizona's load is recorded to Ireland, which clears Arizona."""
    with portal.runtime.transaction() as session:
        insert_policy(
            session,
            region_id=region_by_slug(session, "arizona").region_id,
            values={"thermal_limit_c": 42.5},
            actor_id=system_actor(session, "cli").user_id,
            reason="The hall was rebuilt.",
        )
    visitor.come_in("olga", "/what-if?source=arizona&target=ireland")
    visitor.sees("#what-if-baseline", "Without a shift", "BLOCKED")
    visitor.type_into("#what-if-number", "40")
    visitor.sees("#what-if-verdict", "shift 40 %", "✓ APPROVED")
    visitor.click("#what-if-record")
    visitor.type_into("#what-if-comment", "Room in Ireland.")
    visitor.click("#what-if-record-confirm")
    visitor.sees_no("#what-if-record-modal")
    return visitor.sees_match("#what-if-recorded", RECORDED)[1]


def test_a_recorded_shift_stands_beside_the_load_of_now_until_it_is_in_effect(
    visitor: Visitor, decision_id: str
) -> None:
    visitor.open("/")
    row = visitor.sees(fleet_row("arizona"), "■ BLOCKED", "With what is recorded:")
    assert "✓ APPROVED bound" in row
    assert "40 % Arizona → Ireland" in row
    assert "(recorded)" in row
    visitor.sees(
        "#fleet-headline",
        "BLOCKED: Arizona.",
        "With what is recorded, which is not in effect: Arizona APPROVED.",
    )

    visitor.open("/forecast?region=arizona")
    visitor.sees(
        "#forecast-grounds",
        "As load is now: ■ BLOCKED",
        "(shown)",
        "With what is recorded: ✓ APPROVED",
    )
    visitor.sees("#forecast-chart-caption", "As load is now.")
    visitor.follow("Show it", "#forecast-grounds")
    visitor.sees("#forecast-sentence", "with what is recorded", "✓ APPROVED")
    visitor.sees("#forecast-chart-caption", "With what is recorded.")

    visitor.open("/what-if?source=arizona&target=ireland")
    visitor.sees(
        "#what-if-baseline",
        "As load is now, without this shift",
        "■ BLOCKED",
        "With what is recorded, without this shift",
        "✓ APPROVED",
    )

    visitor.open(f"/decisions/{decision_id}")
    visitor.sees("#decision-standing", "State: recorded.", "24 hours from 20 Jul 2025")
    visitor.click("#state-acknowledged")
    visitor.sees("#decision-standing", "State: acknowledged.", "Acknowledged: olga")
    visitor.sees_no("#state-acknowledged")
    visitor.click("#state-in_effect")
    visitor.sees("#decision-standing", "State: in effect.", "In effect: olga")
    visitor.sees_no("#decision-stating")

    visitor.open("/")
    row = visitor.sees(fleet_row("arizona"), "✓ APPROVED")
    assert "With what is recorded" not in row
    visitor.open("/audit?kind=recorded")
    visitor.sees("#audit-decisions-table", "in effect")


def test_a_shift_can_be_recorded_until_it_is_taken_back(
    visitor: Visitor, decision_id: str
) -> None:
    visitor.open(f"/decisions/{decision_id}")
    visitor.sees(
        "#supersede-panel", "Replace this decision", "the same shift renews it"
    )
    visitor.holds("#supersede-shift", "40")
    visitor.click("#supersede-evaluate")
    visitor.sees("#supersede-verdict", "✓ APPROVED")
    visitor.choose("#supersede-term", "open")
    visitor.type_into("#supersede-reason", "It stays hot.")
    visitor.click("#supersede-record")
    visitor.sees("#supersede-record-status", "Recorded in its place.")
    visitor.follow("Decision", "#supersede-record-status")
    visitor.sees("#decision-standing", "repeated each day until it is taken back")
    visitor.open("/")
    visitor.sees(fleet_row("arizona"), "(recorded, until taken back)")


def test_a_refusal_needs_its_reason(visitor: Visitor, decision_id: str) -> None:
    visitor.open(f"/decisions/{decision_id}")
    visitor.click("#state-refused")
    visitor.sees("#state-status", "Write the reason")
    visitor.type_into("#state-reason", "The link to Ireland is down.")
    visitor.click("#state-refused")
    visitor.sees(
        "#decision-standing", "State: refused.", "The link to Ireland is down."
    )
    visitor.open("/")
    row = visitor.sees(fleet_row("arizona"), "■ BLOCKED")
    assert "With what is recorded" not in row
