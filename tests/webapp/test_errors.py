"""Errors show a sentence and a reference; hostile bodies never break anything."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from db.engine import make_engine
from orchestrator.runtime import Runtime
from tests.webapp.conftest import Browser, Portal, callback_body, register_test_pages
from tests.webapp.hostile_posts import mutilate
from webapp.app import create_app
from webapp.dash_internals import ROUTER_CALLBACK

SECRETS = ("Traceback", "password_hash", "SELECT", "site-packages", "/webapp/", "Dash")


def _raw(browser: Browser, data: bytes, content_type: str = "application/json") -> int:
    response = browser.client.post(
        "/_dash-update-component",
        data=data,
        content_type=content_type,
        headers={"Origin": browser.origin, "X-CSRFToken": browser.csrf_token()},
    )
    return response.status_code


def test_a_bug_shows_its_reference_and_logs_the_rest(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    with capture_logs() as lines:
        answer = browser.post_callback(callback_body(portal.app, "broken.children"))
    assert answer.status_code == 500
    shown = answer.get_data(as_text=True)
    assert not any(secret in shown for secret in SECRETS)
    assert answer.get_json()["reference"] == answer.headers["X-Request-ID"]
    (line,) = [line for line in lines if line["event"] == "unhandled_exception"]
    assert "secret detail" in str(line["exc_info"])


@pytest.mark.parametrize(
    ("path", "status"), [("/no/such/page", 404), ("/users", 403), ("/logout", 404)]
)
def test_error_pages_show_a_sentence_and_a_reference(
    portal: Portal, path: str, status: int
) -> None:
    response = portal.logged_in("operator").get(path)
    page = response.get_data(as_text=True)
    assert response.status_code == status
    assert response.headers["X-Request-ID"] in page
    assert not any(secret in page for secret in SECRETS)


def test_component_files_outside_the_packages_are_not_found(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    for path in (
        "/_dash-component-suites/os/path.py",
        "/_dash-component-suites/dash/dash.py",
        "/_dash-component-suites/dash/../../etc/passwd",
        "/_dash-component-suites/dash/%2e%2e/%2e%2e/etc/passwd",
        "/assets/../app.py",
        "/assets/%2e%2e/app.py",
    ):
        response = browser.get(path)
        assert response.status_code == 404, path
        assert not any(secret in response.get_data(as_text=True) for secret in SECRETS)


def test_a_dead_database_is_a_503_that_retries(
    runtime: Runtime, tmp_path: Path
) -> None:
    nowhere = make_engine(f"postgresql://gfo_app@/gfo?host={tmp_path}", pool_size=1)
    app = create_app(replace(runtime, engine=nowhere), register_test_pages)
    browser = Browser(client=app.server.test_client())
    token = browser.csrf_token()
    assert token
    assert browser.post_form("/login", name="x", password="y").status_code == 503
    browser.client.set_cookie("gfo_login", "some token", domain="localhost")
    page = browser.get("/")
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert 'http-equiv="refresh"' in page.get_data(as_text=True)
    assert str(tmp_path) not in page.get_data(as_text=True)
    answer = browser.get("/_dash-layout")
    assert answer.status_code == 503
    assert answer.get_json()["reference"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"\xff\xfe\x00",
        b'{"output": null}',
        b'{"output": ["home-text.children"]}',
        b'{"output": "home-text.children"}',
        b'{"output": "home-text.children", "inputs": NaN}',
        b'{"output": "__proto__"}',
        b'{"output": "home-text.children", "inputs": [{"value": "a\\u0000b"}]}',
        b'{"output": "home-text.children", "inputs": [{"value": "\\ud800"}]}',
        b'{"output": "home-text.children", "inputs": [{"\\u0000": 1}]}',
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b'{"output": "' + b"x" * 100_000 + b'"}',
    ],
    ids=range(17),
)
def test_bodies_that_no_page_sends_are_400(portal: Portal, data: bytes) -> None:
    assert _raw(portal.logged_in("operator"), data) == 400


def test_a_body_of_another_type_is_refused(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    body = json.dumps(callback_body(portal.app, "home-text.children")).encode()
    assert _raw(browser, body, "text/plain") == 415


def test_a_number_that_is_none_is_refused(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    body = json.dumps(
        callback_body(portal.app, "home-text.children", home_input=float("nan"))
    )
    assert "NaN" in body
    assert _raw(browser, body.encode()) == 400


def test_a_body_over_two_megabytes_is_413(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    assert _raw(browser, b'"' + b"x" * (2 * 1024 * 1024) + b'"') == 413


def test_a_body_of_unknown_length_is_refused(portal: Portal) -> None:
    """It could not be told from one that was cut at the limit."""
    for browser in (portal.browser(), portal.logged_in("operator")):
        response = browser.client.post(
            "/login",
            data={"name": "operator", "csrf_token": browser.csrf_token()},
            headers={"Origin": browser.origin, "Transfer-Encoding": "chunked"},
        )
        assert response.status_code == 411


@pytest.mark.parametrize("path", ["/%00", "/?x=%00", "/login?next=%00", "/account/%00"])
def test_an_address_with_a_nul_is_refused_from_everybody(
    portal: Portal, path: str
) -> None:
    for browser in (portal.browser(), portal.logged_in("operator")):
        assert browser.get(path).status_code == 400


@pytest.mark.parametrize("field", ["id", "property"])
@pytest.mark.parametrize("part", ["inputs", "state", "outputs"])
def test_ids_and_properties_must_be_those_of_the_callback(
    portal: Portal, part: str, field: str
) -> None:
    browser = portal.logged_in("operator")
    body = callback_body(
        portal.app, "..decision.children...decision-count.data..", comment="x"
    )
    assert browser.post_callback(body).status_code == 200
    forged = copy.deepcopy(body)
    forged[part][0][field] = "dangerously_allow_html"
    assert browser.post_callback(forged).status_code == 400


@pytest.mark.parametrize(
    "pathname", [None, 5, {}, [], "", "no-slash", "/\x00", "/a\nb", "//e.com", "/" * 99]
)
def test_the_router_survives_any_path(portal: Portal, pathname: object) -> None:
    browser = portal.logged_in("operator")
    body = callback_body(portal.app, ROUTER_CALLBACK, _pages_location=pathname)
    body["inputs"][1]["value"] = "?x=1"
    assert browser.post_callback(body).status_code in {200, 400}


@pytest.mark.parametrize(
    "callback_id",
    [
        ROUTER_CALLBACK,
        "home-text.children",
        "..decision.children...decision-count.data..",
    ],
)
def test_mutilated_callbacks_never_break_the_server(
    portal: Portal, callback_id: str
) -> None:
    browser = portal.logged_in("operator")
    for seed in range(50):
        draw = random.Random(seed)  # noqa: S311 -- reproducible, not secret
        body = callback_body(portal.app, callback_id, _pages_location="/")
        for _ in range(draw.randint(1, 4)):
            mutilate(body, draw)
        status = browser.post_callback(body).status_code
        assert status in {200, 400, 403}, (seed, body)
