"""Programs that call the API, as accounts with tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from werkzeug.test import TestResponse

from core.access import PERSONAL_SCOPES, Role, Scope, usable_scopes
from orchestrator.accounts import api_tokens
from tests.webapp.conftest import Portal

ADDRESS = "198.51.100.77"


@dataclass
class ApiCaller:
    """A program with a token."""

    portal: Portal
    secret: str | None
    token_id: int | None = None

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, None, **headers)

    def post(
        self, path: str, body: object = None, key: str | None = None, **headers: str
    ) -> TestResponse:
        return self.send("POST", path, body or {}, key=key, **headers)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        **headers: str,
    ) -> TestResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.secret is not None:
            given.setdefault("Authorization", f"Bearer {self.secret}")
        if method != "GET":
            given.setdefault("Idempotency-Key", key or str(uuid4()))
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        given.setdefault("Content-Type", "application/json")
        return self.portal.app.server.test_client().open(
            f"/api/v1{path}",
            method=method,
            data=data,
            headers=given,
            environ_overrides={"REMOTE_ADDR": ADDRESS},
        )


GIVEN_SCOPES = tuple(scope for scope in Scope if scope not in PERSONAL_SCOPES)
"""What a token can have that somebody makes for an account."""


def make_caller(
    portal: Portal, role: Role, scopes: Iterable[Scope] = GIVEN_SCOPES
) -> ApiCaller:
    """A program whose service account has a role, with the scopes that it can have."""
    name = f"{role.value} {uuid4().hex[:6]}"
    with portal.runtime.request_as("cli") as request:
        api_tokens.add_service_account(request, name, role)
    usable = [scope for scope in scopes if scope in usable_scopes(role)]
    with portal.runtime.request_as("cli") as request:
        made = api_tokens.make_token(
            request, owner=name, name="a program", scopes=usable
        )
    return ApiCaller(portal=portal, secret=made.secret, token_id=made.token.token_id)
