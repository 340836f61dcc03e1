"""The pages of API tokens, over HTTP."""

from __future__ import annotations

import re

from core.access import Scope
from core.audit import AuditAction
from orchestrator.accounts import api_tokens
from tests.webapp.api_caller import ApiCaller
from tests.webapp.conftest import PASSWORD, Portal

MAKE = {"name": "my script", "scope": "decide", "days": "30"}


def test_people_make_a_token_that_is_shown_once_and_revoke_it(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    page = browser.get("/account/tokens").get_data(as_text=True)
    assert 'value="decide"' in page
    assert 'value="audit"' not in page
    made = browser.post_form("/account/tokens/make", **MAKE, proof=PASSWORD)
    shown = re.search(r'id="token-secret">(gfo_[\w-]+)<', made.get_data(as_text=True))
    assert shown is not None
    caller = ApiCaller(portal=portal, secret=shown[1])
    assert caller.get("/nothing").status_code == 404
    again = browser.get("/account/tokens").get_data(as_text=True)
    assert shown[1] not in again
    assert "my script" in again
    with portal.runtime.request_as("cli") as request:
        (token,) = api_tokens.list_tokens(request)
    assert token.scopes == (Scope.DECIDE,)
    ended = browser.post_form(f"/account/tokens/{token.token_id}/revoke")
    assert ended.status_code == 303
    assert caller.get("/nothing").status_code == 401
    made_and_ended = [
        event.action for event in portal.events() if event.object_type == "api_token"
    ]
    assert sorted(made_and_ended) == [
        AuditAction.API_TOKEN_MADE,
        AuditAction.API_TOKEN_REVOKED,
    ]


def test_a_wrong_password_or_scope_makes_no_token(portal: Portal) -> None:
    browser = portal.logged_in("operator")
    for wrong in ({"proof": "wrong"}, {"scope": "models"}, {"days": "x"}):
        answer = browser.post_form(
            "/account/tokens/make", **{**MAKE, "proof": PASSWORD, **wrong}
        )
        assert answer.status_code == 422
    with portal.runtime.request_as("cli") as request:
        assert api_tokens.list_tokens(request) == []


def test_nobody_ends_a_token_of_somebody_else(portal: Portal) -> None:
    with portal.runtime.request_as("cli") as request:
        made = api_tokens.make_token(
            request, owner="admin", name="x", scopes=[Scope.READ]
        )
    browser = portal.logged_in("operator")
    answer = browser.post_form(f"/account/tokens/{made.token.token_id}/revoke")
    assert answer.status_code == 404
    assert (
        ApiCaller(portal=portal, secret=made.secret).get("/nothing").status_code == 404
    )


def test_admins_make_and_revoke_tokens_of_service_accounts(portal: Portal) -> None:
    browser = portal.logged_in("admin")
    account = {"name": "historian", "role": "operator", "proof": PASSWORD}
    added = browser.post_form("/admin/tokens/service-accounts", **account)
    assert added.status_code == 303
    made = browser.post_form(
        "/admin/tokens/make", **MAKE, owner="historian", proof=PASSWORD
    )
    shown = re.search(r'id="token-secret">(gfo_[\w-]+)<', made.get_data(as_text=True))
    assert shown is not None
    caller = ApiCaller(portal=portal, secret=shown[1])
    assert caller.get("/nothing").status_code == 404
    listed = browser.get("/admin/tokens").get_data(as_text=True)
    assert "historian" in listed
    number = re.search(r'data-label="Number">(\d+)<', listed)
    assert number is not None
    unconfirmed = {"token": number[1], "proof": "wrong"}
    assert browser.post_form("/admin/tokens/revoke", **unconfirmed).status_code == 422
    revoked = {"token": number[1], "proof": PASSWORD}
    assert browser.post_form("/admin/tokens/revoke", **revoked).status_code == 303
    assert caller.get("/nothing").status_code == 401


def test_only_admins_see_the_tokens_of_everybody(portal: Portal) -> None:
    assert portal.logged_in("operator").get("/admin/tokens").status_code == 403
