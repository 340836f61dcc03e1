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
    ("own_password", "change_password"): "the actor's own password, which is asked for",
    ("accounts", "record_denial"): "writes down that this actor was refused",
    ("issuance", "issue_live"): "only the worker and a command, as a system user",
    ("logins", "list_logins"): "the actor's own logins",
    ("logins", "end_own_login"): "the actor's own logins",
}
"""Services that take an actor and need no permission, with the reason."""


def _parsed(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _called_names() -> set[str]:
    """Every name that an entrance uses, attributes included."""
    return {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for room in ENTRANCES
        for _, tree in _parsed(REPOSITORY / room)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name)
    }


def _services_with_an_actor() -> Iterator[tuple[str, ast.FunctionDef]]:
    called = _called_names()
    for path, tree in _parsed(SERVICES):
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name not in called:
                continue
            if node.name.startswith("_"):
                continue
            arguments = [*node.args.args, *node.args.kwonlyargs]
            if "actor" in {argument.arg for argument in arguments}:
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
