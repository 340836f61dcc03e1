"""`gfo decide` and `gfo decision` as a person or a script uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from orchestrator.cli import decisions
from tests.fleet import Fleet

pytestmark = pytest.mark.slow

SHIFT = ("decide", "--source", "arizona", "--target", "ireland", "--day", "2025-07-13")

# In this process, because each start of Python costs seconds.
APP = typer.Typer(pretty_exceptions_enable=False)
APP.command("decide")(decisions.decide)
APP.add_typer(decisions.app, name="decision")


@pytest.fixture
def gfo(
    tmp_path: Path,
    decided: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    untouched_logging: None,
) -> Callable[..., Result]:
    """Runs a command on a history of decisions."""
    del untouched_logging
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", decided.urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", decided.urls.owner)
    monkeypatch.setenv("DATABASE_AUDITOR_URL", decided.urls.auditor)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(APP, arguments)

    return run


def test_the_verdict_is_told_in_words_and_as_an_exit_code(
    gfo: Callable[..., Result],
) -> None:
    blocked, approved = gfo(*SHIFT, "--shift", "10"), gfo(*SHIFT, "--shift", "72")

    assert (blocked.exit_code, approved.exit_code) == (1, 0), blocked.output
    assert blocked.stdout.startswith("BLOCKED (simulated)")
    assert "still above the limit of 44 °C" in blocked.stdout
    assert "Chance of exceeding 44 °C" in blocked.stdout
    assert "Facility energy: " in approved.stdout
    assert approved.stdout.startswith("APPROVED (simulated)")


def test_recording_under_one_request_id_makes_one_decision(
    gfo: Callable[..., Result],
) -> None:
    request_id = str(uuid4())
    recording = (*SHIFT, "--shift", "72", "--record", "--comment", "As agreed.")

    first, again = (
        json.loads(gfo(*recording, "--request-id", request_id, "--json").stdout)
        for _ in range(2)
    )
    other = json.loads(gfo(*recording, "--json").stdout)

    assert first == again
    assert first["kind"] == "recorded"
    assert other["decision_id"] != first["decision_id"]
    shown = gfo("decision", "show", str(first["decision_id"]))
    assert f"Request id: {request_id}" in shown.stdout
    assert "Audit event" in shown.stdout


def test_a_request_id_that_is_none_is_refused(gfo: Callable[..., Result]) -> None:
    result = gfo(*SHIFT, "--record", "--request-id", "seven")
    assert result.exit_code == 2
    assert "'seven' is not a UUID." in result.stderr


def test_every_decision_replays_and_one_says_what_could_not(
    gfo: Callable[..., Result],
) -> None:
    every, one = gfo("decision", "replay", "--all"), gfo("decision", "replay", "8")

    assert every.exit_code == 0, every.output
    assert every.stdout == "18 replayed, 0 differ.\n"
    assert one.exit_code == 0
    assert one.stdout.startswith("The source's forecast kept no inputs;")
    assert one.stdout.endswith("1 replayed, 0 differ.\n")
