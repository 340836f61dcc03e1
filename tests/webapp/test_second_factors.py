"""Second factors over HTTP: apps, passkeys, recovery codes, and who must have one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pyotp
import pytest
from sqlalchemy import text

from core.access import Role
from core.audit import AuditAction
from core.errors import Conflict
from db.federated_identities import insert_identity
from orchestrator.accounts.administration import disable_user, reset_factors
from orchestrator.accounts.logins import find_login
from orchestrator.accounts.second_factors import (
    FactorKey,
    add_app,
    make_recovery_codes,
)
from orchestrator.runtime import Runtime
from tests.asking import asking
from tests.webapp.authenticator import PRESENT, Authenticator
from tests.webapp.conftest import (
    PASSWORD,
    Browser,
    Clock,
    Portal,
    register_test_pages,
)
from webapp.app import create_app


def _hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def _code(secret: str, now: datetime) -> str:
    return pyotp.TOTP(secret).at(now)


def _add_app(portal: Portal, browser: Browser) -> tuple[str, list[str]]:
    """Add an app; returns its secret and the recovery codes."""
    page = browser.get("/account/factors").get_data(as_text=True)
    secret = re.search(r'id="app-secret">([A-Z2-7]+)<', page)
    assert secret is not None
    answer = browser.post_form(
        "/account/factors/app",
        token=_hidden(page, "token"),
        code=_code(secret[1], portal.runtime.clock()),
        proof=PASSWORD,
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", answer.get_data(as_text=True))
    portal.runtime.clock.advance(seconds=90)
    return secret[1], codes


def _log_in(portal: Portal, name: str, code: str) -> int:
    return portal.browser().log_in(name, code=code).status_code


def _add_passkey(browser: Browser, key: Authenticator, **changes: str) -> int:
    options = browser.post_form("/account/factors/passkeys/options").get_json()
    fields = {"label": "Key", "proof": PASSWORD, "credential": key.made(options)}
    answer = browser.post_form("/account/factors/passkeys", **(fields | changes))
    return answer.status_code


def _use_passkey(browser: Browser, key: Authenticator) -> int:
    browser.get("/login")
    options = browser.post_form("/login/passkey/options").get_json()
    answer = browser.post_form("/login/passkey", credential=key.used(options))
    return answer.status_code


def test_with_an_app_the_password_alone_logs_nobody_in(portal: Portal) -> None:
    secret, _ = _add_app(portal, portal.logged_in("operator"))
    now = portal.runtime.clock()
    assert _log_in(portal, "operator", "") == 401
    assert _log_in(portal, "operator", "000000") == 401
    assert _log_in(portal, "operator", _code(secret, now)) == 303
    assert AuditAction.SECOND_FACTOR_ADDED in {e.action for e in portal.events()}


def test_a_code_works_once_and_only_around_its_time(portal: Portal) -> None:
    secret, _ = _add_app(portal, portal.logged_in("operator"))
    now = portal.runtime.clock()
    code = _code(secret, now)
    assert _log_in(portal, "operator", f"{code[:3]} {code[3:]}") == 303
    assert _log_in(portal, "operator", code) == 401
    portal.runtime.clock.advance(seconds=30)
    assert _log_in(portal, "operator", code) == 401
    portal.runtime.clock.advance(minutes=5)
    assert _log_in(portal, "operator", _code(secret, now)) == 401


def test_guesses_of_a_code_are_counted_like_those_of_a_password(
    portal: Portal,
) -> None:
    secret, _ = _add_app(portal, portal.logged_in("operator"))
    browser = portal.browser()
    for number in range(5):
        assert browser.log_in("operator", code=f"00000{number}").status_code == 401
    right = _code(secret, portal.runtime.clock())
    assert browser.log_in("operator", code=right).status_code == 429


def test_a_recovery_code_logs_in_once(portal: Portal) -> None:
    _, codes = _add_app(portal, portal.logged_in("operator"))
    assert len(set(codes)) == 10
    assert _log_in(portal, "operator", codes[3].upper()) == 303
    assert _log_in(portal, "operator", codes[3]) == 401
    assert _log_in(portal, "operator", codes[4]) == 303
    assert AuditAction.RECOVERY_CODE_USED in {e.action for e in portal.events()}


def test_the_database_holds_neither_secret_nor_codes(portal: Portal) -> None:
    secret, codes = _add_app(portal, portal.logged_in("operator"))
    tables = ("totp_secret", "recovery_code", "audit_event")
    with portal.runtime.transaction() as session:
        stored = " ".join(
            row
            for table in tables
            for row in session.scalars(text(f"select {table}::text from {table}"))  # noqa: S608
        )
    assert secret not in stored
    assert not [code for code in codes if code in stored]


def test_an_app_is_added_with_the_right_code_and_the_own_password(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.logged_in("operator")
    page = browser.get("/account/factors").get_data(as_text=True)
    token, secret = _hidden(page, "token"), re.search(r'secret">([A-Z2-7]+)', page)
    assert secret is not None
    right = _code(secret[1], clock.now)
    for changes, said in (
        ({"code": "123456"}, "The code is wrong"),
        ({"proof": "wrong"}, "password is wrong"),
        ({"token": "forged"}, "too old"),
    ):
        fields = {"token": token, "code": right, "proof": PASSWORD} | changes
        answer = browser.post_form("/account/factors/app", **fields)
        assert answer.status_code == 422
        assert said in answer.get_data(as_text=True)
    clock.advance(minutes=16)
    fields = {"token": token, "code": _code(secret[1], clock.now), "proof": PASSWORD}
    assert browser.post_form("/account/factors/app", **fields).status_code == 422
    assert _log_in(portal, "operator", "") == 303


def test_somebody_elses_pending_secret_is_refused(portal: Portal) -> None:
    page = portal.logged_in("auditor").get("/account/factors").get_data(as_text=True)
    secret = re.search(r'secret">([A-Z2-7]+)', page)
    assert secret is not None
    answer = portal.logged_in("operator").post_form(
        "/account/factors/app",
        token=_hidden(page, "token"),
        code=_code(secret[1], portal.runtime.clock()),
        proof=PASSWORD,
    )
    assert answer.status_code == 422


def test_a_change_of_factors_ends_other_logins(portal: Portal) -> None:
    other, mine = portal.logged_in("operator"), portal.logged_in("operator")
    _add_app(portal, mine)
    assert other.get("/").status_code == 302
    assert mine.get("/").status_code == 200


def test_with_an_app_its_code_confirms_and_the_password_does_not(
    portal: Portal,
) -> None:
    browser = portal.logged_in("operator")
    secret, _ = _add_app(portal, browser)
    remove = "/account/factors/remove"
    assert browser.post_form(remove, proof=PASSWORD).status_code == 422
    code = _code(secret, portal.runtime.clock())
    assert browser.post_form(remove, proof=code).status_code == 303
    assert _log_in(portal, "operator", "") == 303
    assert AuditAction.SECOND_FACTOR_REMOVED in {e.action for e in portal.events()}


def test_an_admin_resets_factors_that_were_lost(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    _add_app(portal, browser)
    portal.as_cli(lambda request: reset_factors(request, "operator"))
    assert browser.get("/").status_code == 302
    assert _log_in(portal, "operator", "") == 303
    assert AuditAction.SECOND_FACTORS_RESET in {e.action for e in portal.events()}


def test_a_role_that_must_have_a_factor_adds_one_first(runtime: Runtime) -> None:
    settings = runtime.settings.model_copy(
        update={"second_factor_roles": frozenset({Role.ADMIN})}
    )
    strict = replace(runtime, settings=settings)
    portal = Portal(runtime=strict, app=create_app(strict, register_test_pages))
    for role in (Role.ADMIN, Role.OPERATOR):
        portal.add_person(role.value, role)
    admin = portal.browser()
    assert admin.log_in("admin").status_code == 303
    assert admin.get("/").headers["Location"] == "/account/factors"
    assert admin.get("/users").headers["Location"] == "/account/factors"
    assert admin.get("/_dash-layout").status_code == 403
    admin.get("/account/factors")
    _add_app(portal, admin)
    assert admin.get("/").status_code == 200
    assert portal.logged_in("operator").get("/").status_code == 200


def test_a_passkey_logs_in_without_a_password(portal: Portal) -> None:
    browser, key = portal.logged_in("operator"), Authenticator()
    assert _add_passkey(browser, key) == 200  # the page shows recovery codes
    visitor = portal.browser()
    assert _use_passkey(visitor, key) == 303
    assert visitor.get("/decide").status_code == 200
    assert _log_in(portal, "operator", "") == 401
    login = next(e for e in portal.events() if e.action == AuditAction.LOGIN_SUCCEEDED)
    assert '"second_factor":"passkey"' in login.payload


def test_a_passkey_gets_in_whatever_strangers_try(portal: Portal) -> None:
    browser, key = portal.logged_in("operator"), Authenticator()
    _add_passkey(browser, key)
    visitor = portal.browser()
    for _ in range(25):
        visitor.log_in("operator", "wrong")
    assert visitor.log_in("operator", "wrong").status_code == 429
    assert _use_passkey(visitor, key) == 303


@pytest.mark.parametrize(
    "lie",
    [
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"credential_id": b"another"},
        {"key": Authenticator().key},
        {"sign_count": 0},
    ],
)
def test_lies_of_an_authenticator_are_refused(
    portal: Portal, lie: dict[str, object]
) -> None:
    browser, key = portal.logged_in("operator"), Authenticator(sign_count=7)
    assert _add_passkey(browser, key) == 200
    assert _use_passkey(portal.browser(), replace(key, **lie)) == 401
    assert _use_passkey(portal.browser(), replace(key, sign_count=20)) == 303


def test_an_answer_is_accepted_once_and_for_a_while(
    portal: Portal, clock: Clock
) -> None:
    key, browser = Authenticator(), portal.logged_in("operator")
    assert _add_passkey(browser, key) == 200
    visitor = portal.browser()
    visitor.get("/login")
    options = visitor.post_form("/login/passkey/options").get_json()
    state = visitor.client.get_cookie("gfo_state")
    assert state is not None
    clock.advance(seconds=1)
    token = visitor.csrf_token()
    answer = {"csrf_token": token, "credential": key.used(options)}
    assert visitor.post_form("/login/passkey", **answer).status_code == 303

    thief = portal.browser()  # with all that the visitor's browser had sent
    thief.client.set_cookie("gfo_state", state.value, domain="localhost")
    assert thief.post_form("/login/passkey", **answer).status_code == 401

    late = portal.browser()
    late.get("/login")
    options = late.post_form("/login/passkey/options").get_json()
    clock.advance(minutes=6)
    answer = late.post_form("/login/passkey", credential=key.used(options))
    assert answer.status_code == 401


@pytest.mark.parametrize("credential", ["", "null", "{}", "[1]", '{"id": 1}', "x" * 99])
def test_nonsense_is_refused(portal: Portal, credential: str) -> None:
    visitor = portal.browser()
    visitor.get("/login")
    assert visitor.post_form("/login/passkey", credential=credential).status_code == 401
    visitor.post_form("/login/passkey/options")
    answer = visitor.post_form("/login/passkey", credential=credential)
    assert answer.status_code == 401


def test_a_passkey_of_a_disabled_person_is_refused(portal: Portal) -> None:
    key = Authenticator()
    _add_passkey(portal.logged_in("operator"), key)
    portal.as_cli(lambda request: disable_user(request, "operator"))
    assert _use_passkey(portal.browser(), key) == 401


def test_nobody_removes_or_adds_what_is_somebody_elses(portal: Portal) -> None:
    key = Authenticator()
    _add_passkey(portal.logged_in("operator"), key)
    auditor = portal.logged_in("auditor")
    answer = auditor.post_form("/account/factors/remove", proof=PASSWORD, passkey="1")
    assert answer.status_code == 422
    assert _add_passkey(auditor, key) == 422  # the same passkey
    assert _add_passkey(auditor, Authenticator(), proof="wrong") == 422
    assert _use_passkey(portal.browser(), key) == 303


def test_factors_of_ours_do_not_go_around_an_identity_provider(portal: Portal) -> None:
    browser, key = portal.logged_in("operator"), Authenticator()
    assert _add_passkey(browser, key) == 200
    with portal.runtime.transaction() as session:
        insert_identity(
            session,
            issuer="https://id.example",
            subject="17",
            user_id=portal.user("operator").user_id,
            now_utc=portal.runtime.clock(),
        )
    assert _use_passkey(portal.browser(), key) == 401
    page = browser.get("/account/factors").get_data(as_text=True)
    assert "none is kept here" in page
    assert "passkey-new-proof" not in page
    account = browser.get("/account").get_data(as_text=True)
    assert "/account/password" not in account
    with portal.runtime.transaction() as session:
        login = find_login(
            asking(session, None, now=portal.runtime.clock()),
            browser.login_token or "",
        )
        assert login is not None
        asked = asking(session, login.actor)
        for change in (
            lambda: add_app(asked, FactorKey("x"), login, token="", code=""),
            lambda: make_recovery_codes(asked),
        ):
            with pytest.raises(Conflict, match="identity provider"):
                change()
