"""The shape of the code, from its imports: python benchmarks/shape.py [CHECKOUT]."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("core", "models", "db", "migrations", "orchestrator", "pages", "webapp")
PAGES = ("fleet", "forecast", "what_if", "plan", "trade_offs", "audit", "admin_models")


def main(root: Path) -> None:
    """Print lines, functions, rooms with their arrows, and what pages reach."""
    files = {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
    }
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in files.items()}
    lines = sum(len(path.read_text("utf-8").splitlines()) for path in files.values())
    lengths = [
        node.end_lineno - node.lineno + 1
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno
    ]
    print(f"{len(files)} files, {lines:,} lines of Python that ships")
    print(f"functions: median {statistics.median(lengths):g} lines")
    imports = {name: set(_imports(tree, files)) for name, tree in trees.items()}
    rooms = {_room(name) for name in files if name.startswith("orchestrator.")}
    arrows = {
        (_room(name), _room(other))
        for name, found in imports.items()
        for other in found
        if name.startswith("orchestrator.") and other.startswith("orchestrator.")
    }
    between = sum(1 for one, other in arrows if one != other)
    print(f"orchestrator: {len(rooms)} rooms, {between} arrows between them")
    for page in PAGES:
        reached = _reached(f"pages.{page}.callbacks", imports)
        print(f"{page}: its callbacks reach {len(reached)} files")


def _imports(tree: ast.Module, known: dict[str, Path]) -> Iterator[str]:
    """Modules of ours that are imported when the module is."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for item in node.names:
                whole = f"{node.module}.{item.name}"
                name = whole if whole in known else node.module
                if name in known:
                    yield name


def _room(name: str) -> str:
    return name.split(".")[1]


def _reached(start: str, imports: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = [start]
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left.extend(imports[name])
    return seen


main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
