"""Audit: lists, permalinks, the whole story of a decision, and two side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.errors import InvalidInput
from orchestrator.audit.views import (
    AuditEventDetail,
    AuditEventView,
    ChainCheckView,
    ChainStatus,
    DecisionProof,
)
from orchestrator.decisions.lists import DecisionOrder
from orchestrator.decisions.views import (
    DecisionDetail,
    DecisionReference,
    DecisionRun,
    Difference,
    NamedValue,
    RecordOutcome,
    Replay,
)
from pages.addresses import Query
from pages.audit import filters, list_grids
from pages.audit.content import chain_panel, event_page
from pages.audit.decision_content import (
    chart_summary,
    comments,
    comparison,
    decision_evidence,
    decision_page,
    replayed,
    superseded,
)
from pages.audit.decision_layout import decision_layout
from pages.audit.figures import AFTER_LABEL, RANGE_LABEL, decision_chart
from pages.audit.layout import decisions_layout, events_layout
from pages.grids import column_defs
from pages.list_controls import filter_options

Text = Callable[[object], str]
Walk = Callable[[object], list[Any]]
Make = Callable[..., Any]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hrefs(components: list[Any]) -> set[str]:
    return {c.href for c in components if getattr(c, "href", None)}


def cell_text(cell: object) -> str:
    """What a cell of a grid says."""
    if isinstance(cell, str):
        return cell
    assert isinstance(cell, list)
    return " ".join(part["text"] for part in cell)


def row_text(row: Mapping[str, object]) -> str:
    """What a row of a grid says, in the order of its cells."""
    cells = [cell_text(cell) for name, cell in row.items() if name != "id"]
    return " ".join(cells).replace("\u202f", " ")


def links(rows: Iterable[Mapping[str, object]]) -> set[str]:
    return {
        part["href"]
        for row in rows
        for cell in row.values()
        if isinstance(cell, list)
        for part in cell
        if "href" in part
    }


def test_each_decision_links_to_its_permalink(make_decision_page: Make) -> None:
    rows = list_grids.decision_rows(make_decision_page(), "UTC")
    assert links(rows) == {"/decisions/412", "/decisions/411", "/decisions/410"}
    assert [row["id"] for row in rows] == ["412", "411", "410"]


def test_each_column_of_a_list_is_filled(
    make_decision_page: Make, make_event_page: Make
) -> None:
    for columns, rows in (
        (
            list_grids.DECISION_COLUMNS,
            list_grids.decision_rows(make_decision_page(), "UTC"),
        ),
        (list_grids.EVENT_COLUMNS, list_grids.event_rows(make_event_page(), "UTC")),
    ):
        names = {column.field for column in columns}
        for row in rows:
            assert set(row) - {"choosable"} == names | {"id"}
            assert all(cell_text(row[name]) for name in names)


def test_the_next_page_keeps_the_filters(
    make_decision_page: Make, components_of: Walk
) -> None:
    query = Query.parse("?kind=what_if&outcome=BLOCKED&after=old~9")
    page = make_decision_page(next_after="a~1")
    tree = list_grids.decisions_pager(page, list_grids.decisions_shown(query))
    assert hrefs(components_of(tree)) == {
        "/audit?kind=what_if&outcome=BLOCKED",
        "/audit?kind=what_if&outcome=BLOCKED&after=a~1",
    }


def test_the_last_page_offers_no_next(
    make_decision_page: Make, components_of: Walk, text_of: Text
) -> None:
    page = make_decision_page(next_after=None)
    last = list_grids.decisions_pager(
        page, list_grids.decisions_shown(Query.parse("?after=b~2&order=window"))
    )
    assert hrefs(components_of(last)) == {"/audit?order=window"}
    assert text_of(last).startswith("3 decisions, latest window first")
    assert "last page" in text_of(last)
    only = list_grids.decisions_pager(page, list_grids.decisions_shown(Query.parse("")))
    assert only == ["3 decisions, newest first"]


def test_an_empty_list_says_what_to_do(
    make_decision_page: Make, make_event_page: Make, text_of: Text
) -> None:
    empty = (
        list_grids.decisions_state(make_decision_page(count=0)),
        list_grids.events_state(make_event_page(count=0)),
    )
    assert all("Open a filter" in text_of(state) for state in empty)
    assert list_grids.decisions_state(make_decision_page()) is None
    assert list_grids.events_state(make_event_page()) is None


def test_simulated_and_superseded_decisions_are_marked(
    make_decision_page: Make,
) -> None:
    rows = list_grids.decision_rows(make_decision_page(), "UTC")
    assert cell_text(rows[0]["kind"]) == "What-if simulation"
    assert cell_text(rows[1]["kind"]) == "Recorded acknowledged"
    assert "(2 comments) " in cell_text(rows[1]["why"])
    assert cell_text(rows[2]["verdict"]) == "BLOCKED"
    assert rows[2]["chance"] == "7\u202f%"


def test_events_link_to_themselves_and_to_their_decision(make_event_page: Make) -> None:
    rows = list_grids.event_rows(make_event_page(), "UTC")
    assert "900 14 Jul 2023, 07:00:00 UTC olga Decision what if" in row_text(rows[0])
    assert {"/audit/event/900", "/decisions/412"} <= links(rows)
    query = Query.parse("?actor=olga")
    following = list_grids.events_pager(
        make_event_page(), list_grids.events_shown(query)
    )
    assert "/audit/events?actor=olga&at=800" in {
        getattr(piece, "href", None) for piece in following
    }


def test_an_event_is_shown_on_the_chosen_clock_to_the_second(
    make_event_page: Make,
) -> None:
    row = list_grids.event_rows(make_event_page(), "America/Phoenix")[0]
    (time,) = row["time"]
    assert time["text"] == "14 Jul 2023, 00:00:00 (UTC−7)"  # type: ignore[index]
    assert time["time"] == "2023-07-14T07:00:00+00:00"  # type: ignore[index]


def headings(search: str) -> dict[str, dict[str, str]]:
    shown = list_grids.decisions_shown(Query.parse(search))
    return {
        column["field"]: column["headerComponentParams"]
        for column in column_defs(list_grids.DECISION_COLUMNS, shown)
        if column["headerComponentParams"]
    }


def test_a_heading_leads_to_the_servers_order_and_shows_the_present_one() -> None:
    first = headings("?kind=recorded&after=a~1")
    assert first["taken"] == {
        "href": "/audit?kind=recorded&order=oldest",
        "direction": "descending",
    }
    assert first["chance"] == {
        "href": "/audit?kind=recorded&order=chance",
        "direction": "none",
    }
    by_chance = headings("?kind=recorded&order=chance")
    assert by_chance["chance"] == {
        "href": "/audit?kind=recorded",
        "direction": "descending",
    }
    assert by_chance["taken"] == {"href": "/audit?kind=recorded", "direction": "none"}
    oldest = headings("?order=oldest")
    assert oldest["taken"] == {"href": "/audit", "direction": "ascending"}


def test_every_order_of_the_server_is_a_heading_and_no_other_column_is_one() -> None:
    orders = [
        name for column in list_grids.DECISION_COLUMNS for name, _ in column.orders
    ]
    assert sorted(orders) == sorted(order.value for order in DecisionOrder)
    assert set(headings("")) == {"taken", "window", "chance"}
    assert all(
        not column["sortable"]
        for column in components_of_grid(
            decisions_layout(may_see_events=False, may_decide=False)
        )
    )


def components_of_grid(layout: Any) -> list[dict[str, Any]]:
    """What a grid within a layout says of every column."""
    grids = [part for part in layout._traverse() if type(part).__name__ == "AgGrid"]
    assert grids
    return [grid.defaultColDef for grid in grids]


def decision_proof() -> DecisionProof:
    """Event 877 does not fit and is not anchored."""
    event = AuditEventView(
        seq=877,
        occurred_at_utc=NOON,
        actor_name="olga",
        action="decision_recorded",
        object_label="decision 413",
        decision_id=413,
        summary="",
        hash_hex="ab" * 32,
    )
    return DecisionProof(
        events=(
            AuditEventDetail(
                event=event,
                facts=(),
                payload="{}",
                previous_hash_hex="cd" * 32,
                hash_is_right=False,
            ),
        ),
        status=ChainStatus(
            event_count=900,
            anchored_seq=800,
            anchored_at_utc=NOON,
            anchor_problem=None,
            whole_check=None,
            newest_check=None,
        ),
    )


def test_those_who_may_not_see_events_get_the_story_without_its_proof(
    detail: DecisionDetail, text_of: Text
) -> None:
    text = text_of(decision_evidence(detail, None, "UTC"))
    assert "Proof" not in text
    assert detail.inputs_sha256 in text


def test_only_what_stands_can_be_chosen_to_be_taken_back(
    make_decision_page: Make,
) -> None:
    rows = list_grids.decision_rows(make_decision_page(), "UTC")
    assert [row["choosable"] for row in rows] == ["no", "yes", "no"]


def test_a_list_says_what_people_wrote(make_decision_page: Make) -> None:
    recorded = list_grids.decision_rows(make_decision_page(), "UTC")[1]
    assert cell_text(recorded["why"]).startswith("“Agreed with the site.” ")
    assert "(2 comments) " in cell_text(recorded["why"])


def test_a_decision_page_holds_inputs_comment_and_audit_event(
    detail: DecisionDetail, text_of: Text
) -> None:
    proof = decision_proof()
    tree = [
        decision_page(detail),
        comments(detail),
        decision_evidence(detail, proof, "UTC"),
    ]
    text = text_of(tree)
    for part in (
        "ben, 14 Jul 2023, 00:00 (UTC−7) Agreed by phone.",
        "Thermal limit 35 °C",
        "Each hour: Arizona (America/Phoenix, UTC−7)",
        "Proof: its events in the audit chain",
        "877",
        "DOES NOT FIT",
        "not yet",
        "Decision 413",
        detail.inputs_text,
        detail.inputs_sha256,
        "877, the row is as recorded",
        "ab" * 32,
        "Heat wave; Ireland has room.",
        "Carbon, t CO₂e 610.0 427.0 510.0 641.0 1,120.0 1,068.0 −52.0",
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
    same = Replay(decision_id=7, differences=(), notes=("A note.",))
    differs = replace(
        same,
        differences=(Difference(field="outcome", stored="APPROVED", replayed="X"),),
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
        return components_of(
            decisions_layout(may_see_events=may_see_events, may_decide=False)
        )

    assert "/audit/events" in hrefs(tree(may_see_events=True))
    assert "/audit/events" not in hrefs(tree(may_see_events=False))
    assert "audit-csv" not in {getattr(c, "id", "") for c in tree(may_see_events=False)}


@pytest.mark.parametrize(
    ("layout", "prefix", "names"),
    [
        (
            decisions_layout(may_see_events=True, may_decide=True),
            "audit",
            filters.DECISION_CONTROLS,
        ),
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
    assert filter_options({})[0]["label"] == "Any"


def test_an_address_says_which_decisions_are_listed() -> None:
    query = Query.parse(
        "?kind=recorded&region=arizona&actor=olga&outcome=BLOCKED&reason=over_limit"
        "&model=3&from=2025-07-01&to=2025-07-02&words=heat+wave&live=1&order=chance"
    )
    chosen = filters.decision_filter(query, NOON)
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
        filters.decision_filter(Query.parse(search), NOON)


def test_an_order_or_action_that_is_unknown_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no order"):
        filters.decision_order(Query.parse("?order=random"))
    with pytest.raises(InvalidInput, match="no action"):
        filters.event_filter(Query.parse("?action=nothing"), NOON)


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
    text = text_of(chain_panel(status(), "UTC"))
    assert "up to event 1,200, 2 Mar 2026, 12:00:00 UTC; the 34 later events" in text
    assert "Not verified as a whole yet" in text
    assert "Not anchored" in text_of(
        chain_panel(status(anchored_seq=None, anchored_at_utc=None), "UTC")
    )


def test_a_broken_chain_is_an_alarm(text_of: Text, components_of: Walk) -> None:
    check = ChainCheckView(
        checked_at_utc=NOON,
        scope="tail",
        event_count=6,
        first_bad_seq=7,
        reason="Event 7 is missing.",
    )
    broken = chain_panel(status(newest_check=check), "UTC")
    lost = chain_panel(status(anchor_problem="Event 5 is another."), "UTC")
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
    text = text_of(event_page(detail, "UTC"))
    assert '{"action":"x"}' in text
    assert "cd" * 32 in text
    assert "does not fit" not in text
    changed = replace(detail, hash_is_right=False)
    assert "does not fit" in text_of(event_page(changed, "UTC"))


def test_a_run_says_how_many_it_holds_and_opens(make_decision_page: Make) -> None:
    page = make_decision_page()
    first = replace(page.rows[2], is_simulated=False)
    assert first.kind == "automatic"
    run = DecisionRun(
        count=12,
        first_utc=first.created_at_utc - timedelta(hours=11),
        last_utc=first.created_at_utc,
    )
    page = replace(page, rows=(*page.rows[:2], replace(first, run=run)))
    kind = list_grids.decision_rows(page, "UTC")[2]["kind"]
    assert cell_text(kind).startswith("Automatic 12 alike, from 13 Jul 2023, 18:03")
    (opens,) = [part["href"] for part in kind if "href" in part]
    assert opens == (
        "/audit?kind=automatic&region=arizona&outcome=BLOCKED&reason=over_limit"
        "&from=2023-07-13&to=2023-07-14&each=1"
    )
    chosen = filters.decision_filter(Query.parse(opens.partition("?")[2]), NOON)
    assert (chosen.kind, chosen.region_slug) == ("automatic", "arizona")
    assert not filters.with_runs(Query.parse(opens.partition("?")[2]))
    said = list_grids.decisions_pager(
        page, list_grids.decisions_shown(Query(values={}))
    )
    assert said[0] == "14 decisions in 3 lines, newest first"


def test_lists_default_to_what_people_and_plans_decided() -> None:
    usual, everything = (
        filters.decision_filter(Query.parse(search), NOON)
        for search in ("", "?kind=all")
    )
    assert (usual.kind, usual.without_automatic) == (None, True)
    assert (everything.kind, everything.without_automatic) == (None, False)
    assert filters.with_runs(Query.parse(""))
    assert not filters.with_runs(Query.parse("?order=chance")), (
        "they are not in a row there"
    )
