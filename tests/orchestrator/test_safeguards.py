"""The security lines of `gfo doctor`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from db.users import system_actor
from orchestrator.accounts import administration
from orchestrator.operations.safeguards import Finding, examine_safeguards
from orchestrator.settings import Settings
from tests.asking import asking

GOOD_KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0aa55"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _examined(session: Session, tmp_path: Path, **changes: object) -> list[Finding]:
    settings = Settings(_env_file=None, data_dir=tmp_path).model_copy(update=changes)
    return examine_safeguards(settings, session, {})


def _named(findings: list[Finding], name: str) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]


def test_weak_settings_are_a_note_in_development(
    session: Session, tmp_path: Path
) -> None:
    (line,) = _named(_examined(session, tmp_path), "production settings")
    assert line.is_sound
    assert line.text.startswith("GFO_SECRET_KEY is not set")
    assert line.text.endswith("Development allows it.")


def test_weak_settings_are_a_fault_in_production(
    session: Session, tmp_path: Path
) -> None:
    weak = _examined(session, tmp_path, environment="production", host="fleet.example")
    lines = _named(weak, "production settings")
    assert [(line.is_sound, line.text.split()[0]) for line in lines] == [
        (False, "GFO_SECRET_KEY"),
        (False, "GFO_HOST"),
    ]
    sound = _examined(
        session, tmp_path, environment="production", secret_key=SecretStr(GOOD_KEY)
    )
    assert [line.text for line in _named(sound, "production settings")] == [
        "nothing is weak"
    ]


def test_secrets_that_others_can_read_are_named(
    session: Session, tmp_path: Path
) -> None:
    key, env_file = tmp_path / "web_secret_key", tmp_path / ".env"
    for file in (key, env_file):
        file.write_text("GFO_SECRET_KEY=\n")
        file.chmod(0o644)
    (line,) = _named(_examined(session, tmp_path), "secret files")
    assert not line.is_sound
    assert str(key) in line.text
    assert ".env" not in line.text  # there is no secret in it
    env_file.write_text("# mine\nGFO_SECRET_KEY=abc\n")
    assert ".env" in _named(_examined(session, tmp_path), "secret files")[0].text
    key.chmod(0o600)
    env_file.chmod(0o600)
    (line,) = _named(_examined(session, tmp_path), "secret files")
    assert line.is_sound


@pytest.mark.parametrize(
    "name", ["GFO_OIDC_CLIENT_SECRET", "GFO_FEED_GRID", "DATABASE_URL"]
)
def test_whatever_is_secret_in_the_file_of_settings_counts(
    session: Session, tmp_path: Path, name: str
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"{name}=abc\n")
    env_file.chmod(0o644)
    (line,) = _named(_examined(session, tmp_path), "secret files")
    assert ".env" in line.text


def test_the_socket_of_this_machine_needs_no_encryption(
    session: Session, tmp_path: Path
) -> None:
    (line,) = _named(_examined(session, tmp_path), "database connection")
    assert line.is_sound


def test_an_installation_without_an_admin_is_found(
    session: Session, tmp_path: Path
) -> None:
    (line,) = _named(_examined(session, tmp_path), "accounts")
    assert not line.is_sound
    request = asking(session, system_actor(session, "cli"))
    administration.ensure_first_admin(request, "first", None)
    administration.add_user(
        request,
        name="new",
        role=administration.Role.AUDITOR,
    )
    (line,) = _named(_examined(session, tmp_path), "accounts")
    assert line.is_sound
    assert line.text == "admins: first; still with a one-time password: first, new"
