"""Requests that change something come from our own pages."""

from __future__ import annotations

import pytest

from tests.webapp.conftest import PASSWORD, Browser, Portal, callback_body

EVIL = "https://evil.example"


def _post_logout(browser: Browser, token: str | None, **headers: str) -> int:
    data = {} if token is None else {"csrf_token": token}
    response = browser.client.post(
        "/logout", data=data, base_url=browser.origin, headers=headers
    )
    return response.status_code


def _post_callback(portal: Portal, browser: Browser, **headers: str) -> int:
    body = callback_body(portal.app, "home-text.children", home_input="x")
    response = browser.client.post(
        "/_dash-update-component", json=body, base_url=browser.origin, headers=headers
    )
    return response.status_code


@pytest.mark.parametrize("token", [None, "", "forged", "forged.token.here"])
def test_a_form_without_its_token_is_refused(portal: Portal, token: str | None) -> None:
    browser = portal.logged_in("operator")
    assert _post_logout(browser, token, Origin=browser.origin) == 400
    assert browser.get("/").status_code == 200


def test_a_token_of_somebody_else_is_refused(portal: Portal) -> None:
    victim, thief = portal.logged_in("operator"), portal.logged_in("auditor")
    assert _post_logout(victim, thief.csrf_token(), Origin=victim.origin) == 400


@pytest.mark.parametrize("token", ["", "forged"])
def test_a_callback_without_its_token_is_refused(portal: Portal, token: str) -> None:
    browser = portal.logged_in("operator")
    headers = {"Origin": browser.origin, "X-CSRFToken": token}
    assert _post_callback(portal, browser, **headers) == 400


def test_the_cookie_that_dash_copies_is_the_token(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    cookie = browser.client.get_cookie("_csrf_token")
    assert cookie is not None
    assert not cookie.http_only
    headers = {"Origin": browser.origin, "X-CSRFToken": cookie.decoded_value}
    assert _post_callback(portal, browser, **headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin", "Origin": EVIL},
        {"Referer": "http://localhost/"},
    ],
)
def test_a_request_from_elsewhere_is_refused_even_with_the_token(
    portal: Portal, headers: dict[str, str]
) -> None:
    browser = portal.logged_in("operator")
    assert _post_logout(browser, browser.csrf_token(), **headers) == 400
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:80"},
        {"Sec-Fetch-Site": "same-origin"},
    ],
)
def test_either_origin_or_fetch_metadata_is_enough(
    portal: Portal, headers: dict[str, str]
) -> None:
    browser = portal.logged_in("operator")
    assert _post_logout(browser, browser.csrf_token(), **headers) == 303


def test_login_itself_needs_token_and_origin(portal: Portal) -> None:
    browser = portal.browser()
    fields = {"name": "operator", "password": PASSWORD}
    without_token = browser.client.post(
        "/login", data=fields, headers={"Origin": browser.origin}
    )
    fields["csrf_token"] = browser.csrf_token()
    from_elsewhere = browser.client.post(
        "/login", data=fields, headers={"Origin": EVIL}
    )
    assert (without_token.status_code, from_elsewhere.status_code) == (400, 400)
    assert browser.login_token is None


def test_an_ended_login_reads_as_ended_not_as_a_bad_form(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    portal.runtime.clock.advance(hours=13)
    assert _post_callback(portal, browser) == 401


def test_a_refused_form_says_what_to_do(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    page = browser.client.post("/logout", headers={"Origin": browser.origin})
    assert "Load it again" in page.get_data(as_text=True)


def test_asking_for_the_head_of_a_form_never_sends_it(portal: Portal) -> None:
    """HEAD needs no token, so it must not do what needs one."""
    stranger, browser = portal.browser(), portal.logged_in("operator")
    login = {"name": "operator", "password": PASSWORD}
    change = {"current": PASSWORD, "new": "copper meadow twelve violins"}
    change["repeated"] = change["new"]
    for client, path, form in (
        (stranger, "/login", login),
        (browser, "/account/password", change),
    ):
        response = client.client.head(path, data=form, base_url=client.origin)
        assert response.status_code == 200
    assert stranger.login_token is None
    assert portal.browser().log_in("operator").status_code == 303
