"""The portal with its own pages behind the doors."""

from __future__ import annotations

import random

import pytest

from core.access import Permission
from orchestrator.runtime import Runtime
from tests.webapp.conftest import Browser, Portal
from tests.webapp.real_portal import make_real_portal, real_body, table
from webapp.dash_internals import ROUTER_CALLBACK

pytestmark = pytest.mark.slow

_HOSTILE: tuple[object, ...] = (
    None, "", "x" * 5_000, "'; drop table decision; --", "../../etc/passwd", "\x00",
    -1, 0, 101, 1e308, True, [], ["a"], [[]], {}, {"a": 1}, "2023-02-30", "?region=%00",
)  # fmt: skip


@pytest.fixture
def real_portal(runtime: Runtime) -> Portal:
    return make_real_portal(runtime)


def test_every_callback_has_its_permission_and_some_are_for_operators(
    real_portal: Portal,
) -> None:
    served = {
        callback_id
        for callback_id, entry in real_portal.app.callback_map.items()
        if "callback" in entry
    }
    assert set(table(real_portal)) == served
    assert Permission.DECIDE in set(table(real_portal).values())


def test_hostile_values_never_break_a_callback(real_portal: Portal) -> None:
    browser = real_portal.logged_in("admin")
    for callback_id in table(real_portal):
        for seed in range(10):
            body = _with_hostile_values(real_portal, callback_id, seed)
            answer = browser.post_callback(body)
            assert answer.status_code in {200, 204, 400}, (callback_id, seed, body)


def _with_hostile_values(
    portal: Portal, callback_id: str, seed: int
) -> dict[str, object]:
    draw = random.Random(f"{callback_id}{seed}")  # noqa: S311 -- reproducible
    body = real_body(portal, callback_id)
    for part in ("inputs", "state"):
        for item in body[part]:
            # A pattern of components is sent as the list of those that it matches.
            for one in item if isinstance(item, list) else [item]:
                one["value"] = draw.choice(_HOSTILE)
    if callback_id == ROUTER_CALLBACK:
        body["inputs"][0]["value"] = draw.choice(["/", "/audit", "/decisions/x"])
    return body


def test_a_page_asks_no_other_host(real_portal: Portal) -> None:
    browser: Browser = real_portal.logged_in("operator")
    layout = browser.get("/_dash-layout").get_data(as_text=True)
    assert "http://" not in layout
    assert "https://" not in layout


def test_a_decision_that_does_not_exist_has_a_heading_too(real_portal: Portal) -> None:
    browser = real_portal.logged_in("auditor")
    callback_id = next(name for name in table(real_portal) if "decision-detail" in name)
    for wanted in ("/decisions/999999", "/decisions/x"):
        body = real_body(real_portal, callback_id)
        body["inputs"][0]["value"] = wanted
        answer = browser.post_callback(body).get_data(as_text=True)
        assert '"type":"H1"' in answer.replace(" ", ""), wanted
