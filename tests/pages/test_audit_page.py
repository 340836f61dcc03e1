"""Audit: lists, permalinks, the whole story of a decision, and two side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import InvalidInput
from orchestrator.services.decision_lists import DecisionOrder
from orchestrator.views import (
    AuditEventDetail,
    ChainCheckView,
    ChainStatus,
    DecisionDetail,
    DecisionReference,
    DifferenceRow,
    NamedValue,
    RecordOutcome,
    ReplayView,
)
from pages.addresses import Query
from pages.audit import filters
from pages.audit.content import (
    chain_panel,
    decisions_table,
    event_page,
    events_table,
)
from pages.audit.decision_content import (
    chart_summary,
    comparison,
    decision_page,
    replayed,
    superseded,
)
from pages.audit.decision_layout import decision_layout
from pages.audit.figures import AFTER_LABEL, RANGE_LABEL, decision_chart
from pages.audit.layout import decisions_layout, events_layout

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]
Make = Callable[..., Any]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hrefs(components: list[Any]) -> set[str]:
    return {c.href for c in components if getattr(c, "href", None)}


def test_each_decision_links_to_its_permalink(
    make_decision_page: Make, components_of: Walk
) -> None:
    tree = decisions_table(make_decision_page(), {})
    assert {"/decisions/412", "/decisions/411"} <= hrefs(components_of(tree))


def test_the_next_page_keeps_the_filters(
    make_decision_page: Make, components_of: Walk
) -> None:
    shown = {"kind": "what_if", "region": None, "outcome": "BLOCKED", "live": None}
    tree = decisions_table(make_decision_page(next_after="a~1"), shown)
    assert "/audit?kind=what_if&outcome=BLOCKED&after=a~1" in hrefs(components_of(tree))


def test_the_last_page_offers_no_next(
    make_decision_page: Make, components_of: Walk, text_of: Text
) -> None:
    tree = decisions_table(make_decision_page(next_after=None), {})
    assert not any("after=" in href for href in hrefs(components_of(tree)))
    assert "last page" in text_of(tree)


def test_an_empty_list_says_what_to_do(make_decision_page: Make, text_of: Text) -> None:
    assert "Open a filter" in text_of(decisions_table(make_decision_page(count=0), {}))


def test_simulated_and_superseded_decisions_are_marked(
    make_decision_page: Make, text_of: Text
) -> None:
    text = text_of(decisions_table(make_decision_page(), {}))
    assert "What-if simulation" in text
    assert "Recorded superseded" in text


def test_events_link_to_themselves_and_to_their_decision(
    make_event_page: Make, text_of: Text, components_of: Walk
) -> None:
    tree = events_table(make_event_page(), {"actor": "olga"})
    assert "900 14 Jul 2023, 07:00:00 UTC olga Decision what if" in text_of(tree)
    assert {
        "/audit/event/900",
        "/decisions/412",
        "/audit/events?actor=olga&at=800",
    } <= hrefs(components_of(tree))


def test_a_decision_page_holds_inputs_comment_and_audit_event(
    detail: DecisionDetail, text_of: Text
) -> None:
    text = text_of(decision_page(detail))
    for part in (
        "Decision 413",
        detail.inputs_text,
        detail.inputs_sha256,
        "877, the row is as recorded",
        "ab" * 32,
        "Heat wave; Ireland has room.",
        "Carbon, kg CO₂e",
        "The forecast as it was: Arizona",
        "14 Jul 2023, 00:00 (UTC−7) to 15 Jul 2023, 00:00 (UTC−7)",
    ):
        assert part in text, part
    assert "changed past the portal" not in text


def test_a_changed_row_is_an_alarm(
    make_detail: Make, text_of: Text, components_of: Walk
) -> None:
    tree = decision_page(make_detail(is_as_recorded=False))
    assert "This row is not the one that was recorded" in text_of(tree)
    assert any(getattr(c, "role", None) == "alert" for c in components_of(tree))


def test_a_superseded_decision_says_by_whom_and_when(
    make_detail: Make, text_of: Text, components_of: Walk
) -> None:
    successor = DecisionReference(
        decision_id=420, actor_name="anna", created_at_utc=NOON
    )
    tree = decision_page(make_detail(superseded_by=successor, supersedes_id=400))
    text = text_of(tree)
    assert "recorded by anna, 2 Mar 2026, 05:00 (UTC−7); it no longer binds" in text
    assert {"/decisions/420", "/decisions/400"} <= hrefs(components_of(tree))


def test_the_chart_shows_forecast_bounds_and_shift(make_decision_chart: Make) -> None:
    view = make_decision_chart()
    figure = decision_chart(view)
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces[AFTER_LABEL].y) == list(view.after_c)
    assert list(traces["Thermal limit (35\u202f°C)"].y) == [35.0, 35.0]
    assert [trace.y[0] for name, trace in traces.items() if "bound on" in name] == [
        36.2
    ]
    assert traces["The same after the shift"].y[0] == 34.7
    assert RANGE_LABEL in traces
    assert "36.2 °C, 34.7 °C after the shift; limit 35 °C. Measured since: at most" in (
        chart_summary(view).replace("\u202f", " ")
    )


def test_a_chart_without_shift_range_or_measurements_leaves_them_out(
    make_decision_chart: Make,
) -> None:
    view = make_decision_chart(
        lower_c=(), upper_c=(), after_c=(), actual_c=(None,) * 24, bound_after_c=None
    )
    names = [trace.name for trace in decision_chart(view).data]
    assert RANGE_LABEL not in names
    assert AFTER_LABEL not in names
    assert "Measured" not in chart_summary(view)


def test_a_replay_says_the_same_or_what_differs(text_of: Text) -> None:
    same = ReplayView(decision_id=7, differences=(), notes=("A note.",))
    differs = replace(
        same,
        differences=(DifferenceRow(field="outcome", stored="APPROVED", replayed="X"),),
    )
    assert "Replay: the same" in text_of(replayed(same))
    assert "gfo decision replay 7" in text_of(replayed(same))
    assert "outcome APPROVED X" in text_of(replayed(differs))


def test_a_comparison_marks_what_differs(
    make_detail: Make, make_decision: Make, text_of: Text, components_of: Walk
) -> None:
    left = make_detail()
    right = replace(left, card=make_decision(decision_id=414, shift_pct=40.0))
    tree = comparison(left, right)
    marked = [
        c.children
        for c in components_of(tree)
        if "gfo-differs" in str(getattr(c, "className", ""))
    ]
    assert [text.replace("\u202f", " ") for text in marked if "%" in text] == [
        "≠ 30 %",
        "≠ 40 %",
    ]
    assert "lines differ" in text_of(tree)


def test_superseding_links_to_the_new_one_or_shows_the_changed_verdict(
    make_decision: Make, text_of: Text
) -> None:
    card = make_decision(decision_id=500)
    recorded = superseded(RecordOutcome(card=card, changed=None))
    changed = superseded(RecordOutcome(card=None, changed=card.verdict))
    assert "Decision 500" in text_of(recorded)
    assert "nothing was recorded" in text_of(changed)
    assert card.verdict.reason_text in text_of(changed)


def test_what_a_person_may_not_do_is_not_offered(components_of: Walk) -> None:
    def ids(**may: bool) -> set[str]:
        tree = components_of(decision_layout(**may))
        return {getattr(c, "id", "") for c in tree}

    auditor = ids(may_decide=False, may_replay=True)
    operator = ids(may_decide=True, may_replay=False)
    assert "decision-replay" in auditor - operator
    assert "supersede-record" in operator - auditor


def test_events_and_exports_are_offered_to_those_who_may_see_them_only(
    components_of: Walk,
) -> None:
    def tree(*, may_see_events: bool) -> list[Any]:
        return components_of(decisions_layout(may_see_events=may_see_events))

    assert "/audit/events" in hrefs(tree(may_see_events=True))
    assert "/audit/events" not in hrefs(tree(may_see_events=False))
    assert "audit-csv" not in {getattr(c, "id", "") for c in tree(may_see_events=False)}


@pytest.mark.parametrize(
    ("layout", "prefix", "names"),
    [
        (decisions_layout(may_see_events=True), "audit", filters.DECISION_CONTROLS),
        (events_layout(), "event", filters.EVENT_CONTROLS),
    ],
)
def test_every_filter_has_a_label(
    layout: object, prefix: str, names: tuple[str, ...], components_of: Walk
) -> None:
    components = components_of(layout)
    labelled = {getattr(c, "htmlFor", None) for c in components}
    labelled |= {c.id for c in components if getattr(c, "label", None)}
    assert {f"{prefix}-{name}" for name in names} <= labelled
    assert filters.filter_options({})[0]["label"] == "Any"


def test_an_address_says_which_decisions_are_listed() -> None:
    query = Query.parse(
        "?kind=recorded&region=arizona&actor=olga&outcome=BLOCKED&reason=over_limit"
        "&model=3&from=2025-07-01&to=2025-07-02&words=heat+wave&live=1&order=chance"
    )
    chosen = filters.decision_filter(query)
    assert (chosen.kind, chosen.region_slug, chosen.actor_name) == (
        "recorded",
        "arizona",
        "olga",
    )
    assert (chosen.reason_code, chosen.model_version_id) == ("over_limit", 3)
    assert chosen.from_utc == datetime(2025, 7, 1, tzinfo=UTC)
    assert chosen.until_utc == datetime(2025, 7, 3, tzinfo=UTC)
    assert chosen.words == "heat wave"
    assert chosen.live_only
    assert filters.decision_order(query) is DecisionOrder.CHANCE


@pytest.mark.parametrize(
    "search",
    [
        "?kind=x",
        "?outcome=maybe",
        "?reason=because",
        "?model=0",
        "?model=99999999999",
        "?from=yesterday",
        "?to=9999-12-31",
        "?region=" + "a" * 65,
    ],
)
def test_an_address_that_makes_no_sense_is_refused(search: str) -> None:
    with pytest.raises(InvalidInput):
        filters.decision_filter(Query.parse(search))


def test_an_order_or_action_that_is_unknown_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no order"):
        filters.decision_order(Query.parse("?order=random"))
    with pytest.raises(InvalidInput, match="no action"):
        filters.event_filter(Query.parse("?action=nothing"))


def status(**changes: object) -> ChainStatus:
    values: dict[str, Any] = {
        "event_count": 1234,
        "anchored_seq": 1200,
        "anchored_at_utc": NOON,
        "anchor_problem": None,
        "whole_check": None,
        "newest_check": None,
    }
    return ChainStatus(**{**values, **changes})


def test_the_chain_panel_says_what_is_anchored_and_what_is_not(text_of: Text) -> None:
    text = text_of(chain_panel(status()))
    assert "up to event 1,200, 2 Mar 2026, 12:00:00 UTC; 34 later events" in text
    assert "Not verified as a whole yet" in text
    assert "Not anchored" in text_of(
        chain_panel(status(anchored_seq=None, anchored_at_utc=None))
    )


def test_a_broken_chain_is_an_alarm(text_of: Text, components_of: Walk) -> None:
    check = ChainCheckView(
        checked_at_utc=NOON,
        scope="tail",
        event_count=6,
        first_bad_seq=7,
        reason="Event 7 is missing.",
    )
    broken = chain_panel(status(newest_check=check))
    lost = chain_panel(status(anchor_problem="Event 5 is another."))
    assert "broken at event 7" in text_of(broken)
    assert "Event 5 is another." in text_of(lost)
    for tree in (broken, lost):
        assert any(getattr(c, "role", None) == "alert" for c in components_of(tree))


def test_an_event_page_shows_the_hashed_text_and_alarms_when_it_does_not_fit(
    make_event_page: Make, text_of: Text
) -> None:
    detail = AuditEventDetail(
        event=make_event_page().rows[0],
        facts=(NamedValue(label="reason", value="Heat."),),
        payload='{"action":"x"}',
        previous_hash_hex="cd" * 32,
        hash_is_right=True,
    )
    text = text_of(event_page(detail))
    assert '{"action":"x"}' in text
    assert "cd" * 32 in text
    assert "does not fit" not in text
    assert "does not fit" in text_of(event_page(replace(detail, hash_is_right=False)))
