"""A person of each role, with a password that they have chosen."""

from __future__ import annotations

from dataclasses import replace

from core.access import Role
from db.engine import DatabaseUrls
from orchestrator.accounts import administration, own_password
from orchestrator.accounts.logins import Login
from orchestrator.accounts.tries import Client
from tests.asking import log_in
from tests.fleet import runtime_on

PASSWORD = "quartz lantern seven rivers"
NAMES = {Role.OPERATOR: "olga", Role.AUDITOR: "anton", Role.ADMIN: "ada"}

_BROWSER = Client(address="198.51.100.7", user_agent="setup")


def add_people(urls: DatabaseUrls) -> None:
    """Add everybody of NAMES as an admin would, and change their first passwords."""
    runtime = runtime_on(urls)
    for role, name in NAMES.items():
        with runtime.request_as("cli") as request:
            made = administration.add_user(request, name, role)
            assert made.password is not None
            now = request.now
            login = log_in(request.session, name, made.password, _BROWSER, now=now)
            assert isinstance(login, Login)
            changed = own_password.change_password(
                replace(request, caller=login.actor),
                current=made.password,
                new=PASSWORD,
                client=_BROWSER,
            )
            assert isinstance(changed, Login)
    runtime.engine.dispose()
