"""The portal with its own pages behind the doors."""

from __future__ import annotations

import random

import dash
import pytest

from core.access import PERMISSIONS, Permission, Role
from orchestrator.runtime import Runtime
from pages.registry import register_pages
from tests.webapp.conftest import Browser, Portal, callback_body
from webapp.app import CALLBACK_PERMISSIONS, create_app
from webapp.permissions import ROUTER_CALLBACK

_HOSTILE: tuple[object, ...] = (
    None, "", "x" * 5_000, "'; drop table decision; --", "../../etc/passwd", "\x00",
    -1, 0, 101, 1e308, True, [], ["a"], [[]], {}, {"a": 1}, "2023-02-30", "?region=%00",
)  # fmt: skip


@pytest.fixture
def real_portal(runtime: Runtime) -> Portal:
    portal = Portal(runtime=runtime, app=create_app(runtime, register_pages))
    for role in Role:
        portal.add_person(role.value, role)
    return portal


def _table(portal: Portal) -> dict[str, Permission]:
    table: dict[str, Permission] = portal.app.server.extensions[CALLBACK_PERMISSIONS]
    return table


def _body(portal: Portal, callback_id: str) -> dict[str, object]:
    return callback_body(portal.app, callback_id, _pages_location="/")


def test_every_callback_has_its_permission_and_some_are_for_operators(
    real_portal: Portal,
) -> None:
    served = {
        callback_id
        for callback_id, entry in real_portal.app.callback_map.items()
        if "callback" in entry
    }
    assert set(_table(real_portal)) == served
    assert Permission.DECIDE in set(_table(real_portal).values())


def test_strangers_run_no_callback(real_portal: Portal) -> None:
    stranger = real_portal.browser()
    for callback_id in _table(real_portal):
        answer = stranger.post_callback(_body(real_portal, callback_id))
        assert answer.status_code == 401, callback_id


@pytest.mark.parametrize("role", Role)
def test_people_run_the_callbacks_of_their_role_only(
    real_portal: Portal, role: Role
) -> None:
    browser = real_portal.logged_in(role.value)
    for callback_id, permission in _table(real_portal).items():
        answer = browser.post_callback(_body(real_portal, callback_id))
        is_allowed = permission in PERMISSIONS[role]
        assert (answer.status_code != 403) is is_allowed, callback_id


@pytest.mark.parametrize("role", Role)
def test_pages_open_for_those_who_have_the_permission(
    real_portal: Portal, role: Role
) -> None:
    browser = real_portal.logged_in(role.value)
    for page in list(dash.page_registry.values()):
        if page["path_template"] is None:
            is_allowed = page["permission"] in PERMISSIONS[role]
            status = browser.get(page["path"]).status_code
            assert status == (200 if is_allowed else 403), page["path"]


def test_hostile_values_never_break_a_callback(real_portal: Portal) -> None:
    browser = real_portal.logged_in("admin")
    for callback_id in _table(real_portal):
        for seed in range(10):
            body = _with_hostile_values(real_portal, callback_id, seed)
            answer = browser.post_callback(body)
            assert answer.status_code in {200, 204, 400}, (callback_id, seed, body)


def _with_hostile_values(
    portal: Portal, callback_id: str, seed: int
) -> dict[str, object]:
    draw = random.Random(f"{callback_id}{seed}")  # noqa: S311 -- reproducible
    body = _body(portal, callback_id)
    for part in ("inputs", "state"):
        for item in body[part]:
            item["value"] = draw.choice(_HOSTILE)
    if callback_id == ROUTER_CALLBACK:
        body["inputs"][0]["value"] = draw.choice(["/", "/audit", "/decisions/x"])
    return body


def test_a_page_asks_no_other_host(real_portal: Portal) -> None:
    browser: Browser = real_portal.logged_in("operator")
    layout = browser.get("/_dash-layout").get_data(as_text=True)
    assert "http://" not in layout
    assert "https://" not in layout
