"""Every door of the real portal, tried as everybody, against the permission table.

Nothing is listed here: routes, pages and callbacks are found by asking the application,
so a new one is walked through as soon as it exists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.access import Permission, Role
from orchestrator.accounts.administration import disable_user
from orchestrator.runtime import Runtime
from tests.webapp.conftest import Browser, Portal
from tests.webapp.real_portal import (
    PEOPLE,
    STRANGERS,
    Door,
    doors,
    make_real_portal,
    may,
    page_addresses,
    real_body,
    table,
)
from webapp.dash_internals import ROUTER_CALLBACK
from webapp.permissions import ROUTES, Access

FORGED: tuple[object, ...] = (None, "' or 1=1; --", {"role": "admin"}, [["x"]], 1e308)
# Written out, not read from the table: the table must agree with what was decided.
MAY_BE_OPEN = {
    "health.alive", "health.ready", "portal.login", "portal.stylesheet", "portal.icon",
    "portal.passkey_script", "factors.login_options", "factors.log_in",
    "federation.begin", "federation.finish", "provider_logout.log_out_there",
}  # fmt: skip
_LOGINS = {"portal.login", "factors.log_in"}
_NO_TOKEN = {401, 429}
"""What the API answers to a browser; the second once it has asked too often."""
# What a walk of strangers, or of people who are refused, may leave behind.
_TRACES = (
    "audit_event", "audit_head", "denial_count", "refused_person", "login_limit",
    "user_session", "app_user", "known_device",
)  # fmt: skip


@pytest.fixture
def walk(runtime: Runtime) -> Portal:
    portal = make_real_portal(runtime)
    portal.add_person("newcomer", Role.ADMIN, must_change_password=True)
    portal.add_person("disabled", Role.ADMIN)
    return portal


def _visit(portal: Portal, kind: str) -> Browser:
    browser = portal.browser()
    if kind == "anonymous":
        return browser
    assert browser.log_in(kind).status_code == 303
    browser.get("/")
    if kind == "disabled":
        portal.as_cli(lambda request: disable_user(request, "disabled"))
    return browser


def _knock(browser: Browser, door: Door) -> TestResponse:
    """Ask with all that a page of ours sends, so that only the role is in doubt."""
    return browser.client.open(
        door.address,
        method=door.method,
        base_url=browser.origin,
        headers={"Origin": browser.origin, "X-CSRFToken": browser.csrf_token()},
        data={"role": "admin", "name": "admin", "csrf_token": browser.csrf_token()},
        environ_overrides={"REMOTE_ADDR": browser.address},
    )


def _is_turned_away(
    response: TestResponse, kind: str, access: Access | Permission | None = None
) -> bool:
    """To the login page, or with 401; a one-time password leads to its change."""
    if access is Access.MONITORING:
        return response.status_code == 401  # whoever it is, from another machine
    if response.status_code == 302:
        wanted = "/account/password" if kind == "newcomer" else "/login"
        return response.headers["Location"].startswith(wanted)
    return response.status_code == (403 if kind == "newcomer" else 401)


def _asked(door: Door) -> Access | Permission | None:
    """What the gate asks for; a method that the route does not know is no route."""
    return door.access if door.is_known_method else None


def _stored(portal: Portal) -> dict[str, int]:
    """How many rows there are of everything that a stranger must not change."""
    with portal.runtime.transaction() as session:
        names = session.scalars(
            text(
                "select relname from pg_class where relkind in ('r', 'p')"
                " and relnamespace = 'public'::regnamespace and not relispartition"
                " and has_table_privilege(oid, 'select')"
            )
        )
        return {
            name: session.scalar(text(f"select count(*) from {name}")) or 0  # noqa: S608
            for name in names
            if name not in _TRACES
        }


def _denials(portal: Portal) -> dict[str, int]:
    """How often people were refused what."""
    counts = text("select wanted, sum(count)::int from refused_person group by wanted")
    with portal.runtime.transaction() as session:
        return {row.wanted: row[1] for row in session.execute(counts)}


def test_only_these_routes_are_open_to_everybody() -> None:
    open_routes = {n for n, r in ROUTES.items() if r.access is Access.ANYBODY}
    assert open_routes <= MAY_BE_OPEN


@pytest.mark.parametrize("kind", STRANGERS)
def test_strangers_are_turned_away_from_every_route_and_method(
    walk: Portal, kind: str
) -> None:
    before = _stored(walk)
    browser = _visit(walk, kind)
    own = {"portal.password", "portal.logout"} if kind == "newcomer" else set()
    for door in doors(walk):
        if door.endpoint in own and door.is_known_method:
            continue
        if door.is_api and not door.is_known_method:
            continue  # the gate does not look at methods there
        if door.lets_in(kind) and door.is_known_method:
            continue
        response = _knock(browser, door)
        assert len(response.data) < 500, door
        if door.is_api:
            assert response.status_code in _NO_TOKEN, door
            continue
        assert _is_turned_away(response, kind, _asked(door)), (door, response.status)
    assert _stored(walk) == before


@pytest.mark.parametrize("kind", PEOPLE)
def test_people_get_from_every_route_what_the_table_says(
    walk: Portal, kind: str
) -> None:
    browser = _visit(walk, kind)
    for door in doors(walk):
        refused_before = sum(_denials(walk).values())
        response = _knock(browser, door)
        assert response.status_code < 500, door
        if door.is_api:
            assert response.status_code in _NO_TOKEN, door
        elif _asked(door) is Access.MONITORING:
            assert response.status_code == 401, door
        elif door.is_known_method and not door.lets_in(kind):
            assert response.status_code == 403, door
            assert sum(_denials(walk).values()) == refused_before + 1, door
        elif not door.is_known_method:
            assert response.status_code in {404, 405}, door
        elif door.method != "OPTIONS":
            # A form that posts nothing usable is a failed login, not a refused person.
            is_login = door.endpoint in _LOGINS and door.method == "POST"
            assert response.status_code not in {403, *([] if is_login else [401])}, door
        if browser.client.get_cookie("gfo_login") is None:
            browser = _visit(walk, kind)  # that door was the way out


@pytest.mark.parametrize("kind", [*STRANGERS, *PEOPLE])
def test_every_callback_answers_everybody_as_the_table_says(
    walk: Portal, kind: str
) -> None:
    browser = _visit(walk, kind)
    before = _stored(walk)
    for callback_id, permission in table(walk).items():
        for forged in FORGED:
            status = browser.post_callback(
                real_body(walk, callback_id, forged)
            ).status_code
            if kind in STRANGERS:
                assert status == (403 if kind == "newcomer" else 401), callback_id
            elif not may(kind, permission):
                assert status == 403, callback_id
                assert _denials(walk)[callback_id] >= 1
            else:
                assert status in {200, 204, 400}, (callback_id, forged)
    if kind in STRANGERS:
        assert _stored(walk) == before


@pytest.mark.parametrize("kind", [*STRANGERS, *PEOPLE])
def test_every_page_opens_for_those_whom_the_table_names(
    walk: Portal, kind: str
) -> None:
    browser = _visit(walk, kind)
    for address, permission in page_addresses(walk).items():
        page = browser.get(address)
        routed = _routed(walk, browser, address)
        if kind in STRANGERS:
            assert _is_turned_away(page, kind), address
            assert _is_turned_away(routed, kind), address
        elif not may(kind, permission):
            assert page.status_code == 403, address
            assert "Not allowed" in routed.get_data(as_text=True), address
        else:
            assert page.status_code == 200, address
            assert "Not allowed" not in routed.get_data(as_text=True), address


@pytest.mark.parametrize("kind", PEOPLE)
def test_no_answer_holds_an_id_of_a_page_that_is_not_for_the_person(
    walk: Portal, kind: str
) -> None:
    everything = set(_ids_of_pages(walk, _visit(walk, "admin"), "admin"))
    browser = _visit(walk, kind)
    own = set(_ids_of_pages(walk, browser, kind))
    foreign = everything - own
    is_refused_a_page = not all(
        may(kind, permission) for permission in page_addresses(walk).values()
    )
    assert bool(foreign) or not is_refused_a_page
    for address in ("/", "/_dash-layout", "/_dash-dependencies", "/account"):
        answer = browser.get(address).get_data(as_text=True)
        shown = set(re.findall(r"[\w-]+", answer))
        assert not shown & foreign, (address, shown & foreign)
    listed = json.loads(browser.get("/_dash-dependencies").data)
    hidden = {cb for cb, needed in table(walk).items() if not may(kind, needed)}
    assert not {spec["output"] for spec in listed} & hidden


def _ids_of_pages(portal: Portal, browser: Browser, kind: str) -> Iterator[str]:
    """Ids in the layouts, and outputs of the callbacks, that are for this kind."""
    for address, permission in page_addresses(portal).items():
        if may(kind, permission):
            answer = _routed(portal, browser, address).get_data(as_text=True)
            yield from re.findall(r'"id":"([\w-]+)"', answer.replace(" ", ""))
    for callback_id, permission in table(portal).items():
        if may(kind, permission):
            yield from re.findall(r"([\w-]+)\.\w+", callback_id)


def _routed(portal: Portal, browser: Browser, address: str) -> TestResponse:
    """What Dash's router answers to a click on a link within the portal."""
    body = real_body(portal, ROUTER_CALLBACK)
    body["inputs"][0]["value"] = address
    return browser.post_callback(body)
