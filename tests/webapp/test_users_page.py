"""The Users page over HTTP: who it is for, and what its forms do."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

from core.access import Role
from core.audit import AuditAction
from orchestrator.accounts.administration import ONE_TIME_LIFE
from orchestrator.runtime import Runtime
from tests.webapp.conftest import PASSWORD, Browser, Portal
from tests.webapp.real_portal import make_real_portal, real_body, table

HOSTILE_NAME = '<img src=x onerror=alert(1)> "=1+1"'


@pytest.fixture
def real(runtime: Runtime) -> Portal:
    return make_real_portal(runtime)


def _callback_of(portal: Portal, output: str) -> str:
    return next(callback_id for callback_id in table(portal) if output in callback_id)


def _post(
    portal: Portal, browser: Browser, output: str, changed: str, **values: object
) -> tuple[int, dict[str, Any]]:
    body = real_body(portal, _callback_of(portal, output))
    for item in (*body["inputs"], *body["state"]):
        item["value"] = values.get(item["id"].replace("-", "_"))
    body["changedPropIds"] = [changed]
    response = browser.post_callback(body)
    return response.status_code, response.get_json() if response.data else {}


def _add(
    portal: Portal, browser: Browser, name: str, **changes: object
) -> tuple[int, dict[str, Any]]:
    given: dict[str, object] = {
        "users_name": name,
        "users_new_role": "operator",
        "users_add_password": PASSWORD,
        "users_add_request": str(uuid.uuid4()),
        **changes,
    }
    return _post(portal, browser, "users-add-status.", "users-add.n_clicks", **given)


def _change(
    portal: Portal, browser: Browser, button: str, name: str, **changes: object
) -> tuple[int, dict[str, Any]]:
    given: dict[str, object] = {
        "users_chosen": name,
        "users_role": "auditor",
        "users_change_password": PASSWORD,
        "users_change_request": str(uuid.uuid4()),
        **changes,
    }
    return _post(portal, browser, "users-change-status.", f"{button}.n_clicks", **given)


def _one_time(answer: dict[str, Any]) -> str:
    found = re.search(r"'([a-z0-9]{5}(?:-[a-z0-9]{5}){3})'", str(answer))
    assert found is not None, answer
    return found[1]


def test_an_added_person_logs_in_once_and_chooses_a_password(real: Portal) -> None:
    admin = real.logged_in("admin")
    status, answer = _add(real, admin, "Newcomer")
    assert status == 200
    handed_out = _one_time(answer)
    browser = real.browser()
    login = browser.log_in("newcomer", handed_out)
    assert login.headers["Location"] == "/account/password"
    event = next(e for e in real.events() if e.action == AuditAction.USER_ADDED)
    assert event.actor_name == "admin"
    assert handed_out not in event.payload


def test_a_handed_out_password_works_for_three_days(real: Portal) -> None:
    _, answer = _add(real, real.logged_in("admin"), "late")
    real.runtime.clock.advance(seconds=ONE_TIME_LIFE.total_seconds())
    assert real.browser().log_in("late", _one_time(answer)).status_code == 401


@pytest.mark.parametrize("password", ["", "wrong lantern seven rivers", None, {}])
def test_nothing_changes_without_the_own_password(
    real: Portal, password: object
) -> None:
    admin = real.logged_in("admin")
    _, added = _add(real, admin, "eve", users_add_password=password)
    _, changed = _change(
        real, admin, "users-disable", "operator", users_change_password=password
    )
    for answer in (added, changed):
        assert "Nothing was changed" in str(answer)
    assert real.browser().log_in("operator").status_code == 303
    assert AuditAction.USER_ADDED not in {e.action for e in real.events()}


def test_guessing_the_own_password_is_slowed(real: Portal) -> None:
    admin = real.logged_in("admin")
    for _ in range(5):
        _add(real, admin, "eve", users_add_password="wrong")
    _, answer = _add(real, admin, "eve")
    assert "Nothing was changed" in str(answer)
    assert "tried too often; wait 15 seconds" in str(answer)
    real.runtime.clock.advance(seconds=15)
    _, answer = _add(real, admin, "eve")
    assert _one_time(answer)


def test_strangers_do_not_make_a_confirmation_wait(real: Portal) -> None:
    admin = real.logged_in("admin")
    for _ in range(40):
        real.browser().log_in("admin", "wrong")
    _, answer = _add(real, admin, "eve")
    assert _one_time(answer)


def test_a_request_that_is_sent_again_adds_once_and_says_so(real: Portal) -> None:
    admin, request = real.logged_in("admin"), str(uuid.uuid4())
    first, answer = _add(real, admin, "once", users_add_request=request)
    second, again = _add(real, admin, "once", users_add_request=request)
    assert (first, second) == (200, 200)
    assert "This was done already" in str(again)
    assert [e.action for e in real.events()].count(AuditAction.USER_ADDED) == 1
    assert real.browser().log_in("once", _one_time(answer)).status_code == 303


def test_a_request_that_is_sent_again_needs_the_own_password_again(
    real: Portal,
) -> None:
    admin, request = real.logged_in("admin"), str(uuid.uuid4())
    _add(real, admin, "once", users_add_request=request)
    _, again = _add(
        real, admin, "once", users_add_request=request, users_add_password="guessed"
    )
    assert "Nothing was changed" in str(again)


def test_every_button_does_what_it_says(real: Portal) -> None:
    admin, operator = real.logged_in("admin"), real.logged_in("operator")
    _, ended = _change(real, admin, "users-end-logins", "operator")
    assert "Logins of operator that have ended: 1." in str(ended)
    assert operator.get("/").status_code == 302
    _change(real, admin, "users-set-role", "operator")
    assert real.user("operator").role is Role.AUDITOR
    _change(real, admin, "users-disable", "operator")
    assert real.browser().log_in("operator").status_code == 401
    _, enabled = _change(real, admin, "users-enable", "operator")
    assert real.browser().log_in("operator", _one_time(enabled)).status_code == 303
    _, reset = _change(real, admin, "users-reset", "operator")
    assert real.browser().log_in("operator", _one_time(enabled)).status_code == 401
    assert real.browser().log_in("operator", _one_time(reset)).status_code == 303


@pytest.mark.parametrize(
    ("button", "name", "words"),
    [
        ("users-disable", "admin", "the only admin left"),
        ("users-set-role", "admin", "the only admin left"),
        ("users-reset", "admin", "page of your account"),
        ("users-disable", "nobody", "no user called nobody"),
        ("users-reset", "worker", "no user called worker"),
        ("users-enable", "operator", "is not disabled"),
        ("users-nonsense", "operator", "Press one of the buttons"),
    ],
)
def test_what_cannot_be_done_says_why(
    real: Portal, button: str, name: str, words: str
) -> None:
    status, answer = _change(real, real.logged_in("admin"), button, name)
    assert status == 200
    assert words in str(answer)
    assert real.browser().log_in("admin").status_code == 303


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"users_name": ""}, "1 to 80 printable"),
        ({"users_name": "a\nb"}, "1 to 80 printable"),
        ({"users_name": "OPERATOR"}, "already a user called"),
        ({"users_new_role": "owner"}, "Choose a role"),
        ({"users_add_request": "again"}, "out of date"),
    ],
)
def test_a_form_that_cannot_be_used_says_why(
    real: Portal, changes: dict[str, object], words: str
) -> None:
    status, answer = _add(real, real.logged_in("admin"), "eve", **changes)
    assert status == 200
    assert words in str(answer)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OPERATOR])
def test_the_forms_are_for_admins(real: Portal, role: Role) -> None:
    browser = real.logged_in(role.value)
    assert _add(real, browser, "eve")[0] == 403
    assert _change(real, browser, "users-disable", "admin")[0] == 403


def test_a_name_that_looks_like_html_stays_text(real: Portal) -> None:
    admin = real.logged_in("admin")
    _add(real, admin, HOSTILE_NAME)
    _, answer = _post(
        real, admin, "users-table.", "users-url.search", users_url=f"?user={'x' * 5}"
    )
    assert "no user called xxxxx" in str(answer)
    _, answer = _post(real, admin, "users-table.", "users-url.search", users_url="")
    assert HOSTILE_NAME in str(answer)  # as a child, which React shows as text
    login = real.browser().log_in(HOSTILE_NAME, "wrong").get_data(as_text=True)
    assert "<img" not in login
