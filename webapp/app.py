"""Puts the web application together: checks of requests first, then what they guard."""

from __future__ import annotations

from collections.abc import Callable

import dash
from dash import Dash, html
from flask import Blueprint, request
from flask_openapi3.openapi import OpenAPI

from orchestrator.operations.monitoring import ReadinessProbe
from orchestrator.operations.secret_key import factor_key, secret_key
from orchestrator.runtime import Runtime
from pages.context import PageContext
from webapp.api.application import OPENAPI_OPTIONS, make_api, make_api_documents
from webapp.auth import current_actor, install_login
from webapp.callbacks import StrictJson
from webapp.compression import install_compression
from webapp.cookies import StateCookie
from webapp.csrf import install_csrf
from webapp.dash_internals import finish_setup, leave_grid_script_out
from webapp.error_pages import install_error_pages
from webapp.federated_login import make_federated_login
from webapp.gate import Gate
from webapp.headers import SecurityHeaders
from webapp.health import make_health
from webapp.index import INDEX, THEME_SCRIPT
from webapp.model_files import make_model_files
from webapp.pages_guard import guard_pages
from webapp.permissions import (
    ROUTES,
    CallbackPermissions,
    require_page_entries,
    require_route_entries,
)
from webapp.portal import (
    bootstrap_url,
    make_portal,
    passkey_script_url,
    stylesheet_url,
)
from webapp.prometheus import Metrics
from webapp.provider_logout import make_provider_logout
from webapp.proxies import trust_proxies
from webapp.request_context import install_request_context, sent_in_header
from webapp.second_factors import make_second_factors
from webapp.telemetry_upload import make_telemetry_upload
from webapp.token_login import add_rate_headers
from webapp.token_pages import make_token_pages
from webapp.visible_callbacks import install_visible_callbacks

CALLBACK_PERMISSIONS = "gfo_callback_permissions"
"""Where the application keeps its finished table, for tests."""

LARGEST_BODY_BYTES = 2 * 1024 * 1024

BLUEPRINTS: tuple[Callable[[Runtime], Blueprint], ...] = (
    make_portal,
    make_second_factors,
    make_token_pages,
    make_federated_login,
    make_provider_logout,
    make_telemetry_upload,
    make_model_files,
)
"""Our routes beside pages, health and metrics; each declares what it requires."""

RegisterPages = Callable[[Dash, PageContext], None]


def create_app(runtime: Runtime, register_pages: RegisterPages) -> Dash:
    """The portal over `runtime` with the pages that `register_pages` adds.

    Raises
    ------
    MissingPermissionError
        When a route, a page or a callback declares no permission.
    InvalidInput
        When the settings hold no usable secret key.
    """
    permissions = CallbackPermissions()
    gate = Gate(runtime, permissions)
    headers = SecurityHeaders([THEME_SCRIPT])
    server = _make_server(runtime, gate, headers)
    hooks_before = len(server.before_request_funcs[None])
    app = _make_dash(server, runtime.settings.app_name)
    register_pages(
        app,
        PageContext(
            runtime=runtime,
            current_actor=current_actor,
            request_id=sent_in_header,
            callback_permission=permissions.declare,
            factor_key=factor_key(runtime.settings),
        ),
    )
    if app.layout is None:
        app.layout = html.Main(dash.page_container, id="main", tabIndex=-1)
    require_page_entries()
    guard_pages(current_actor, gate.deny)
    install_error_pages(server)
    finish_setup(app, server.before_request_funcs[None][hooks_before:])
    require_route_entries(server)
    install_compression(server)
    permissions.resolve(app)
    server.extensions[CALLBACK_PERMISSIONS] = permissions.table()
    install_visible_callbacks(server, app, permissions.table(), current_actor)
    gate.guard(app)
    headers.allow(app.csp_hashes())
    return app


def _make_server(runtime: Runtime, gate: Gate, headers: SecurityHeaders) -> OpenAPI:
    server = OpenAPI(__name__, static_folder=None, **OPENAPI_OPTIONS)
    server.config.update(
        SECRET_KEY=secret_key(runtime.settings),
        MAX_CONTENT_LENGTH=LARGEST_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=LARGEST_BODY_BYTES,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    server.session_interface = StateCookie()
    server.json = StrictJson(server)
    server.jinja_env.globals.update(
        app_name=runtime.settings.app_name,
        theme_script=THEME_SCRIPT,
        stylesheet_url=stylesheet_url,
        passkey_script_url=passkey_script_url,
        has_provider=runtime.settings.oidc_issuer is not None,
    )
    trust_proxies(server, runtime.settings.trusted_proxy_count)
    # The order matters: requests pass these forwards, answers backwards.
    install_request_context(server)
    headers.install(server)
    install_login(server, runtime)
    gate.install(server)
    server.before_request(_allow_files)
    api = make_api(runtime)
    install_csrf(server, api)
    server.register_api(api)
    server.register_blueprint(make_api_documents())
    server.after_request(add_rate_headers)
    for make_blueprint in BLUEPRINTS:
        server.register_blueprint(make_blueprint(runtime))
    probe = ReadinessProbe(runtime)
    metrics = Metrics(runtime, probe)
    metrics.install(server)
    server.register_blueprint(make_health(probe, metrics))
    return server


def _allow_files() -> None:
    """Set before anything reads the form, and after the gate has let the user pass."""
    route = ROUTES.get(request.endpoint or "")
    if route is not None and route.most_bytes is not None:
        request.max_content_length = route.most_bytes


def _make_dash(server: OpenAPI, title: str) -> Dash:
    # The registry is global to Dash; pages of an earlier application must not remain.
    dash.page_registry.clear()
    leave_grid_script_out()
    return Dash(
        __name__,
        server=server,  # type: ignore[arg-type]  # its types forget Flask
        title=title,
        update_title="",
        index_string=INDEX,
        assets_folder="assets",
        external_stylesheets=[bootstrap_url()],
        serve_locally=True,
        suppress_callback_exceptions=True,
        use_pages=True,
        pages_folder="",
        include_pages_meta=False,
        # procrastinate's asgiref would otherwise switch Dash to its slower dispatch.
        use_async=False,
        enable_mcp=False,
        add_log_handler=False,
    )
