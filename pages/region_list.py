"""A list of regions in pages: its search, its pager, and what the address asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Output, html
from dash.development.base_component import Component

from orchestrator.regions.region_choice import LONGEST_SEARCH
from orchestrator.regions.views import RegionPart, RegionQuestion
from pages.addresses import Query
from pages.components import Child, field
from pages.grids import Shown, pager
from pages.list_controls import text_filter
from pages.theme import number


def find_field(name: str, *more: Child) -> Component:
    """The search of a list, and other filters; hidden until the list is long."""
    search = text_filter(f"{name}-find", LONGEST_SEARCH, "name, slug or country")
    return html.Div(
        [field("Find a region", search), *more],
        id=f"{name}-filters",
        className=filters_css(is_long=False),
    )


def pager_line(name: str) -> Component:
    """Where a callback says which part is shown."""
    return html.Div(id=f"{name}-pager", className="gfo-pager", role="status")


def filters_css(*, is_long: bool) -> str:
    """Class of the filters; a list that is shown whole needs none."""
    return "gfo-filters" if is_long else "gfo-filters d-none"


def part_outputs(name: str) -> list[Output]:
    """What `part_answer` fills."""
    return [
        Output(f"{name}-pager", "children"),
        Output(f"{name}-filters", "className"),
    ]


def asked_part(
    query: Query, path: str, kept: Mapping[str, str | None] | None = None
) -> tuple[RegionQuestion, Shown]:
    """The part of a list that the address asks for, and what its links keep."""
    question = RegionQuestion(
        search=query.text("find") or "", page=query.identifier("page") or 1
    )
    return question, shown_part(path, question, kept or {})


def shown_part(
    path: str, question: RegionQuestion, kept: Mapping[str, str | None]
) -> Shown:
    """How the links of the pager keep the search and other filters."""
    return Shown(
        path=path,
        kept={"find": question.search or None, **kept},
        order="",
        usual_order="",
        is_first=question.page == 1,
    )


def part_answer(
    part: RegionPart, question: RegionQuestion, shown: Shown
) -> tuple[list[Any], str]:
    """The pager, and the class of the filters."""
    is_long = not part.is_whole or bool(question.search)
    line = part_pager(part, question.page, shown) if is_long else []
    return line, filters_css(is_long=is_long)


def part_pager(part: RegionPart, page: int, shown: Shown, order: str = "") -> list[Any]:
    """Which rows are shown, in which order, and the way to the others."""
    last = part.first + part.n_shown - 1
    said = (
        f"{number(part.first)} to {number(last)} of {number(part.n_found)}{order}"
        if part.n_shown
        else f"none of {number(part.n_found)} on this page"
    )
    return pager(shown, said, "page", str(page + 1) if last < part.n_found else None)
