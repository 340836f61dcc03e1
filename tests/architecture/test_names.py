"""One name, one thing: clashes of classes, aliases and modules are listed here."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("core", "models", "db", "orchestrator", "pages", "webapp")

PARTS = {"__init__", "views", "records", "layout", "callbacks", "figures", "content"}
"""Modules that every subject or page may have."""
SUBJECTS = {
    "alarms", "api_tokens", "approvals", "audit", "decisions", "deliveries", "denials",
    "feeds", "fleet", "forecasts", "integrations", "model_files", "model_health",
    "model_watch", "models", "monitoring", "plans", "policies", "regions",
    "second_factors", "telemetry", "terms",
}  # fmt: skip
"""Names of the same subject in several layers: its values, its tables, its use cases,
its commands, its routes."""


def _modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


def _names(path: Path) -> Iterator[str]:
    """Public classes and type aliases that a module defines."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name[0].isupper() and not name.isupper():
                yield name


def test_no_two_public_classes_or_aliases_share_a_name() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in _modules():
        for name in _names(path):
            if not name.startswith("_"):
                found[name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_modules_share_a_name_only_where_it_is_the_same_subject() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for path in _modules():
        found[path.stem].append(str(path.relative_to(ROOT)))
    clashes = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert {n: p for n, p in clashes.items() if n not in PARTS | SUBJECTS} == {}
    assert {name for name in SUBJECTS if name not in clashes} == set()
