"""Who reaches what, on small pages of our own; test_walk does it on the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable

import dash
import pytest
from dash import Dash, Input, Output

from core.access import PERMISSIONS, Permission, Role
from core.audit import AuditAction
from orchestrator.runtime import Runtime
from pages.context import PageContext
from tests.webapp.conftest import Browser, Portal, callback_body, register_test_pages
from webapp.app import create_app
from webapp.dash_internals import ROUTER_CALLBACK
from webapp.permissions import ROUTES, Access, MissingPermissionError

STRANGERS = ("anonymous", "disabled")
PEOPLE = tuple(role.value for role in Role)
DECISION = "..decision.children...decision-count.data.."

CALLBACKS = {
    ROUTER_CALLBACK: Permission.VIEW_FLEET,
    "home-text.children": Permission.VIEW_FLEET,
    "broken.children": Permission.VIEW_FLEET,
    "fresh.children": Permission.VIEW_FLEET,
    DECISION: Permission.DECIDE,
}
PAGES = {
    "/": Permission.VIEW_FLEET,
    "/decide": Permission.DECIDE,
    "/events": Permission.VIEW_AUDIT_EVENTS,
    "/users": Permission.MANAGE_USERS,
}


def _may(kind: str, permission: Permission) -> bool:
    return kind in PEOPLE and permission in PERMISSIONS[Role(kind)]


def test_every_rule_of_the_application_is_in_the_table(portal: Portal) -> None:
    rules = {rule.endpoint for rule in portal.app.server.url_map.iter_rules()}
    assert rules == set(ROUTES)
    open_routes = {n for n, r in ROUTES.items() if r.access is Access.ANYBODY}
    assert {name.split(".")[0] for name in open_routes} == {
        "health", "portal", "factors", "federation", "provider_logout",
    }  # fmt: skip
    assert ROUTES["health.metrics"].access is Access.MONITORING


@pytest.mark.parametrize("kind", [*STRANGERS, *PEOPLE])
def test_callbacks_run_for_those_who_have_the_permission(
    portal: Portal, person: Callable[[str], Browser], kind: str
) -> None:
    browser = person(kind)
    served = {
        callback_id
        for callback_id, entry in portal.app.callback_map.items()
        if "callback" in entry
    }
    assert served == set(CALLBACKS)
    for callback_id, permission in CALLBACKS.items():
        body = callback_body(
            portal.app, callback_id, _pages_location="/", comment="x", record=1
        )
        status = browser.post_callback(body).status_code
        if kind in STRANGERS:
            assert status == 401
        elif not _may(kind, permission):
            assert status == 403
        else:
            assert status == (500 if callback_id == "broken.children" else 200)


@pytest.mark.parametrize("kind", PEOPLE)
def test_pages_open_for_those_who_have_the_permission(
    portal: Portal, person: Callable[[str], Browser], kind: str
) -> None:
    browser = person(kind)
    for path, permission in PAGES.items():
        allowed = _may(kind, permission)
        assert browser.get(path).status_code == (200 if allowed else 403)
        body = callback_body(portal.app, ROUTER_CALLBACK, _pages_location=path)
        answer = browser.post_callback(body)
        assert answer.status_code == 200
        assert ("Not allowed" not in answer.get_data(as_text=True)) is allowed
        assert ("page test_" in answer.get_data(as_text=True)) is allowed


def test_unknown_paths_are_404_for_people_and_the_login_for_strangers(
    portal: Portal,
) -> None:
    browser = portal.logged_in("operator")
    assert browser.get("/no/such/page").status_code == 404
    assert browser.get("/_dash-nothing").status_code == 404
    stranger = portal.browser().get("/no/such/page?a=1")
    assert stranger.status_code == 302
    assert stranger.headers["Location"] == "/login?next=/no/such/page?a%3D1"


def test_strangers_get_json_from_dash_addresses(portal: Portal) -> None:
    for path in ("/_dash-layout", "/_dash-dependencies", "/_reload-hash"):
        response = portal.browser().get(path)
        assert response.status_code == 401
        assert response.get_json()["error"] == "Log in first."


def test_clientside_callbacks_cannot_be_posted(portal: Portal) -> None:
    browser = portal.logged_in("admin")
    body = callback_body(portal.app, "mirror.children", home_input="x")
    assert browser.post_callback(body).status_code == 400


def test_query_parameters_that_a_page_does_not_name_are_dropped(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    body = callback_body(portal.app, ROUTER_CALLBACK, _pages_location="/")
    body["inputs"][1]["value"] = "?region=texas&role=admin&self=1&region=ireland"
    answer = browser.post_callback(body)
    assert answer.status_code == 200
    assert "region ireland" in answer.get_data(as_text=True)


def test_a_role_cannot_be_claimed_in_the_request(portal: Portal) -> None:
    browser = portal.logged_in("auditor")
    body = callback_body(portal.app, DECISION, comment="x", record=1)
    for claim in ({"role": "admin"}, {"actor": {"role": "admin"}}):
        assert browser.post_callback({**body, **claim}).status_code == 403
    assert browser.get("/decide?role=admin").status_code == 403


def test_refusals_of_people_are_in_the_audit_chain(portal: Portal) -> None:
    browser = portal.logged_in("auditor")
    browser.get("/decide")
    for _ in range(99):
        browser.post_callback(callback_body(portal.app, DECISION))
    assert AuditAction.ACCESS_DENIED not in {e.action for e in portal.events()}
    portal.runtime.clock.advance(minutes=1)
    browser.get("/decide")
    (refused,) = [e for e in portal.events() if e.action == AuditAction.ACCESS_DENIED]
    assert (refused.actor_name, refused.object_id) == ("auditor", DECISION)
    after = json.loads(refused.payload)["after"]
    assert after["count"] == 100
    assert after["wanted"] == {DECISION: 99, "test_decide": 1}


def test_a_made_up_login_cookie_does_not_hide_a_stranger(portal: Portal) -> None:
    browser = portal.browser()
    browser.client.set_cookie("gfo_login", "made-up", domain="localhost")
    for _ in range(3):
        assert browser.get("/_dash-layout").status_code == 401
    portal.runtime.clock.advance(minutes=1)
    browser.get("/_dash-layout")
    (event,) = portal.events()
    assert (event.object_id, event.actor_name) == (browser.address, "anonymous")
    assert '"count":3' in event.payload


def test_a_login_that_ended_is_no_stranger(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    portal.runtime.clock.advance(minutes=31)
    assert browser.get("/_dash-layout").status_code == 401
    portal.runtime.clock.advance(minutes=1)
    portal.logged_in("auditor")
    assert AuditAction.ACCESS_DENIED not in {e.action for e in portal.events()}


def test_refusals_of_strangers_are_one_event_for_a_minute(portal: Portal) -> None:
    browser = portal.browser()
    for _ in range(30):
        browser.get("/_dash-layout")
    assert not portal.events()
    portal.runtime.clock.advance(minutes=1)
    browser.get("/_dash-layout")
    (event,) = portal.events()
    assert event.action == AuditAction.ACCESS_DENIED
    assert event.object_id == browser.address
    assert '"count":30' in event.payload


def test_does_not_start_with_a_callback_that_names_no_permission(
    runtime: Runtime,
) -> None:
    def register(app: Dash, context: PageContext) -> None:
        register_test_pages(app, context)

        @app.callback(Output("extra", "children"), Input("home-input", "value"))
        def extra(value: object) -> object:
            return value

    with pytest.raises(MissingPermissionError, match="extra"):
        create_app(runtime, register)


def test_does_not_start_with_a_route_that_names_no_permission(
    runtime: Runtime,
) -> None:
    def register(app: Dash, context: PageContext) -> None:
        register_test_pages(app, context)
        app.server.add_url_rule("/export", "export", lambda: "all decisions")

    with pytest.raises(MissingPermissionError, match="export"):
        create_app(runtime, register)


def test_does_not_start_with_a_page_that_names_no_permission(
    runtime: Runtime,
) -> None:
    def register(app: Dash, context: PageContext) -> None:
        register_test_pages(app, context)
        dash.register_page("test_bare", path="/bare", layout=dash.html.P("bare"))

    with pytest.raises(MissingPermissionError, match="/bare"):
        create_app(runtime, register)


def test_does_not_start_when_outputs_of_one_callback_name_two_permissions(
    runtime: Runtime,
) -> None:
    def register(app: Dash, context: PageContext) -> None:
        register_test_pages(app, context)
        context.callback_permission("decision-count.data", Permission.VIEW_FLEET)

    with pytest.raises(MissingPermissionError, match="decision"):
        create_app(runtime, register)
