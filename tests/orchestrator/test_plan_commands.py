"""`gfo optimize` as a person or a script uses it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import typer
from typer.testing import CliRunner, Result

from orchestrator.cli import decisions, plans
from orchestrator.runtime import Runtime
from tests.asking import NOW
from tests.fleet import Fleet
from tests.orchestrator.test_older_issues import set_limit

pytestmark = pytest.mark.slow

DAY = ("--region", "arizona", "--day", "2025-05-20")

# In this process, because each start of Python costs seconds.
APP = typer.Typer(pretty_exceptions_enable=False)
APP.command("optimize")(plans.optimize)
APP.command("decide")(decisions.decide)
APP.add_typer(plans.app, name="plan")
APP.add_typer(decisions.app, name="decision")


@pytest.fixture
def untouched_logging() -> Iterator[None]:
    """Commands configure the process's logging; put it back for other tests."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:], logging.root.level = handlers, level
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).disabled = False
    structlog.reset_defaults()


@pytest.fixture
def optimize(
    tmp_path: Path,
    fleet: Fleet,
    monkeypatch: pytest.MonkeyPatch,
    untouched_logging: None,
) -> Callable[..., Result]:
    """Runs the command on the small fleet's database."""
    del untouched_logging
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", fleet.urls.app)
    monkeypatch.setenv("DATABASE_OWNER_URL", fleet.urls.owner)
    monkeypatch.setenv("DATABASE_AUDITOR_URL", fleet.urls.auditor)
    return lambda *arguments: run("optimize", *arguments)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(APP, arguments)


def test_the_plan_is_a_table_for_people(optimize: Callable[..., Result]) -> None:
    result = optimize(*DAY)

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Plan 1 (simulated), 2025-05-20 07:00 to")
    assert any("→" in line and "MWh" in line for line in lines)
    for label in ("Doing nothing", "Greedy", "Best plan", "Best plan, had all been"):
        assert any(line.strip().startswith(label) for line in lines), label
    assert sum("t CO2e" in line and "m3" in line for line in lines) >= 12


def test_the_plan_is_json_for_programs(optimize: Callable[..., Result]) -> None:
    result = optimize(*DAY, "--carbon-usd-per-t", "120", "--json")

    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)
    assert plan["terms"]["carbon_usd_per_t"] == 120
    assert plan["transfers"]
    assert {row["key"] for row in plan["comparison"]} >= {"nothing", "plan", "oracle"}


def test_a_budget_that_cannot_be_kept_ends_with_1(
    optimize: Callable[..., Result],
) -> None:
    result = optimize(*DAY, "--limit", "carbon_t=1")

    assert result.exit_code == 1
    assert "carbon budget of 1 t CO2e cannot be kept" in result.stdout


def test_a_shift_to_several_targets_is_judged(optimize: Callable[..., Result]) -> None:
    result = optimize(*DAY, "--split", "ireland=6", "--split", "wyoming=4")

    assert result.exit_code == 0, result.output
    assert "arizona → ireland" in result.stdout
    assert "6.0 % of its load" in result.stdout
    assert "4.0 % of its load" in result.stdout
    assert "The shift as asked for" in result.stdout


WRONG = (
    (("--split", "ireland"), "not like ireland=12.5"),
    (("--split", "ireland=-3"), "share above 0"),
    (("--limit", "carbon=1"), "'carbon' is not a limit"),
    (("--limit", "carbon_t=much"), "not like carbon_t=120"),
    (("--carbon-usd-per-t", "-1"), "carbon_usd_per_t is -1.0"),
    (("--carbon-usd-per-t", "nan"), "carbon_usd_per_t is nan"),
    (("--limit", "ramp_mw_per_h=-2"), "ramp_mw_per_h is -2.0"),
)


def test_wrong_input_ends_with_2_and_says_what(optimize: Callable[..., Result]) -> None:
    for arguments, sentence in WRONG:
        result = optimize(*DAY, *arguments)
        assert result.exit_code == 2, arguments
        assert sentence in result.stderr


def test_what_was_recorded_is_changed_said_of_and_taken_back_at_the_terminal(
    optimize: Callable[..., Result], fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    del optimize  # the commands find the fleet's database
    monkeypatch.setitem(Runtime.__init__.__kwdefaults__, "clock", lambda: NOW)
    set_limit(fleet, "arizona", 42.0)

    def said(*arguments: str) -> str:
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "Recorded as decisions" in said("optimize", "--record", "--comment", "x")
    assert "still move load: none" not in said("plan", "show", "1")
    dearer = ("--instead-of", "1", "--carbon-usd-per-t", "500")
    assert said("optimize", *dearer).startswith("Plan 2")
    assert "Recorded as" in said("plan", "change", "2", "--reason", "Dearer carbon.")
    assert "still move load: none" in said("plan", "show", "1")
    assert "Taken back by" in said("plan", "undo", "2", "--reason", "Link is down.")
    assert "still move load: none" in said("plan", "show", "2")

    shift = ("--source", "ireland", "--target", "wyoming", "--shift", "5")
    hours = ("--hours", "12-18", "--record", "--lasts", "open", "--json")
    decision_id = str(json.loads(said("decide", *shift, *hours))["decision_id"])
    assert "recorded, until it is taken back." in said("decision", "state", decision_id)
    seen = said("decision", "state", decision_id, "acknowledged", "--reason", "Seen.")
    assert "acknowledged by" in seen
    back = ("--shift", "0", "--reason", "Not needed.")
    said("decision", "replace", decision_id, *back)
    assert "superseded" in said("decision", "state", decision_id)
