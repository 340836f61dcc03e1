"""Tokens in a real browser: made, used, looked up in the viewer, revoked."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.people import PASSWORD
from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

MAKE = "form[action='/account/tokens/make']"


def fleet(visitor: Visitor, token: str) -> int:
    """The status of a request with this token."""
    answer = httpx.get(
        f"{visitor.portal.url}/api/v1/fleet",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30.0,
    )
    return answer.status_code


def test_a_token_is_made_used_and_revoked_and_the_viewer_says_what_it_does(
    visitor: Visitor,
) -> None:
    visitor.come_in("olga")
    visitor.open("/account/tokens")
    visitor.type_into("#token-name", "my script")
    visitor.click(f"{MAKE} input[value=decide]")
    visitor.type_into("#token-proof", "wrong")
    visitor.click(f"{MAKE} button")
    visitor.sees("[role=alert]", "password")
    visitor.type_into("#token-name", "my script")
    visitor.click(f"{MAKE} input[value=decide]")
    visitor.type_into("#token-proof", PASSWORD)
    visitor.click(f"{MAKE} button")
    token = visitor.sees("#token-secret", "gfo_")
    assert fleet(visitor, token) == 200
    visitor.follow("What the API does")
    visitor.is_at("/api/v1/docs")
    visitor.sees("main", "/api/v1/fleet", "/api/v1/decisions", "Idempotency-Key")
    visitor.sees("main", "needs_second_person")
    visitor.open("/account/tokens")
    assert token not in visitor.sees("main", "my script", "decide")
    visitor.click("button[aria-label='Revoke my script']")
    visitor.sees("td[data-label=State]", "revoked")
    assert fleet(visitor, token) == 401


def test_an_admin_makes_a_service_account_and_its_token(visitor: Visitor) -> None:
    visitor.come_in("ada")
    visitor.open("/admin/tokens")
    visitor.type_into("#service-name", "planner")
    visitor.choose("#service-role", "operator")
    visitor.type_into("#service-proof", PASSWORD)
    visitor.click("form[action='/admin/tokens/service-accounts'] button")
    visitor.holds("#service-name", "")  # the page came anew
    visitor.type_into("#token-owner", "planner")
    visitor.type_into("#token-name", "nightly")
    visitor.click("form[action='/admin/tokens/make'] input[value=read]")
    visitor.type_into("#token-proof", PASSWORD)
    visitor.click("form[action='/admin/tokens/make'] button")
    token = visitor.sees("#token-secret", "gfo_")
    assert fleet(visitor, token) == 200
    visitor.open("/admin/tokens")
    visitor.sees("main", "planner", "nightly", "ada")
    assert not visitor.visible("input[value=approve]")
