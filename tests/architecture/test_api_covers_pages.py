"""Whatever a button of the portal does, a program can do by the API.

Use cases that pages and forms call are found in their code, so a new one is missed here
until it has its endpoint, or a reason to have none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pages.navigation  # noqa: F401 -- registers every use case that pages know
import webapp.app  # noqa: F401 -- and those of forms
from orchestrator.use_cases import USE_CASES

ROOT = Path(__file__).resolve().parents[2]
API = ROOT / "webapp" / "api"

WITHOUT_ENDPOINT = {
    "accounts.": "what leaked must not outlive its end: no token makes, changes or ends"
    " accounts, logins, factors or tokens",
    "alarms.alarm_bar": "counts of what /alarms lists",
    "alarms.standing_alarms": "the alarms of /alarms, as the first page groups them",
    "decisions.decision_standing": "part of /decisions/<decision_id>",
    "decisions.supersede_form": "the choices of a form",
    "forecasts.ends_to_open": "where a page opens whose address names no region",
    "overview.local_today": "a date that follows from the region's time zone",
    "overview.marks_between": "part of /history and /regions/<region_slug>/history",
    "overview.measured_temperature": "part of /regions/<region_slug>/history",
    "overview.own_views": "what one person saved for their own pages",
    "overview.remove_view": "what one person saved for their own pages",
    "overview.save_view": "what one person saved for their own pages",
    "operations.close_checklist": "what one person sees of their own page",
}
"""Use cases of pages, or all of a subject, that the API lacks on purpose, and why."""


def _called(files: Iterator[Path]) -> set[str]:
    """Use cases that modules import, by name or as attributes of what they import."""
    by_place = {
        f"{case.function.__module__}.{case.function.__name__}": name
        for name, case in USE_CASES.items()
    }
    found = set()
    for file in files:
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        imported = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in nodes
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        attributes = {
            f"{imported[node.value.id]}.{node.attr}"
            for node in nodes
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in imported
        }
        found |= {*imported.values(), *attributes}
    return {by_place[place] for place in found if place in by_place}


def _excused(name: str) -> bool:
    return name in WITHOUT_ENDPOINT or f"{name.partition('.')[0]}." in WITHOUT_ENDPOINT


def test_every_use_case_of_a_page_has_an_endpoint_or_a_reason() -> None:
    outside = [
        file for file in (ROOT / "webapp").rglob("*.py") if API not in file.parents
    ]
    by_people = _called(iter([*(ROOT / "pages").rglob("*.py"), *outside]))
    by_programs = _called(API.rglob("*.py"))
    assert len(by_people) > 100
    missing = sorted(name for name in by_people - by_programs if not _excused(name))
    assert missing == []


def test_no_reason_is_given_for_what_has_an_endpoint_or_is_gone() -> None:
    by_programs = _called(API.rglob("*.py"))
    assert not {name for name in by_programs if _excused(name)}
    for name in WITHOUT_ENDPOINT:
        assert any(known == name or known.startswith(name) for known in USE_CASES)
