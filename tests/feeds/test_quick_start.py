"""The quick start of docs/feeds.md, word for word, in this process."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.engine import DatabaseUrls
from orchestrator.cli.main import app

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "feeds.md"


def _commands() -> Iterator[str]:
    """The lines of the blocks in the section "Quick start"."""
    section = DOCUMENT.read_text("utf-8").split("## Quick start")[1].split("\n## ")[0]
    for block in re.findall(r"```\n(.*?)```", section, re.DOTALL):
        yield from block.strip().splitlines()


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
    said: dict[str, str] = {}
    for command in _commands():
        words = shlex.split(command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            monkeypatch.setenv(name, value)
        elif words[:2] == ["sleep", "6"]:
            file = tmp_path / "var/feeds/site-a/load.csv"
            os.utime(file, (0, 0))  # as if the time had passed
        elif words[0] != "gfo":
            subprocess.run(command, shell=True, check=True)  # noqa: S602 -- our own document
        else:
            done = CliRunner().invoke(app, words[1:])
            assert done.exit_code == 0, f"{command}: {done.output}"
            said[" ".join(words[1:3])] = done.output
    assert said["feed run"] == "site-a: stored, 2 h.\n"
    assert "site-a: stale, folder" in said["feed list"]
    assert (
        "source of it_load_mw in texas: It is the first of the order."
        in (said["feed show"])
    )
    assert said["feed pause"] == "Feed site-a is paused.\n"
    assert said["feed add"] == "Feed grid is added.\n"
    done = CliRunner().invoke(app, ["feed", "remove", "grid"])
    assert done.output == "Feed grid is removed.\n"
    assert "grid" not in CliRunner().invoke(app, ["feed", "list"]).output
    for listing in ("kinds", "list --json", "show site-a --json"):
        done = CliRunner().invoke(app, ["feed", *listing.split()])
        assert done.exit_code == 0, done.output
