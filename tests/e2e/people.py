"""A person of each role, with a password that they have chosen."""

from __future__ import annotations

from core.access import Role
from db.engine import DatabaseUrls
from db.users import system_actor
from orchestrator.accounts import administration, own_password
from orchestrator.accounts.logins import Client, Login, log_in
from tests.fleet import runtime_on

PASSWORD = "quartz lantern seven rivers"
NAMES = {Role.OPERATOR: "olga", Role.AUDITOR: "anton", Role.ADMIN: "ada"}

_BROWSER = Client(address="198.51.100.7", user_agent="setup")


def add_people(urls: DatabaseUrls) -> None:
    """Add everybody of NAMES as an admin would, and change their first passwords."""
    runtime = runtime_on(urls)
    for role, name in NAMES.items():
        with runtime.transaction() as session:
            made = administration.add_user(
                session,
                system_actor(session, "cli"),
                name=name,
                role=role,
                now=runtime.clock(),
            )
            login = log_in(
                session,
                name=name,
                password=made.password,
                client=_BROWSER,
                now=runtime.clock(),
            )
            assert isinstance(login, Login)
            changed = own_password.change_password(
                session,
                login.actor,
                current=made.password,
                new=PASSWORD,
                client=_BROWSER,
                now=runtime.clock(),
            )
            assert isinstance(changed, Login)
    runtime.engine.dispose()
