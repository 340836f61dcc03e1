"""The real application on real PostgreSQL, with three small pages of its own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dash
import pytest
import structlog
from dash import Dash, Input, Output, State, html
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from core.access import Permission, Role
from core.audit import AuditEvent
from db.audit import list_events
from db.engine import DatabaseUrls, make_engine
from db.users import User, find_user_by_name, insert_user
from orchestrator.accounts.administration import disable_user
from orchestrator.accounts.passwords import hash_password
from orchestrator.runtime import Runtime
from orchestrator.settings import Settings
from orchestrator.use_cases import Request
from pages.context import PageContext
from tests.fleet import Fleet
from webapp.app import create_app

PASSWORD = "quartz lantern seven rivers"
SECRET_KEY = "b7c2f1d09a8e4635-17f0cc2d5be94a6f"
ORIGIN = "http://localhost"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)

_browsers = itertools.count(1)


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


def register_test_pages(app: Dash, context: PageContext) -> None:
    """A page for everybody, one for operators and one for auditors."""
    pages = (
        ("test_home", "/", Permission.VIEW_FLEET),
        ("test_decide", "/decide", Permission.DECIDE),
        ("test_events", "/events", Permission.VIEW_AUDIT_EVENTS),
        ("test_users", "/users", Permission.MANAGE_USERS),
    )
    for module, path, permission in pages:
        dash.register_page(
            module,
            path=path,
            title=module,
            layout=_layout(module),
            permission=permission,
        )

    @app.callback(Output("home-text", "children"), Input("home-input", "value"))
    def echo(value: object) -> str:
        return f"seen {value}"

    @app.callback(
        Output("decision", "children"),
        Output("decision-count", "data"),
        Input("record", "n_clicks"),
        State("comment", "value"),
        prevent_initial_call=True,
    )
    def record(clicks: object, comment: object) -> tuple[str, object]:
        return f"recorded by {context.current_actor().name}: {comment}", clicks

    @app.callback(Output("broken", "children"), Input("break", "n_clicks"))
    def break_down(_clicks: object) -> str:
        message = "secret detail: SELECT password_hash FROM app_user"
        raise RuntimeError(message)

    @app.callback(Output("fresh", "children"), Input("tick", "n_intervals"))
    def tick(count: object) -> str:
        return str(count)

    app.clientside_callback(
        "function(value) { return value; }",
        Output("mirror", "children"),
        Input("home-input", "value"),
    )
    context.callback_permission("home-text.children", Permission.VIEW_FLEET)
    context.callback_permission("decision.children", Permission.DECIDE)
    context.callback_permission("broken.children", Permission.VIEW_FLEET)
    context.callback_permission("fresh.children", Permission.VIEW_FLEET)


def _layout(module: str) -> Callable[..., html.Div]:
    def layout(region: str | None = None) -> html.Div:
        return html.Div([html.H1(f"page {module}"), html.P(f"region {region}")])

    return layout


@pytest.fixture(autouse=True)
def _plain_logs() -> Iterator[None]:
    """Log lines go to the standard library, which pytest shows when a test fails."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def runtime(
    database_urls: DatabaseUrls, clock: Clock, tmp_path: Path
) -> Iterator[Runtime]:
    engine = make_engine(database_urls.app, pool_size=5)
    settings = Settings(
        _env_file=None,
        secret_key=SecretStr(SECRET_KEY),
        data_dir=tmp_path,
        database_url=None,
    )
    yield Runtime(settings=settings, engine=engine, clock=clock)
    engine.dispose()


@dataclass
class Browser:
    """A client that does what a browser with a page of ours does."""

    client: FlaskClient
    origin: str = ORIGIN
    address: str = field(default_factory=lambda: f"198.51.100.{next(_browsers) % 250}")

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(
            path, base_url=self.origin, headers=headers, environ_overrides=self._environ
        )

    def post_form(self, path: str, **fields: object) -> TestResponse:
        return self.client.post(
            path,
            data={"csrf_token": self.csrf_token(), **fields},
            base_url=self.origin,
            headers={"Origin": self.origin, "Sec-Fetch-Site": "same-origin"},
            environ_overrides=self._environ,
        )

    def post_callback(self, body: object, **headers: str) -> TestResponse:
        return self.client.post(
            "/_dash-update-component",
            json=body,
            base_url=self.origin,
            headers={
                "Origin": self.origin,
                "X-CSRFToken": self.csrf_token(),
                **headers,
            },
            environ_overrides=self._environ,
        )

    def log_in(
        self, name: str, password: str = PASSWORD, **fields: str
    ) -> TestResponse:
        self.get("/login")
        return self.post_form("/login", name=name, password=password, **fields)

    def csrf_token(self) -> str:
        cookie = self.client.get_cookie("_csrf_token")
        if cookie is not None:
            return cookie.decoded_value
        page = self.get("/login").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        return found.group(1) if found else ""

    @property
    def login_token(self) -> str | None:
        cookie = self.client.get_cookie("gfo_login")
        return None if cookie is None else cookie.value

    @property
    def _environ(self) -> dict[str, str]:
        return {"REMOTE_ADDR": self.address}


@dataclass
class Portal:
    """The application with a person of each role."""

    runtime: Runtime
    app: Dash

    def browser(self) -> Browser:
        return Browser(client=self.app.server.test_client())

    def logged_in(self, name: str) -> Browser:
        browser = self.browser()
        response = browser.log_in(name)
        assert response.status_code == 303, response.get_data(as_text=True)
        browser.get("/")  # hands out the form token, as loading a page does
        return browser

    def add_person(
        self, name: str, role: Role, *, must_change_password: bool = False
    ) -> User:
        with self.runtime.transaction() as session:
            return insert_user(
                session,
                name=name,
                role=role,
                password_hash=_PASSWORD_HASH,
                must_change_password=must_change_password,
            )

    def user(self, name: str) -> User:
        with self.runtime.transaction() as session:
            user = find_user_by_name(session, name)
        assert user is not None
        return user

    def events(self) -> list[AuditEvent]:
        with self.runtime.transaction() as session:
            return list_events(session, limit=500)

    def as_cli(self, work: Callable[[Request], object]) -> None:
        with self.runtime.request_as("cli") as request:
            work(request)


def portal_over(fleet: Fleet, data_dir: Path) -> Portal:
    """The application with the test pages over the small fleet."""
    changes = {"data_dir": data_dir, "secret_key": SecretStr(SECRET_KEY)}
    settings = fleet.runtime.settings.model_copy(update=changes)
    runtime = replace(fleet.runtime, settings=settings)
    return Portal(runtime=runtime, app=create_app(runtime, register_test_pages))


_PASSWORD_HASH = hash_password(PASSWORD)


@pytest.fixture
def bare_portal(runtime: Runtime) -> Portal:
    """The application over a database without any person."""
    return Portal(runtime=runtime, app=create_app(runtime, register_test_pages))


@pytest.fixture
def portal(bare_portal: Portal) -> Portal:
    """The application with an auditor, an operator and an admin, named so."""
    for role in Role:
        bare_portal.add_person(role.value, role)
    return bare_portal


@pytest.fixture
def person(portal: Portal) -> Callable[[str], Browser]:
    """A browser as the named kind of visitor would use it."""

    def visit(kind: str) -> Browser:
        if kind == "anonymous":
            return portal.browser()
        if kind == "disabled":
            portal.add_person("disabled", Role.ADMIN)
            browser = portal.logged_in("disabled")
            portal.as_cli(lambda request: disable_user(request, "disabled"))
            return browser
        return portal.logged_in(kind)

    return visit


def callback_body(app: Dash, callback_id: str, **values: object) -> dict[str, object]:
    """The body that a page would post for this callback; values by component id."""
    entry = app.callback_map[callback_id]

    def filled(spec: dict[str, str]) -> dict[str, object]:
        return {**spec, "value": values.get(spec["id"].replace("-", "_"))}

    outputs = [
        dict(zip(("id", "property"), output.rsplit(".", 1), strict=True))
        for output in callback_id.strip(".").split("...")
    ]
    return {
        "output": callback_id,
        "outputs": outputs if callback_id.startswith("..") else outputs[0],
        "inputs": [filled(spec) for spec in entry["inputs"]],
        "state": [filled(spec) for spec in entry["state"]],
        "changedPropIds": [f"{s['id']}.{s['property']}" for s in entry["inputs"]],
    }
