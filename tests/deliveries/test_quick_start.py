"""The quick start of docs/deliveries.md, word for word, in this process."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.public_events import PublicKind
from db.engine import DatabaseUrls
from orchestrator.cli.main import app

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "deliveries.md"
TEXT = DOCUMENT.read_text("utf-8")
SECTION = TEXT.split("## Quick start")[1].split("\n## ")[0]
ADDRESS = ("127.0.0.1", 8099)


def _commands() -> Iterator[str]:
    """The lines of the blocks of commands in the section "Quick start"."""
    for language, block in _blocks():
        if not language:
            yield from block.strip().splitlines()


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r"^```(\w*)\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)


def test_the_quick_start_works_as_it_is_written(
    tmp_path: Path,
    database_urls: DatabaseUrls,
    monkeypatch: pytest.MonkeyPatch,
    untouched_logging: None,
) -> None:
    del untouched_logging
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_urls.app)
    monkeypatch.setenv("GFO_LOG_LEVEL", "ERROR")
    (code,) = [block for language, block in _blocks() if language == "python"]
    (tmp_path / "receiver.py").write_text(code)
    said: dict[str, str] = {}
    receiver = None
    for command in _commands():
        words = shlex.split(command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value)
        elif command == "python receiver.py &":
            receiver = _started(tmp_path)
        else:
            assert words[0] == "gfo"
            done = CliRunner().invoke(app, words[1:])
            assert done.exit_code == 0, f"{command}: {done.output}"
            said[" ".join(words[2:3])] = done.output
    assert receiver is not None
    receiver.kill()
    printed, _ = receiver.communicate()
    (line,) = printed.decode().splitlines()
    assert re.fullmatch(r"msg_[0-9a-f]{32} subscription\.tested", line)
    assert said["add"] == "Subscription ops is added.\n"
    assert "0 waiting, 0 dead" in said["send"]
    assert "subscription.tested delivered, 1 tries: Taken (204)." in said["show"]
    assert "Secret, shown once: whsec_" in said["rotate"]
    assert "night-shift: good, mail" in said["list"]
    for listing in ("kinds --json", "list --json", "show night-shift --json"):
        done = CliRunner().invoke(app, ["webhook", *listing.split()])
        assert done.exit_code == 0, done.output


def _started(folder: Path) -> subprocess.Popen[bytes]:
    receiver = subprocess.Popen(
        [sys.executable, "receiver.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        with socket.socket() as probe:
            if probe.connect_ex(ADDRESS) == 0:
                return receiver
        time.sleep(0.05)
    message = "The receiver does not listen."
    raise TimeoutError(message)


def test_the_document_describes_every_event() -> None:
    table = TEXT.split("## Events")[1].split("\n## ")[0]
    for kind in PublicKind:
        place = TEXT if kind is PublicKind.DAILY_DIGEST else table
        assert f"`{kind.value}`" in place
