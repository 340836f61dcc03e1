"""The door: who comes in, and where to."""

from __future__ import annotations

import pytest

from tests.e2e.visitor import Visitor

pytestmark = pytest.mark.e2e

WANTED = "/forecast?region=ireland&day=2025-07-11"


def test_a_stranger_is_led_to_the_login_and_then_to_the_wanted_page(
    visitor: Visitor,
) -> None:
    visitor.open(WANTED)
    assert visitor.address.startswith("/login?next=")
    visitor.sees("h1", "Log in")
    visitor.log_in("olga")
    visitor.is_at(WANTED)
    visitor.sees("#forecast-sentence", "Ireland", "11 July 2025")
    visitor.sees(".gfo-user", "olga", "operator")


def test_a_wrong_password_is_told_and_lets_nobody_in(visitor: Visitor) -> None:
    visitor.open(WANTED)
    visitor.log_in("olga", "not the password")
    visitor.sees("[role=alert]", "The name or the password is not right")
    visitor.open("/")
    assert visitor.address.startswith("/login")
    visitor.log_in("olga")
    visitor.is_at("/")
    visitor.sees("#fleet-headline", "BLOCKED")


def test_logging_out_closes_the_door(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.log_out()
    visitor.open("/audit")
    assert visitor.address.startswith("/login?next=")
