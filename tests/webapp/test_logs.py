"""The log lines that operations watch for, without names typed or passwords."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.webapp.conftest import PASSWORD, Portal


def test_logins_and_refusals_are_logged_by_name(portal: Portal) -> None:
    with capture_logs() as lines:
        portal.browser().log_in("hunter2 typed as a name", "x")
        portal.browser().log_in("auditor", "wrong password here")
        browser = portal.logged_in("auditor")
        browser.get("/decide")
        portal.browser().get("/_dash-layout")
    events = [line["event"] for line in lines]
    assert events.count("login_failed") == 2
    assert events.count("login_succeeded") == 1
    assert events.count("access_denied") == 2
    refused = next(line for line in lines if line["event"] == "access_denied")
    assert (refused["user"], refused["role"], refused["wanted"]) == (
        "auditor",
        "auditor",
        "test_decide",
    )
    for secret in ("hunter2", "wrong password", PASSWORD, browser.login_token or "?"):
        assert secret not in str(lines)
