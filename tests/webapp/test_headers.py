"""What every answer tells the browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator

import pytest
from werkzeug.test import TestResponse

from tests.webapp.conftest import Portal, callback_body

POLICY = {
    "default-src": "'none'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def _policy(response: TestResponse) -> dict[str, str]:
    parts = response.headers["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


def _answers(portal: Portal) -> Iterator[TestResponse]:
    stranger, person = portal.browser(), portal.logged_in("operator")
    yield stranger.get("/login")
    yield stranger.get("/")
    yield stranger.get("/_dash-layout")
    yield stranger.get("/healthz")
    yield stranger.get("/portal/gfo.css")
    yield stranger.client.post("/login")
    yield person.get("/")
    yield person.get("/no/such/page")
    yield person.get("/users")
    yield person.get("/logout")
    yield person.get("/account")
    yield person.get("/assets/no.css")
    yield person.post_callback({"output": "unknown"})
    yield person.post_callback(callback_body(portal.app, "broken.children"))
    yield person.post_callback(callback_body(portal.app, "home-text.children"))
    yield person.client.post("/account", headers={"Origin": person.origin})
    yield person.client.post(
        "/_dash-update-component",
        data=b"x" * 3_000_000,
        content_type="application/json",
    )


def test_every_answer_carries_the_security_headers(portal: Portal) -> None:
    statuses = set()
    for response in _answers(portal):
        statuses.add(response.status_code)
        policy = _policy(response)
        assert {name: policy[name] for name in POLICY} == POLICY
        assert policy["script-src"].startswith("'self' 'sha256-")
        assert "unsafe" not in policy["script-src"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in response.headers["Permissions-Policy"]
        assert response.headers["X-Request-ID"]
        assert "Strict-Transport-Security" not in response.headers
    assert statuses >= {200, 302, 400, 401, 403, 404, 405, 413, 500}


def test_https_answers_tell_the_browser_to_stay_there(portal: Portal) -> None:
    response = portal.app.server.test_client().get(
        "/login", base_url="https://gfo.example"
    )
    assert response.headers["Strict-Transport-Security"] == (
        "max-age=31536000; includeSubDomains"
    )


@pytest.mark.parametrize("path", ["/", "/login", "/account"])
def test_the_policy_lets_exactly_the_inline_scripts_of_the_page_run(
    portal: Portal, path: str
) -> None:
    browser = portal.browser() if path == "/login" else portal.logged_in("operator")
    response = browser.get(path)
    page = response.get_data(as_text=True)
    inline = [
        script
        for attributes, script in re.findall(
            r"<script([^>]*)>(.*?)</script>", page, flags=re.DOTALL
        )
        if "src=" not in attributes and "application/json" not in attributes
    ]
    assert inline
    for script in inline:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in _policy(response)["script-src"]


def test_nothing_on_a_page_comes_from_another_host(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    for path in ("/", "/account", "/login"):
        page = browser.get(path).get_data(as_text=True)
        addresses = re.findall(r'(?:src|href|action)="([^"]+)"', page)
        assert all(address.startswith(("/", "#")) for address in addresses)
        assert not any(address.startswith("//") for address in addresses)


def test_every_file_that_a_page_names_is_served(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    page = browser.get("/").get_data(as_text=True)
    files = re.findall(r'<(?:script|link)[^>]*?(?:src|href)="([^"]+)"', page)
    assert any("bootstrap" in file for file in files)
    assert any("gfo.css" in file for file in files)
    for file in files:
        assert browser.get(file).status_code == 200, file


def test_pages_and_callbacks_are_never_kept(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    body = callback_body(portal.app, "home-text.children", home_input="x")
    answers: list[Callable[[], TestResponse]] = [
        lambda: browser.get("/"),
        lambda: browser.get("/login"),
        lambda: browser.get("/account"),
        lambda: browser.get("/_dash-layout"),
        lambda: browser.post_callback(body),
        lambda: browser.get("/healthz"),
    ]
    assert {answer().headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_files_whose_address_changes_with_them_are_kept_for_good(
    portal: Portal,
) -> None:
    browser = portal.logged_in("operator")
    page = browser.get("/").get_data(as_text=True)
    files = re.findall(r'<(?:script|link)[^>]*?(?:src|href)="([^"]+)"', page)
    fingerprinted = [file for file in files if "?m=" in file or ".v" in file]
    assert len(fingerprinted) > 5
    for file in fingerprinted:
        cache = browser.get(file).headers["Cache-Control"]
        assert cache == "private, max-age=31536000, immutable", file
    assert (
        browser.get("/assets/gfo.css").headers["Cache-Control"] == "private, no-cache"
    )


def test_the_page_has_language_title_viewport_and_skip_link(portal: Portal) -> None:
    page = portal.logged_in("operator").get("/").get_data(as_text=True)
    assert '<html lang="en" data-bs-theme="light">' in page
    assert "<title>Global Fleet Orchestrator</title>" in page
    assert 'name="viewport"' in page
    assert '<a class="gfo-skip" href="#main">' in page


def test_no_developer_tools_and_no_version_check(portal: Portal) -> None:
    page = portal.logged_in("operator").get("/").get_data(as_text=True)
    config = page.split('id="_dash-config"')[1].split("</script>")[0]
    assert '"ui":false' in config.replace(" ", "")
    assert "hot_reload" not in config
    assert portal.app._enable_mcp is False
    assert portal.app.server.debug is False
