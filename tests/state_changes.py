"""Which functions change the database, found in the source and not in a list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

_SQL = re.compile(
    r"\b(insert\s+into|update\s+\w+\s+set|delete\s+from|copy\s+\S+.*\bfrom\s+stdin)\b",
    re.IGNORECASE | re.DOTALL,
)
_BUILDERS = frozenset({"insert", "update", "delete"})
_ADDERS = frozenset({"add", "add_all"})
APPEND_EVENT = "db.audit_append.append_event"


@dataclass(slots=True)
class Function:
    """A function or method: what it calls, and whether it writes itself."""

    name: str
    module: str
    calls: set[str] = field(default_factory=set)
    writes: bool = False

    @property
    def full_name(self) -> str:
        """As it is known everywhere."""
        return f"{self.module}.{self.name}"


class _Module:
    """The names of one module, as far as calls are concerned."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.tree = tree
        self.names: dict[str, str] = {}
        self.sql: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for item in node.names:
                    known_as = item.asname or item.name
                    self.names[known_as] = f"{node.module}.{item.name}"
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                self.names[statement.name] = f"{name}.{statement.name}"
            elif isinstance(statement, ast.Assign) and _holds_sql(statement.value):
                self.sql |= {t.id for t in statement.targets if isinstance(t, ast.Name)}

    def functions(self) -> Iterator[Function]:
        for statement in self.tree.body:
            if isinstance(statement, ast.FunctionDef):
                yield self._function(statement, statement.name)
            elif isinstance(statement, ast.ClassDef):
                # A class is called to be made; whatever it does counts as that.
                yield self._function(statement, statement.name)

    def _function(self, node: ast.AST, name: str) -> Function:
        found = Function(name=name, module=self.name)
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                found.writes |= self._is_write(part)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                # Also what is handed over to be called by somebody else.
                found.writes |= part.id in self.sql
                if part.id in self.names:
                    found.calls.add(self.names[part.id])
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                owner = self.names.get(part.value.id)
                if owner is not None:
                    found.calls.add(f"{owner}.{part.attr}")
            if isinstance(part, ast.Constant) and _holds_sql(part):
                found.writes = True
            found.writes |= _sets_a_column(part)
        return found

    def _is_write(self, call: ast.Call) -> bool:
        target = call.func
        if isinstance(target, ast.Name):
            origin = self.names.get(target.id, "")
            return target.id in _BUILDERS and origin.startswith("sqlalchemy")
        return (
            isinstance(target, ast.Attribute)
            and target.attr in _ADDERS
            and isinstance(target.value, ast.Name)
            and target.value.id == "session"
        )


def _sets_a_column(node: ast.AST) -> bool:
    """A row of the ORM is changed by setting its attributes."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "setattr"
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    )


def _holds_sql(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and _SQL.search(part.value) is not None
        for part in ast.walk(node)
    )


@cache
def functions() -> Mapping[str, Function]:
    """Every function of `db` and `orchestrator`, by its full name."""
    found = {}
    for room in ("db", "orchestrator"):
        for path in sorted((REPOSITORY / room).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            name = ".".join(parts)
            tree = ast.parse(path.read_text("utf-8"))
            for function in _Module(name, tree).functions():
                found[function.full_name] = function
    return found


def reached_from(name: str) -> set[str]:
    """A function and all that it may call, directly or not."""
    known, seen, left = functions(), set(), [name]
    while left:
        current = left.pop()
        if current in seen or current not in known:
            continue
        seen.add(current)
        left.extend(known[current].calls)
    return seen


def writers() -> set[str]:
    """Functions of `db` that write themselves."""
    return {
        name
        for name, function in functions().items()
        if function.writes and name.startswith("db.")
    }


def changing_services() -> set[str]:
    """Public services that reach a writer."""
    write = writers() - {APPEND_EVENT}
    return {
        name
        for name, function in functions().items()
        if name.startswith("orchestrator.services.")
        and not function.name.startswith("_")
        and reached_from(name) & write
    }
