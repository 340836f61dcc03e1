"""Every endpoint of the API, tried with every role and scope, against the table.

Endpoints are found by asking the application, so a new one is walked as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.access import PERMISSIONS, SCOPES, Permission, Role, Scope
from core.audit import AuditAction
from db.api_tokens import insert_token
from db.users import insert_service_account, set_active
from orchestrator.accounts.tries import digest
from orchestrator.runtime import Runtime
from tests.webapp.api_caller import ApiCaller
from tests.webapp.conftest import Portal
from tests.webapp.real_portal import Door, doors
from webapp.permissions import ROUTES


def _token(portal: Portal, role: Role, *scopes: Scope) -> ApiCaller:
    """A token of a role with scopes, also those that its role allows nothing of."""
    secret = f"gfo_{role.value}-{'-'.join(scopes)}"
    with portal.runtime.transaction() as session:
        owner = insert_service_account(session, name=secret[4:], role=role)
        now = portal.runtime.clock()
        token_id = insert_token(
            session,
            name="walk",
            token_sha256=digest(secret),
            owner_id=owner.user_id,
            scopes=frozenset(scopes),
            created_by_id=owner.user_id,
            created_at_utc=now,
            expires_at_utc=now + timedelta(days=1),
        )
    return ApiCaller(portal=portal, secret=secret, token_id=token_id)


def _endpoints(portal: Portal) -> Iterator[tuple[Door, Permission]]:
    """Each endpoint with each method that it knows.

    Not OPTIONS: the endpoints of one address share it, and the first one answers.
    """
    for door in doors(portal):
        if door.is_api and door.is_known_method and door.method != "OPTIONS":
            assert isinstance(door.access, Permission)
            yield door, door.access


def _knock(caller: ApiCaller, door: Door) -> int:
    path = door.address.removeprefix("/api/v1")
    return caller.send(door.method, path, None).status_code


@pytest.mark.slow
@pytest.mark.parametrize("role", list(Role))
def test_endpoints_open_to_tokens_whose_role_and_scope_allow_it(
    portal: Portal, role: Role
) -> None:
    seen = 0
    for scope in Scope:
        caller = _token(portal, role, scope)
        for door, needs in _endpoints(portal):
            status = _knock(caller, door)
            allowed = needs in PERMISSIONS[role] & SCOPES[scope]
            assert status < 500, door
            assert (status != 403) is allowed, (door, scope, status)
            assert status != 401, door
            seen += 1
    assert seen > 250


def test_every_endpoint_of_the_api_names_a_permission_that_a_scope_grants(
    portal: Portal,
) -> None:
    granted = frozenset[Permission]().union(*SCOPES.values())
    found = {needs for _, needs in _endpoints(portal)}
    assert found <= granted
    assert all(
        isinstance(route.access, Permission)
        for name, route in ROUTES.items()
        if name.startswith("api.")
    )


def test_no_login_of_a_browser_acts_in_the_api(portal: Portal) -> None:
    browser = portal.logged_in("admin")
    answer = browser.get("/api/v1/fleet")
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert browser.get("/api/v1/openapi.json").status_code == 200
    assert browser.get("/api/v1/docs").status_code == 200


def test_strangers_read_no_documentation(portal: Portal) -> None:
    for path in ("/api/v1/openapi.json", "/api/v1/docs", "/api/v1/nothing"):
        assert portal.browser().get(path).status_code == 401


def test_a_token_opens_the_documentation_and_no_page(portal: Portal) -> None:
    caller = _token(portal, Role.AUDITOR, Scope.READ)
    assert caller.get("/openapi.json").get_json()["openapi"] == "3.1.0"
    assert caller.get("/docs").status_code == 200
    assert caller.get("/nothing").get_json()["code"] == "not_found"
    wrong_method = caller.get("/plans")
    assert wrong_method.status_code == 405
    assert wrong_method.headers["Allow"] == "POST"
    page = portal.browser().get("/", Authorization=f"Bearer {caller.secret}")
    assert page.status_code == 302


def test_requests_of_a_token_are_limited_by_the_minute(portal: Portal) -> None:
    caller = _token(portal, Role.AUDITOR, Scope.READ)
    first = caller.get("/nothing")
    assert first.headers["RateLimit-Policy"] == '"minute";q=600;w=60'
    assert first.headers["RateLimit"].startswith('"minute";r=599;t=')
    with portal.runtime.transaction() as session:
        session.execute(text("update api_token set minute_count = 600"))
    refused = caller.get("/nothing")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_bad_tokens_are_counted_and_wait(portal: Portal) -> None:
    stranger = ApiCaller(portal=portal, secret="gfo_guess")
    statuses = [stranger.get("/fleet").status_code for _ in range(25)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert _token(portal, Role.AUDITOR, Scope.READ).get("/nothing").status_code == 404
    portal.runtime.clock.advance(seconds=60)  # type: ignore[attr-defined]
    stranger.get("/fleet")
    (event,) = [e for e in portal.events() if e.action == AuditAction.ACCESS_DENIED]
    assert event.after["count"] == 25


def test_what_a_token_is_refused_is_counted_with_its_number(portal: Portal) -> None:
    caller = _token(portal, Role.AUDITOR, Scope.READ)
    assert caller.get("/audit/events").get_json()["code"] == "forbidden"
    with portal.runtime.transaction() as session:
        wanted = session.scalars(text("select wanted from refused_person")).all()
    assert wanted == [f"api.list_events by token {caller.token_id}"]


def test_a_disabled_account_acts_no_more(portal: Portal, runtime: Runtime) -> None:
    caller = _token(portal, Role.AUDITOR, Scope.READ)
    assert caller.get("/nothing").status_code == 404
    with runtime.transaction() as session:
        owner_id = session.scalar(text("select max(user_id) from api_token"))
        set_active(session, owner_id or 0, is_active=False)
    assert caller.get("/nothing").status_code == 401
