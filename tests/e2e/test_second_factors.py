"""Second factors in a real browser: a passkey of its authenticator, and an app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pyotp
import pytest
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

from tests.e2e.people import PASSWORD
from tests.e2e.visitor import Visitor
from tests.fleet import NOW

pytestmark = pytest.mark.e2e

ADD = "form[data-passkey=create]"
USE = "form[data-passkey=get]"


@contextmanager
def authenticator(visitor: Visitor) -> Iterator[None]:
    """One that verifies the person, as a phone or a laptop has it."""
    driver = visitor.browser.driver
    driver.add_virtual_authenticator(
        VirtualAuthenticatorOptions(
            protocol="ctap2",
            transport="internal",
            has_resident_key=True,
            has_user_verification=True,
            is_user_verified=True,
        )
    )
    yield
    driver.remove_virtual_authenticator()


def by_name(visitor: Visitor) -> Visitor:
    """The portal by the machine's name: passkeys belong to names, not to numbers."""
    address = visitor.portal.url.replace("127.0.0.1", "localhost")
    return replace(visitor, portal=replace(visitor.portal, url=address))


def test_a_passkey_is_added_and_logs_in(visitor: Visitor) -> None:
    olga = by_name(visitor)
    with authenticator(olga):
        olga.come_in("olga")
        olga.open("/account/factors")
        olga.type_into("#passkey-label", "Laptop")
        olga.type_into("#passkey-new-proof", PASSWORD)
        olga.click(f"{ADD} button")
        olga.sees("#recovery-codes", "-")
        olga.sees("main", "Laptop, added")
        olga.click("form[action='/logout'] button")
        olga.is_at("/login")
        olga.click(f"{USE} button")
        olga.is_at("/")
        olga.sees(".gfo-user", "olga", "operator")
    assert olga.browser.console_errors() == []


def test_without_a_passkey_the_page_says_so(visitor: Visitor) -> None:
    stranger = by_name(visitor)
    with authenticator(stranger):
        stranger.open("/login")
        stranger.click(f"{USE} button")
        stranger.sees(f"{USE} [role=status]", "No passkey was used")


def test_an_app_is_added_from_the_shown_secret_and_asked_for(visitor: Visitor) -> None:
    visitor.come_in("olga")
    visitor.open("/account/factors")
    secret = visitor.text("#app-secret")
    visitor.type_into("#app-code", pyotp.TOTP(secret).at(NOW))
    visitor.type_into("#app-proof", PASSWORD)
    visitor.click("form[action='/account/factors/app'] button")
    visitor.sees("#recovery-codes", "-")
    codes = visitor.text("#recovery-codes").split()
    visitor.click("form[action='/logout'] button")
    visitor.is_at("/login")
    visitor.log_in("olga")
    visitor.sees("[role=alert]", "a code that the account needs")
    visitor.type_into("#code", codes[0])
    visitor.log_in("olga")
    visitor.is_at("/")
    visitor.browser.console_errors()  # of the refused login
