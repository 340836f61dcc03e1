"""Rows and the dataclasses whose fields have the names of their columns."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

_Part = TypeVar("_Part")


def columns_of(value: Any) -> dict[str, object]:  # noqa: ANN401 -- any dataclass
    """The fields of a dataclass as the values of columns."""
    return {item.name: getattr(value, item.name) for item in fields(value)}


def part_of(row: object, part: type[_Part]) -> _Part:
    """The columns of a row that a dataclass names."""
    names = (item.name for item in fields(part))  # type: ignore[arg-type]
    return part(**{name: getattr(row, name) for name in names})
