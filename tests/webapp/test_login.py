"""Logging in and out over HTTP: sessions, cookies, throttling."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from core.access import Role
from core.audit import AuditAction
from orchestrator.accounts.administration import (
    change_role,
    disable_user,
    reset_password,
)
from orchestrator.accounts.tries import OF_ADDRESS
from tests.webapp.conftest import PASSWORD, Browser, Clock, Portal, callback_body
from webapp.auth import POLLING_HEADER


def _set_cookies(response: object) -> dict[str, str]:
    lines = response.headers.getlist("Set-Cookie")
    return {line.split("=", 1)[0]: line for line in lines}


def _is_logged_in(browser: Browser) -> bool:
    return browser.get("/").status_code == 200


def test_logging_in_opens_the_wanted_page(portal: Portal) -> None:
    browser = portal.browser()
    response = browser.log_in("operator", next="/decide?region=texas")
    assert response.status_code == 303
    assert response.headers["Location"] == "/decide?region=texas"
    assert browser.get("/decide").status_code == 200


def test_names_are_the_same_in_any_capitals(portal: Portal) -> None:
    assert portal.browser().log_in("  OperatoR ").status_code == 303


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("operator", "wrong lantern seven rivers"),
        ("operator", ""),
        ("operator", PASSWORD + " "),
        ("operator", PASSWORD * 1_000),
        ("nobody", PASSWORD),
        ("worker", PASSWORD),
        ("worker", ""),
        ("", PASSWORD),
        ("nul\x00byte", PASSWORD),
        ("n" * 5_000, PASSWORD),
    ],
)
def test_every_wrong_login_gets_the_same_answer(
    portal: Portal, name: str, password: str
) -> None:
    browser = portal.browser()
    response = browser.log_in(name, password)
    assert response.status_code == 401
    assert "The name or the password is not right" in response.get_data(as_text=True)
    assert browser.login_token is None


def test_a_disabled_person_gets_the_same_answer_as_a_wrong_password(
    portal: Portal,
) -> None:
    portal.as_cli(lambda request: disable_user(request, "operator"))
    assert portal.browser().log_in("operator").status_code == 401


def test_unknown_names_and_wrong_passwords_take_the_same_time(portal: Portal) -> None:
    durations_s: dict[str, list[float]] = {"operator": [], "nobody": []}
    for _ in range(10):
        for name, seen_s in durations_s.items():  # in turn, so that noise hits both
            browser = portal.browser()
            browser.get("/login")
            began = time.perf_counter()
            browser.post_form("/login", name=name, password="wrong" * 4)
            seen_s.append(time.perf_counter() - began)
            portal.runtime.clock.advance(hours=25)
    # The least is what the work takes; the rest is what the machine did meanwhile.
    known_s, unknown_s = (min(seen_s) for seen_s in durations_s.values())
    assert 0.6 < unknown_s / known_s < 1.6


def test_each_login_gets_a_token_of_its_own(portal: Portal) -> None:
    browser = portal.browser()
    browser.log_in("operator")
    first = browser.login_token
    browser.get("/")
    assert browser.log_in("operator").status_code == 303
    assert browser.login_token not in {None, first}
    assert len(first or "") >= 43  # 256 bits in base64


def test_a_token_planted_before_the_login_does_not_become_a_login(
    portal: Portal,
) -> None:
    browser = portal.browser()
    browser.client.set_cookie(
        "gfo_login", "planted-by-somebody-else", domain="localhost"
    )
    browser.log_in("operator")
    assert browser.login_token != "planted-by-somebody-else"
    thief = portal.browser()
    thief.client.set_cookie("gfo_login", "planted-by-somebody-else", domain="localhost")
    assert not _is_logged_in(thief)


def test_logging_in_again_ends_the_login_before(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    old = portal.browser()
    old.client.set_cookie("gfo_login", browser.login_token or "", domain="localhost")
    assert _is_logged_in(old)
    browser.log_in("operator")
    assert not _is_logged_in(old)


def test_the_form_token_of_before_the_login_is_worth_nothing_after(
    portal: Portal,
) -> None:
    browser = portal.browser()
    before = browser.csrf_token()
    browser.post_form("/login", name="operator", password=PASSWORD)
    browser.get("/")
    response = browser.post_form("/logout", csrf_token=before)
    assert response.status_code == 400


def test_the_database_holds_a_hash_of_the_token_only(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    with portal.runtime.transaction() as session:
        stored = session.scalars(text("select token_sha256 from user_session")).all()
        everything = session.scalars(
            text("select user_session::text from user_session")
        )
        assert all(browser.login_token not in row for row in everything)
    assert len(stored) == 1
    assert len(stored[0]) == 64


def test_cookies_on_plain_loopback(portal: Portal) -> None:
    browser = portal.browser()
    cookie = _set_cookies(browser.log_in("operator"))["gfo_login"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "origin", ["https://gfo.example", "http://gfo.example", "https://localhost"]
)
def test_cookies_elsewhere_are_secure_and_bound_to_the_host(
    portal: Portal, origin: str
) -> None:
    browser = Browser(client=portal.app.server.test_client(), origin=origin)
    page = browser.get("/login").get_data(as_text=True)
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    # The client keeps Secure cookies from http, as no browser would; hand them over.
    response = browser.post_form(
        "/login", csrf_token=token, name="operator", password=PASSWORD
    )
    assert response.status_code == 303
    cookie = _set_cookies(response)["__Host-gfo_login"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


def test_logout_ends_the_login_on_the_server(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    stolen = browser.login_token or ""
    response = browser.post_form("/logout")
    assert (response.status_code, response.headers["Location"]) == (303, "/login")
    assert browser.login_token is None
    browser.client.set_cookie("gfo_login", stolen, domain="localhost")
    assert not _is_logged_in(browser)


def test_logout_needs_a_post(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    assert browser.get("/logout").status_code in {404, 405}
    assert _is_logged_in(browser)


def test_a_login_idles_out_after_thirty_minutes(portal: Portal, clock: Clock) -> None:
    browser = portal.logged_in("operator")
    clock.advance(minutes=29)
    assert _is_logged_in(browser)
    clock.advance(minutes=29)
    assert _is_logged_in(browser)
    clock.advance(minutes=31)
    assert not _is_logged_in(browser)


def test_a_login_ends_after_twelve_hours_however_busy(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.logged_in("operator")
    for _ in range(35):
        clock.advance(minutes=20)
        assert _is_logged_in(browser)
    clock.advance(minutes=21)
    assert not _is_logged_in(browser)


def test_polling_does_not_keep_a_login_alive(portal: Portal, clock: Clock) -> None:
    browser = portal.logged_in("operator")
    body = callback_body(portal.app, "fresh.children", tick=1)
    polled = []
    for _ in range(4):
        clock.advance(minutes=10)
        polled.append(browser.post_callback(body).status_code)
    assert polled == [200, 200, 401, 401]


def test_a_polling_header_does_not_keep_a_login_alive(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.logged_in("operator")
    for _ in range(2):
        clock.advance(minutes=14)
        assert browser.get("/", **{POLLING_HEADER: "1"}).status_code == 200
    clock.advance(minutes=14)
    assert browser.get("/", **{POLLING_HEADER: "1"}).status_code == 302


@pytest.mark.parametrize("change", ["disable", "role", "reset"])
def test_changes_to_an_account_end_its_logins_with_the_next_request(
    portal: Portal, change: str
) -> None:
    browser = portal.logged_in("operator")
    bystander = portal.logged_in("auditor")
    portal.as_cli(
        {
            "disable": lambda request: disable_user(request, "operator"),
            "role": lambda request: change_role(request, "operator", Role.AUDITOR),
            "reset": lambda request: reset_password(request, "operator"),
        }[change]
    )
    body = callback_body(portal.app, "home-text.children", home_input="x")
    assert browser.post_callback(body).status_code == 401
    assert not _is_logged_in(browser)
    assert _is_logged_in(bystander)


def test_five_failures_make_a_browser_wait_even_for_the_right_password(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.browser()
    for _ in range(5):
        assert browser.log_in("operator", "wrong").status_code == 401
    refused = browser.log_in("operator")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "15"
    assert "Try again in 15 seconds" in refused.get_data(as_text=True)
    clock.advance(seconds=16)
    assert browser.log_in("operator").status_code == 303


def test_the_wait_doubles_up_to_fifteen_minutes_and_never_locks(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.browser()
    for _ in range(30):
        browser.log_in("operator", "wrong")
        clock.advance(minutes=15)
    browser.log_in("operator", "wrong")
    clock.advance(minutes=14)
    assert browser.log_in("operator").status_code == 429
    clock.advance(minutes=1, seconds=1)
    assert browser.log_in("operator").status_code == 303


def test_a_stranger_keeps_nobody_else_out(portal: Portal, clock: Clock) -> None:
    stranger, owner = portal.browser(), portal.browser()
    for _ in range(30):
        stranger.log_in("operator", "wrong")
        clock.advance(minutes=15)
    stranger.log_in("operator", "wrong")
    assert owner.log_in("operator").status_code == 303


def test_behind_an_address_that_failed_often_a_known_device_gets_in(
    portal: Portal, clock: Clock
) -> None:
    known, stranger, newcomer = portal.browser(), portal.browser(), portal.browser()
    stranger.address = newcomer.address = known.address
    assert known.log_in("operator").status_code == 303
    known.get("/")  # hands out the form token
    known.post_form("/logout")
    known.client.delete_cookie("_csrf_token", domain="localhost")
    for number in range(OF_ADDRESS.free_count):
        assert stranger.log_in(f"guess{number}", "wrong").status_code == 401
    assert newcomer.log_in("auditor").status_code == 429
    assert known.log_in("operator").status_code == 303
    assert portal.browser().log_in("operator").status_code == 303
    clock.advance(seconds=30)
    assert newcomer.log_in("auditor").status_code == 303


def test_the_cookie_of_a_known_device(portal: Portal) -> None:
    response = portal.browser().log_in("operator")
    cookie = _set_cookies(response)["gfo_device"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age=15552000" in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    with portal.runtime.transaction() as session:
        stored = session.scalars(text("select known_device::text from known_device"))
        assert all(token not in row for row in stored)


def test_of_parallel_guesses_at_many_names_exactly_twenty_are_evaluated(
    portal: Portal,
) -> None:
    address = portal.browser().address
    start, statuses = threading.Barrier(12), []

    def guess(number: int) -> None:
        browser = portal.browser()
        browser.address = address
        browser.get("/login")
        start.wait()
        for turn in range(10):
            name = "operator" if turn % 4 == 0 else f"guess{number}x{turn}"
            response = browser.post_form("/login", name=name, password="wrong")
            statuses.append(response.status_code)

    threads = [threading.Thread(target=guess, args=[n]) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (statuses.count(401), statuses.count(429)) == (20, 100)


def test_parallel_tries_do_not_tell_names_apart(portal: Portal) -> None:
    """Four tries at once, in turn at a name that exists and at one that does not."""

    def duration_s(name: str, turn: int) -> float:
        browsers = [portal.browser() for _ in range(4)]
        for number, browser in enumerate(browsers):
            browser.address = f"203.0.113.{4 * turn % 240 + number}"
            browser.get("/login")
        threads = [
            threading.Thread(
                target=browser.post_form,
                args=["/login"],
                kwargs={"name": name, "password": "wrong" * 4},
            )
            for browser in browsers
        ]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - began

    names = ("operator", "nobody")
    seen_s = {
        name: sorted(duration_s(name, turn) for turn in range(8)) for name in names
    }
    known_s, unknown_s = (sum(seen_s[name][:4]) for name in names)
    assert 0.7 < unknown_s / known_s < 1.4


def test_a_forged_forwarding_header_does_not_change_the_address(
    portal: Portal,
) -> None:
    browser = portal.browser()
    browser.get("/login")
    token = browser.csrf_token()
    for number in range(OF_ADDRESS.free_count + 1):
        response = browser.client.post(
            "/login",
            data={"csrf_token": token, "name": f"x{number}", "password": "wrong"},
            headers={
                "Origin": browser.origin,
                "X-Forwarded-For": f"203.0.113.{number}",
                "X-Forwarded-Host": "evil.example",
                "X-Forwarded-Proto": "https",
            },
            environ_overrides={"REMOTE_ADDR": browser.address},
        )
    assert response.status_code == 429


def test_failed_logins_are_one_event_for_a_minute_and_address(
    portal: Portal, clock: Clock
) -> None:
    browser = portal.browser()
    for _ in range(4):
        browser.log_in("nobody", "wrong")
    assert not portal.events()
    clock.advance(minutes=1)
    portal.logged_in("operator")
    events = {event.action: event for event in portal.events()}
    failed = events[AuditAction.LOGIN_FAILED]
    assert failed.object_id == browser.address
    assert '"count":4' in failed.payload
    assert "nobody" not in failed.payload
    assert events[AuditAction.LOGIN_SUCCEEDED].actor_name == "operator"


def test_failures_of_an_account_are_one_event_for_a_minute_that_names_it(
    portal: Portal, clock: Clock
) -> None:
    for _ in range(7):
        portal.browser().log_in("operator", "wrong")
    clock.advance(minutes=1)
    portal.browser().log_in("nobody", "wrong")
    (event,) = [event for event in portal.events() if event.object_type == "user"]
    assert event.action == AuditAction.LOGIN_FAILED
    assert event.object_id == str(portal.user("operator").user_id)
    assert '"count":7' in event.payload


def test_a_clock_set_back_revives_no_login(portal: Portal, clock: Clock) -> None:
    browser = portal.logged_in("operator")
    clock.advance(minutes=31)
    assert not _is_logged_in(browser)
    clock.advance(minutes=-30)
    assert not _is_logged_in(browser)


def test_login_and_logout_are_audited_with_address_and_session(
    portal: Portal,
) -> None:
    browser = portal.logged_in("operator")
    browser.post_form("/logout")
    logout, login = portal.events()
    assert (login.action, logout.action) == (
        AuditAction.LOGIN_SUCCEEDED,
        AuditAction.LOGGED_OUT,
    )
    assert browser.address in login.payload
    assert '"session_sha256":"' in login.payload
    assert login.request_id != logout.request_id
