"""Two admins in a real browser: one asks for another price, the second approves it."""

from __future__ import annotations

import pytest

from core.access import Role
from db import policies, users
from orchestrator.accounts.passwords import hash_password
from tests.e2e.people import PASSWORD
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e


def add_second_admin(visitor: Visitor) -> None:
    """One of long ago, whom nobody made a moment before."""
    with visitor.portal.runtime.transaction() as session:
        users.insert_user(
            session,
            name="bob",
            role=Role.ADMIN,
            password_hash=hash_password(PASSWORD),
            must_change_password=False,
        )


def price(visitor: Visitor) -> float:
    with visitor.portal.runtime.transaction() as session:
        return policies.fleet_policy(session).migration_usd_per_mwh


def ask_for_seven_dollars(visitor: Visitor) -> None:
    visitor.type_into("#region-migration-usd-per-mwh", "7")
    visitor.type_into("#terms-reason", "Prices rose.")
    visitor.type_into("#terms-password", PASSWORD)
    visitor.click("#terms-save")
    visitor.sees("#terms-save-status", "A second person has to approve this")


def test_a_second_admin_approves_what_the_first_asked_for(visitor: Visitor) -> None:
    add_second_admin(visitor)
    visitor.come_in("ada", "/admin/regions")
    visitor.sees("#regions-rules", "Rules for changes")
    assert not visitor.visible("#regions-approvals-panel")
    visitor.click("#rules-two-people")
    visitor.type_into("#rules-reason", "Two of us.")
    visitor.type_into("#rules-password", PASSWORD)
    visitor.click("#rules-save")
    visitor.sees("#rules-save-status", "The rules are set.")
    before = price(visitor)
    ask_for_seven_dollars(visitor)
    assert price(visitor) == before
    visitor.open("/admin/models")
    visitor.sees("#models-approvals-table", "1: Change the terms", "Take it back")
    visitor.log_out()
    visitor.come_in("bob", "/admin/models")
    visitor.sees("#models-approvals-table", "usd", "→ 7.0", "ada", "Approve")
    visitor.type_into("#models-approvals-password", PASSWORD)
    visitor.click("#models-approvals-table button")
    visitor.sees("#models-approvals-notice", "Request 1 is approved.")
    visitor.sees("#models-approvals-table", "approved by bob")
    assert price(visitor) == 7.0
