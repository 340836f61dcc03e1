"""`gfo user` against a real database."""

from __future__ import annotations

import json
import os
import pwd
import socket

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from core.audit import AuditAction
from db.audit import list_events
from db.engine import DatabaseUrls, make_engine
from orchestrator.cli.user import app

pytestmark = pytest.mark.slow


@pytest.fixture
def gfo_user(database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", database_urls.owner)
    monkeypatch.setenv("DATABASE_AUDITOR_URL", database_urls.auditor)
    return CliRunner()


def _run(runner: CliRunner, *arguments: str) -> Result:
    return runner.invoke(app, list(arguments))


def test_accounts_are_added_listed_reset_and_disabled(
    gfo_user: CliRunner, database_urls: DatabaseUrls
) -> None:
    added = _run(gfo_user, "add", "ada", "--role", "operator", "--json")
    assert added.exit_code == 0, added.output
    first = json.loads(added.stdout)["one_time_password"]
    reset = _run(gfo_user, "reset-password", "ADA")
    assert reset.exit_code == 0
    assert first not in reset.stdout
    assert _run(gfo_user, "reset-factors", "ada").exit_code == 0
    assert _run(gfo_user, "disable", "ada").exit_code == 0
    listed = json.loads(_run(gfo_user, "list", "--json").stdout)
    (ada,) = [account for account in listed if account["name"] == "ada"]
    assert (ada["role"], ada["is_active"]) == ("operator", False)
    assert "ada" in _run(gfo_user, "list").stdout
    engine = make_engine(database_urls.app)
    with Session(engine) as session:
        events = list_events(session)
    engine.dispose()
    assert [event.action for event in reversed(events)] == [
        AuditAction.USER_ADDED,
        AuditAction.PASSWORD_RESET,
        AuditAction.SECOND_FACTORS_RESET,
        AuditAction.USER_DISABLED,
    ]
    assert {event.actor_name for event in events} == {"cli"}
    operator = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    assert {json.loads(event.payload)["address"] for event in events} == {operator}
    assert not any(first in event.payload for event in events)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (("disable", "nobody"), 1, "There is no user called nobody."),
        (("reset-password", "worker"), 1, "There is no user called worker."),
        (("add", " ", "--role", "admin"), 2, "1 to 80 printable characters"),
    ],
)
def test_mistakes_end_with_one_sentence(
    gfo_user: CliRunner, arguments: tuple[str, ...], exit_code: int, sentence: str
) -> None:
    done = _run(gfo_user, *arguments)
    assert done.exit_code == exit_code
    assert sentence in done.stderr


def test_an_unknown_role_is_refused(gfo_user: CliRunner) -> None:
    assert _run(gfo_user, "add", "ada", "--role", "root").exit_code == 2
