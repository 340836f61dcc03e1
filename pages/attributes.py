"""Attributes of elements that Python cannot spell as keyword arguments."""

from __future__ import annotations

from typing import Any


def aria(**values: str) -> dict[str, Any]:
    """Accessibility attributes: `aria(label="x")` is `aria-label="x"`."""
    return {f"aria-{name}": value for name, value in values.items()}


def data(**values: str) -> dict[str, Any]:
    """Data attributes, for stylesheets and scripts: `data(label="x")`."""
    return {f"data-{name}": value for name, value in values.items()}


def given(**values: str) -> dict[str, Any]:
    """Those attributes that are not empty."""
    return {name: value for name, value in values.items() if value}
