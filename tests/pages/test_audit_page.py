"""Audit: lists, permalinks and the whole story of a decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orchestrator.views import DecisionDetail
from pages.audit.content import decision_page, decisions_table, events_table
from pages.audit.layout import decisions_layout, filter_options

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]
Make = Callable[..., Any]


def hrefs(components: list[Any]) -> set[str]:
    return {c.href for c in components if getattr(c, "href", None)}


def test_each_decision_links_to_its_permalink(
    make_decision_page: Make, components_of: Walk
) -> None:
    tree = decisions_table(make_decision_page(), {})
    assert {"/decisions/412", "/decisions/411"} <= hrefs(components_of(tree))


def test_older_keeps_the_filters(make_decision_page: Make, components_of: Walk) -> None:
    filters = {"kind": "what_if", "region": None, "outcome": "BLOCKED", "live": None}
    tree = decisions_table(make_decision_page(next_before_id=410), filters)
    assert "/audit?kind=what_if&outcome=BLOCKED&before=410" in hrefs(
        components_of(tree)
    )


def test_the_last_page_offers_nothing_older(
    make_decision_page: Make, components_of: Walk, text_of: Text
) -> None:
    tree = decisions_table(make_decision_page(next_before_id=None), {})
    assert not any("before=" in href for href in hrefs(components_of(tree)))
    assert "oldest" in text_of(tree)


def test_an_empty_list_says_what_to_do(make_decision_page: Make, text_of: Text) -> None:
    assert "Open a filter" in text_of(decisions_table(make_decision_page(count=0), {}))


def test_simulated_and_superseded_decisions_are_marked(
    make_decision_page: Make, text_of: Text
) -> None:
    text = text_of(decisions_table(make_decision_page(), {}))
    assert "What-if simulation" in text
    assert "Recorded superseded" in text


def test_events_show_their_number_actor_and_hash(
    make_event_page: Make, text_of: Text, components_of: Walk
) -> None:
    tree = events_table(make_event_page())
    assert "900 14 Jul 2023, 07:00:00 UTC olga decision_what_if" in text_of(tree)
    assert "/audit/events?before=800" in hrefs(components_of(tree))


def test_a_decision_page_holds_inputs_comment_and_audit_event(
    detail: DecisionDetail, text_of: Text
) -> None:
    text = text_of(decision_page(detail))
    for part in (
        "Decision 413",
        detail.inputs_text,
        detail.inputs_sha256,
        "877",
        "ab" * 32,
        "Heat wave; Ireland has room.",
        "Carbon, kg CO₂e",
        "14 Jul 2023, 00:00 (UTC−7) to 15 Jul 2023, 00:00 (UTC−7)",
    ):
        assert part in text, part


def test_events_are_offered_to_those_who_may_see_them_only(components_of: Walk) -> None:
    def links(*, may_see_events: bool) -> set[str]:
        return hrefs(components_of(decisions_layout(may_see_events=may_see_events)))

    assert "/audit/events" in links(may_see_events=True)
    assert "/audit/events" not in links(may_see_events=False)


def test_every_filter_has_a_label_and_can_be_left_open(components_of: Walk) -> None:
    components = components_of(decisions_layout(may_see_events=True))
    labelled = {getattr(c, "htmlFor", None) for c in components}
    assert {"audit-kind", "audit-region", "audit-outcome"} <= labelled
    assert filter_options({})[0]["label"] == "Any"
