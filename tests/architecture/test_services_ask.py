"""What pages and commands call asks the permission table itself, in the service."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SERVICES = REPOSITORY / "orchestrator" / "services"
ENTRANCES = ("pages", "webapp", "orchestrator/commands")

OWN_AFFAIRS = {
    (
        "own_password",
        "confirm_password",
    ): "the actor's own password, which is asked for",
    ("own_password", "change_password"): "the actor's own password, which is asked for",
    ("accounts", "record_denial"): "writes down that this actor was refused",
    ("issuance", "issue_live"): "only the worker and a command, as a system user",
    ("model_evaluations", "evaluate_now"): "start_evaluation, its first step, asks",
    ("logins", "list_logins"): "the actor's own logins",
    ("logins", "end_own_login"): "the actor's own logins",
}
"""Services that take an actor and need no permission, with the reason."""


def _parsed(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _called_services() -> set[tuple[str, str]]:
    """Module and name of every service that an entrance imports or names."""
    called = set()
    for _, tree in (
        found for room in ENTRANCES for found in _parsed(REPOSITORY / room)
    ):
        modules = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                names = {item.name for item in node.names}
                if node.module == "orchestrator.services":
                    modules |= names
                elif node.module.startswith("orchestrator.services."):
                    room = node.module.rpartition(".")[2]
                    called |= {(room, name) for name in names}
        called |= {
            (node.value.id, node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
        }
    return called


def _services_with_an_actor() -> Iterator[tuple[str, ast.FunctionDef]]:
    called = _called_services()
    for path, tree in _parsed(SERVICES):
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef):
                continue
            arguments = [*node.args.args, *node.args.kwonlyargs]
            takes_actor = "actor" in {argument.arg for argument in arguments}
            if takes_actor and (path.stem, node.name) in called:
                yield path.stem, node


FOUND = {(room, node.name): node for room, node in _services_with_an_actor()}


@pytest.mark.parametrize("name", sorted(FOUND), ids=".".join)
def test_a_service_that_acts_for_somebody_asks_what_they_may(
    name: tuple[str, str],
) -> None:
    asks = any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"require", "may"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "actor"
        for node in ast.walk(FOUND[name])
    )
    assert asks is not (name in OWN_AFFAIRS)


def test_the_search_finds_the_services() -> None:
    assert ("what_if", "evaluate") in FOUND
    assert set(OWN_AFFAIRS) <= set(FOUND)
