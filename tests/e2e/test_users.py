"""An admin makes an account; the person chooses a password and gets to work."""

from __future__ import annotations

import pytest

from tests.e2e.people import PASSWORD
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

NEW = "copper meadow twelve violins"


def test_a_person_is_added_logs_in_and_is_disabled(visitor: Visitor) -> None:
    visitor.come_in("ada", "/admin/users")
    visitor.sees("#users-table", "olga", "anton", "worker", "cannot log in")
    visitor.type_into("#users-name", "nora")
    visitor.choose("#users-new-role", "auditor")
    visitor.type_into("#users-add-password", PASSWORD)
    visitor.click("#users-add")
    visitor.sees("#users-add-status", "nora logs in once with", "not shown again")
    handed_out = visitor.text("#users-one-time")
    visitor.sees("#users-table", "nora", "has a one-time password")
    assert visitor.value("#users-add-password") == ""

    visitor.open("/account")
    visitor.browser.find_element("form[action='/logout'] button").click()
    visitor.sees("h1", "Log in")
    visitor.log_in("nora", handed_out)
    visitor.is_at("/account/password")
    for field, text in (("current", handed_out), ("new", NEW), ("repeated", NEW)):
        visitor.browser.find_element(f"#{field}").send_keys(text)
    visitor.browser.find_element("form button[type=submit]").click()
    visitor.is_at("/")
    visitor.sees("nav", "Audit")
    assert "Users" not in visitor.text("nav")

    visitor.log_out()
    visitor.sees("h1", "Log in")
    visitor.come_in("ada", "/admin/users?user=nora")
    visitor.sees("#users-chosen-name", "nora, active")
    visitor.type_into("#users-change-password", "not my password at all")
    visitor.click("#users-disable")
    visitor.sees("#users-change-status", "Nothing was changed")
    visitor.type_into("#users-change-password", PASSWORD)
    visitor.click("#users-disable")
    visitor.sees("#users-change-status", "nora is disabled and logged out everywhere")
    visitor.sees("#users-chosen-name", "nora, disabled")
    assert not visitor.enabled("#users-disable")
    assert visitor.enabled("#users-enable")


def test_an_operator_finds_no_way_there(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.sees("nav", "Overview")
    assert "Users" not in visitor.text("nav")
    visitor.open("/admin/users")
    visitor.sees("main", "Your role does not allow this")
    assert "One-time" not in visitor.browser.driver.page_source
