"""Changing a password over HTTP, and the one-time password flow."""

from __future__ import annotations

import re

import pytest

from core.access import Role
from core.audit import AuditAction
from orchestrator.accounts.administration import ensure_first_admin
from tests.webapp.conftest import PASSWORD, Browser, Clock, Portal

NEW = "copper meadow twelve violins"


def _change(
    browser: Browser, current: str, new: str, repeated: str | None = None
) -> int:
    response = browser.post_form(
        "/account/password",
        current=current,
        new=new,
        repeated=new if repeated is None else repeated,
    )
    return response.status_code


def test_a_one_time_password_opens_nothing_but_its_change(portal: Portal) -> None:
    portal.add_person("newcomer", Role.ADMIN, must_change_password=True)
    browser = portal.browser()
    response = browser.log_in("newcomer", next="/users")
    assert response.headers["Location"] == "/account/password"
    for path in ("/", "/users", "/account", "/no/such/page"):
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (
            302,
            "/account/password",
        )
    for path in ("/_dash-layout", "/assets/gfo.css"):
        assert browser.get(path).status_code == 403
    assert browser.post_callback({"output": "home-text.children"}).status_code == 403
    assert "one-time password" in browser.get("/account/password").get_data(
        as_text=True
    )
    assert _change(browser, PASSWORD, NEW) == 303
    assert browser.get("/users").status_code == 200
    assert portal.browser().log_in("newcomer").status_code == 401
    assert portal.browser().log_in("newcomer", NEW).status_code == 303


def test_the_first_admin_logs_in_with_the_printed_password(bare_portal: Portal) -> None:
    with bare_portal.runtime.request_as("worker") as request:
        printed = ensure_first_admin(request, "first", None)
    assert printed is not None
    browser = bare_portal.browser()
    assert browser.log_in("first", printed).headers["Location"] == "/account/password"
    browser.get("/account/password")
    assert _change(browser, printed, NEW) == 303
    assert browser.get("/users").status_code == 200


def test_a_change_gives_a_new_token_and_ends_every_other_login(portal: Portal) -> None:
    browser, elsewhere = portal.logged_in("operator"), portal.logged_in("operator")
    before = browser.login_token
    assert _change(browser, PASSWORD, NEW) == 303
    assert browser.login_token != before
    assert browser.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    old = portal.browser()
    old.client.set_cookie("gfo_login", before or "", domain="localhost")
    assert old.get("/").status_code == 302


@pytest.mark.parametrize(
    ("current", "new", "repeated", "sentence"),
    [
        ("wrong", NEW, NEW, "current password is wrong"),
        (PASSWORD, NEW, NEW + "x", "differ"),
        (PASSWORD, "short", "short", "too short"),
        (PASSWORD, "a" * 300, "a" * 300, "too long"),
        (PASSWORD, "password12345", "password12345", "too easy"),
        (PASSWORD, "operatoroperator", "operatoroperator", "too easy"),
        (PASSWORD, PASSWORD, PASSWORD, "must differ from the old"),
        ("", "", "", "current password is wrong"),
    ],
)
def test_a_refused_change_says_why_and_changes_nothing(
    portal: Portal, current: str, new: str, repeated: str, sentence: str
) -> None:
    browser = portal.logged_in("operator")
    response = browser.post_form(
        "/account/password", current=current, new=new, repeated=repeated
    )
    assert response.status_code == 422
    assert sentence in response.get_data(as_text=True)
    assert portal.browser().log_in("operator").status_code == 303


@pytest.mark.parametrize(
    "password",
    ["only lower case letters here", "12 97 3385 10 4471 6", "ünïcödé ßtraße ☃ snow"],
)
def test_no_composition_is_asked_for(portal: Portal, password: str) -> None:
    browser = portal.logged_in("operator")
    assert _change(browser, PASSWORD, password) == 303
    assert portal.browser().log_in("operator", password).status_code == 303


def test_guessing_the_current_password_is_slowed_like_a_login(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.logged_in("operator")
    for _ in range(5):
        assert _change(browser, "wrong", NEW) == 422
    assert _change(browser, PASSWORD, NEW) == 422
    clock.advance(seconds=16)
    assert _change(browser, PASSWORD, NEW) == 303


def test_a_change_is_audited_without_any_password(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    _change(browser, PASSWORD, NEW)
    event = portal.events()[0]
    assert event.action == AuditAction.PASSWORD_CHANGED
    assert event.actor_name == "operator"
    assert all(
        secret not in e.payload for e in portal.events() for secret in (PASSWORD, NEW)
    )


def test_the_account_page_lists_own_logins_and_ends_them(portal: Portal) -> None:
    browser, elsewhere = portal.logged_in("operator"), portal.logged_in("operator")
    stranger = portal.logged_in("auditor")
    page = browser.get("/account").get_data(as_text=True)
    assert browser.address in page
    assert elsewhere.address in page
    assert stranger.address not in page
    (target,) = re.findall(r'action="(/account/logins/\d+/end)"', page)
    assert stranger.post_form(target).status_code == 404
    assert elsewhere.get("/").status_code == 200
    assert browser.post_form(target).status_code == 303
    assert elsewhere.get("/").status_code == 302


def test_all_other_logins_can_be_ended_at_once(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    assert "End all others" not in browser.get("/account").get_data(as_text=True)
    elsewhere = [portal.logged_in("operator") for _ in range(2)]
    stranger = portal.logged_in("auditor")
    assert "End all others" in browser.get("/account").get_data(as_text=True)
    assert browser.post_form("/account/logins/end-others").status_code == 303
    assert [other.get("/").status_code for other in elsewhere] == [302, 302]
    assert browser.get("/").status_code == stranger.get("/").status_code == 200
    event = portal.events()[0]
    assert event.action == AuditAction.SESSION_ENDED
    assert '"ended_sessions":2' in event.payload


def test_forms_let_a_password_manager_work(portal: Portal) -> None:
    login = portal.browser().get("/login").get_data(as_text=True)
    change = (
        portal.logged_in("operator").get("/account/password").get_data(as_text=True)
    )
    assert 'autocomplete="username"' in login
    assert 'autocomplete="current-password"' in login
    assert change.count('autocomplete="new-password"') == 2
    assert "onpaste" not in login + change
    for page in (login, change):
        for field in ("name", "password", "current", "new", "repeated"):
            if f'id="{field}"' in page:
                assert f'for="{field}"' in page


def test_what_somebody_typed_as_a_name_is_escaped(portal: Portal) -> None:
    page = portal.browser().log_in('"><script>alert(1)</script>', "x")
    assert "<script>alert" not in page.get_data(as_text=True)
