"""What cannot start says why in one sentence, without a traceback or a secret."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import StartPortal
from tests.faults.portal_process import environment, gfo

pytestmark = pytest.mark.slow

SECRET = "a-password-in-an-address"


def _run(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", "run"],
        env=environment(data_dir, **settings),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _sentence(outcome: subprocess.CompletedProcess[str], exit_code: int) -> str:
    """The one line of an outcome that is a refusal."""
    assert outcome.returncode == exit_code, outcome.stderr
    (line,) = outcome.stderr.splitlines()
    assert SECRET not in outcome.stdout + outcome.stderr
    return line


def test_a_taken_port(empty_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        outcome = _run(empty_dir, GFO_PORT=port)

    assert _sentence(outcome, 2) == (
        f"gfo: Port {port} on 127.0.0.1 cannot be used (Address already in use);"
        " stop what uses it or set GFO_PORT to another."
    )
    assert list(empty_dir.iterdir()) == []


def test_a_host_that_is_not_this_machine(empty_dir: Path) -> None:
    outcome = _run(empty_dir, GFO_HOST="192.0.2.1")

    assert "on 192.0.2.1 cannot be used" in _sentence(outcome, 2)


def test_a_data_folder_below_a_file(empty_dir: Path) -> None:
    (empty_dir / "file").touch()

    outcome = _run(empty_dir, GFO_DATA_DIR=str(empty_dir / "file" / "var"))

    sentence = _sentence(outcome, 2)
    assert "/file/var cannot be written (Not a directory); set GFO_DATA_DIR" in sentence


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("GFO_PORT", "70000", "1 to 65535"),
        ("GFO_LOG_FORMAT", "xml", "'xml'"),
    ],
)
def test_a_wrong_setting(
    empty_dir: Path, variable: str, value: str, named: str
) -> None:
    sentence = _sentence(_run(empty_dir, **{variable: value}), 2)

    assert sentence.startswith(f"gfo: {variable} is ")
    assert named in sentence


def test_a_database_out_of_reach_and_its_password_is_not_shown(empty_dir: Path) -> None:
    address = f"postgresql://gfo:{SECRET}@127.0.0.1:9/fleet"

    sentence = _sentence(_run(empty_dir, DATABASE_URL=address), 1)

    assert sentence.startswith("gfo: The database fleet at 127.0.0.1:9 does not answer")


def test_a_database_address_of_something_else(empty_dir: Path) -> None:
    address = f"mysql://gfo:{SECRET}@127.0.0.1/fleet"

    assert "not one of PostgreSQL" in _sentence(
        _run(empty_dir, DATABASE_URL=address), 2
    )


def test_an_owner_without_an_app(empty_dir: Path) -> None:
    address = f"postgresql://gfo:{SECRET}@127.0.0.1:9/fleet"

    sentence = _sentence(_run(empty_dir, DATABASE_OWNER_URL=address), 2)

    assert "without DATABASE_URL" in sentence


def test_a_secret_key_that_everybody_knows(empty_dir: Path) -> None:
    sentence = _sentence(_run(empty_dir, GFO_SECRET_KEY="change-me"), 2)

    assert sentence.startswith("gfo: GFO_SECRET_KEY is short or well known;")
    assert list(empty_dir.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "serve", "worker"])
def test_debugging_in_production(empty_dir: Path, command: str) -> None:
    outcome = gfo(
        empty_dir,
        command,
        GFO_ENVIRONMENT="production",
        GFO_SECRET_KEY=secrets.token_hex(32),
        FLASK_DEBUG="1",
    )

    assert _sentence(outcome, 2) == (
        "gfo: FLASK_DEBUG is set; production does not start with it."
    )
    assert list(empty_dir.iterdir()) == []


def test_each_weak_setting_of_production_gets_a_sentence(empty_dir: Path) -> None:
    outcome = gfo(
        empty_dir,
        "run",
        GFO_ENVIRONMENT="production",
        GFO_HOST="0.0.0.0",  # noqa: S104 -- what is refused
        GFO_ADMIN_PASSWORD="password1234",
        DATABASE_URL=f"postgresql://gfo:{SECRET}@database.example/fleet",
        DASH_MCP_ENABLED="true",
    )

    assert outcome.returncode == 2
    lines = outcome.stderr.splitlines()
    named = [line.removeprefix("gfo: ").split()[0] for line in lines]
    assert named == [
        "GFO_SECRET_KEY",
        "DASH_MCP_ENABLED",
        "GFO_HOST",
        "DATABASE_URL",
        "GFO_ADMIN_PASSWORD",
    ]
    assert all(line.endswith(".") for line in lines)
    assert SECRET not in outcome.stderr
    assert "password1234" not in outcome.stderr


def test_gunicorn_alone_refuses_as_well(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    """Whoever starts the web server without `gfo` gets the same sentence."""
    command = [sys.executable, "-m", "gunicorn", "--config"]
    command += ["python:webapp.gunicorn_settings", "webapp.wsgi:create()"]
    settings = {"GFO_ENVIRONMENT": "production"}
    portal = start_portal(installed_dir, settings=settings, command=command)

    assert portal.process.wait(60) != 0
    assert "GFO_SECRET_KEY is not set" in portal.logged


def test_a_second_portal_on_the_same_data_folder(
    installed_dir: Path, start_portal: StartPortal
) -> None:
    first = start_portal(installed_dir).wait_ready()

    sentence = _sentence(_run(installed_dir, GFO_PORT=str(_other_port(first.port))), 1)

    assert sentence == (
        f"gfo: Another process already runs the database in {installed_dir}."
    )
    assert first.is_ready()


def _other_port(port: int) -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    assert found != port
    return found


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_an_unwritable_data_folder(empty_dir: Path) -> None:
    empty_dir.chmod(0o555)
    try:
        sentence = _sentence(_run(empty_dir), 2)
    finally:
        empty_dir.chmod(0o755)

    assert f"The data folder {empty_dir} cannot be written" in sentence
