"""The pager of a list of regions, and the links that keep a search."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.regions.views import RegionPart, RegionQuestion
from pages.addresses import Query
from pages.region_list import asked_part, part_answer


def test_a_short_list_has_no_pager_and_no_search() -> None:
    question, shown = asked_part(Query.parse(""), "/admin/regions")
    assert question == RegionQuestion(search="", page=1)
    line, css = part_answer(RegionPart(n_found=3, first=1, n_shown=3), question, shown)
    assert (line, css) == ([], "gfo-filters d-none")


def test_a_page_says_which_rows_it_shows_and_leads_to_the_others(
    text_of: Callable[[object], str],
) -> None:
    question, shown = asked_part(Query.parse("?find=arizona&page=2"), "/admin/regions")
    part = RegionPart(n_found=3_334, first=41, n_shown=40)
    line, css = part_answer(part, question, shown)
    assert css == "gfo-filters"
    assert text_of(line) == "41 to 80 of 3,334  ·  First page  ·  Next page"
    assert line[2].href == "/admin/regions?find=arizona"
    assert line[4].href == "/admin/regions?find=arizona&page=3"
    # What a row leads to keeps the search.
    assert shown.href(region="x") == "/admin/regions?find=arizona&region=x"


def test_a_search_that_finds_all_it_shows_can_be_undone(
    text_of: Callable[[object], str],
) -> None:
    question, shown = asked_part(Query.parse("?find=nowhere"), "/admin/regions")
    line, css = part_answer(RegionPart(n_found=0, first=1, n_shown=0), question, shown)
    assert css == "gfo-filters"
    assert text_of(line) == "none of 0 on this page"
