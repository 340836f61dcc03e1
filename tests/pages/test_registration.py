"""Every page and callback says who may use it, and its browser side exists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import dash
import pytest
from dash import Dash

from core.access import Actor, Permission, Role
from core.errors import Forbidden, InvalidInput
from orchestrator.runtime import Runtime
from pages.context import PageContext
from pages.navigation import register_pages
from pages.serving import error_notice
from pages.shell import shell
from pages.times import Times
from tests.javascript import FOLDER, run_node

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]

OPERATOR = Actor(user_id=1, name="olga", role=Role.OPERATOR)

Registered = tuple[Dash, dict[str, Permission]]


@pytest.fixture
def registered() -> Registered:
    dash.page_registry.clear()
    app = Dash(
        __name__,
        use_pages=True,
        pages_folder="",
        use_async=False,
        suppress_callback_exceptions=True,
    )
    permissions: dict[str, Permission] = {}
    # Registration reads the name of the product and touches no database.
    runtime = cast(Runtime, SimpleNamespace(settings=SimpleNamespace(app_name="Fleet")))
    context = PageContext(
        runtime=runtime,
        current_actor=lambda: OPERATOR,
        request_id=uuid4,
        callback_permission=permissions.__setitem__,
    )
    register_pages(app, context)
    return app, permissions


@pytest.mark.usefixtures("registered")
def test_every_page_names_its_permission() -> None:
    found = {page["path"]: page["permission"] for page in dash.page_registry.values()}
    assert found["/audit/events"] is Permission.VIEW_AUDIT_EVENTS
    assert {"/", "/forecast", "/what-if", "/audit"} <= set(found)
    assert all(isinstance(item, Permission) for item in found.values())


def test_what_stores_a_decision_needs_the_permission_to_decide(
    registered: Registered,
) -> None:
    _, permissions = registered
    assert permissions["what-if-verdict.children"] is Permission.DECIDE
    assert permissions["what-if-recorded.children"] is Permission.DECIDE
    assert permissions["what-if-data.data"] is Permission.VIEW_FLEET
    assert permissions["supersede-record-status.children"] is Permission.DECIDE
    for output, name in (
        ("audit-events-table", "rowData"),
        ("export-file", "data"),
        ("audit-csv-file", "data"),
        ("events-csv-file", "data"),
        ("decision-replayed", "children"),
    ):
        assert permissions[f"{output}.{name}"] is Permission.VIEW_AUDIT_EVENTS


def test_every_server_callback_declares_all_its_outputs(registered: Registered) -> None:
    app, permissions = registered
    served = [key for key, entry in callbacks(app).items() if "callback" in entry]
    assert len(served) >= 13
    for key in served:
        outputs = key.strip(".").split("...")
        assert set(outputs) <= set(permissions)


def test_scripts_offer_the_callbacks_that_pages_name_and_no_others(
    registered: Registered,
) -> None:
    app, _ = registered
    named = {
        (
            item["clientside_function"]["namespace"],
            item["clientside_function"]["function_name"],
        )
        for item in cast(Any, dash)._callback.GLOBAL_CALLBACK_LIST + app._callback_list
        if item.get("clientside_function")
    }
    listed = run_node(FOLDER / "list_callbacks.mjs")
    assert listed.returncode == 0, listed.stderr
    assert {tuple(names) for names in json.loads(listed.stdout)} == named


def callbacks(app: Dash) -> dict[str, Any]:
    return {**cast(Any, dash)._callback.GLOBAL_CALLBACK_MAP, **app.callback_map}


@pytest.mark.usefixtures("registered")
def test_the_frame_offers_pages_user_theme_and_logout(
    components_of: Walk, text_of: Text
) -> None:
    frame = shell("Fleet", OPERATOR, Times())
    ids = {getattr(component, "id", None) for component in components_of(frame)}
    assert {"nav-overview", "nav-what-if", "theme-toggle", "log-out", "main"} <= ids
    assert "olga" in text_of(frame)
    (form,) = [c for c in components_of(frame) if type(c).__name__ == "Form"]
    assert (form.action, form.method) == ("/logout", "POST")


@pytest.mark.usefixtures("registered")
def test_the_navigation_lists_the_pages_of_a_role_in_order(components_of: Walk) -> None:
    admin = Actor(user_id=2, name="ada", role=Role.ADMIN)
    decide = ["Overview", "Alarms", "Forecast", "What-if", "Plan"]
    learn = ["Trade-offs", "Audit", "Quality"]
    run = ["Regions", "Telemetry", "Feeds", "Deliveries", "Models", "Users", "Health"]
    for actor, names in (
        (OPERATOR, [decide, learn]),
        (admin, [decide, learn, run]),
    ):
        (bar,) = [
            component
            for component in components_of(shell("Fleet", actor, Times()))
            if type(component).__name__ == "Nav"
        ]
        groups = [components_of(group) for group in bar.children]
        links = [
            [part for part in group if type(part).__name__ == "Link"]
            for group in groups
        ]
        assert [[link.children for link in group] for group in links] == names
        menus = [type(group).__name__ == "Details" for group in bar.children]
        assert menus == [name is run for name in names], "what is many unfolds"
        assert all(link.href.startswith("/") for group in links for link in group)


@pytest.mark.usefixtures("registered")
def test_a_stranger_sees_a_frame_without_navigation(components_of: Walk) -> None:
    ids = {getattr(c, "id", None) for c in components_of(shell("Fleet", None, Times()))}
    assert "nav-overview" not in ids
    assert "log-out" not in ids


def test_what_a_user_can_mend_is_said_in_its_own_words(text_of: Text) -> None:
    assert "Choose the source" in text_of(
        error_notice(InvalidInput("Choose the source."))
    )
    assert text_of(error_notice(Forbidden())).startswith("Not allowed")


def test_a_bug_shows_a_reference_and_none_of_its_words(text_of: Text) -> None:
    text = text_of(error_notice(RuntimeError("SELECT secret FROM app_user")))
    assert re.search(r"reference [0-9a-f]{16}\b", text)
    assert "SELECT" not in text
