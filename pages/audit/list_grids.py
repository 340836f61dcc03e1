"""The Audit lists as grids: their columns, and rows with their links."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from dash import html
from dash.development.base_component import Component

from core.decision_states import DecisionState
from orchestrator.audit.views import AuditEventPage, AuditEventView
from orchestrator.decisions.lists import DecisionOrder
from orchestrator.decisions.views import DecisionPage, DecisionSummary
from pages import addresses
from pages.addresses import Query
from pages.audit.filters import (
    DECISION_CONTROLS,
    EVENT_CONTROLS,
    EVENT_ORDERS,
    ORDER_WORDS,
    decision_order,
    is_oldest_first,
)
from pages.components import Child, link, notice
from pages.grids import (
    Cell,
    Column,
    Part,
    Row,
    Shown,
    link_part,
    pager,
    shape_part,
    text_part,
    time_part,
)
from pages.theme import number
from pages.words import (
    KIND_WORDS,
    STATE_WORDS,
    code_words,
    counted,
    exact_time,
    local_time,
    probability,
    risk_steps,
    route,
    shift_words,
    typeset,
    verdict_shape,
    window_name,
)

HASH_CHARS = 12
_NEWEST = DecisionOrder.NEWEST.value

DECISION_COLUMNS = (
    Column(field="decision", title="Decision", width_px=92),
    Column(field="verdict", title="Verdict", width_px=146),
    Column(
        field="taken",
        title="Taken",
        width_px=212,
        orders=(
            (_NEWEST, "descending"),
            (DecisionOrder.OLDEST.value, "ascending"),
        ),
    ),
    Column(
        field="window",
        title="Window",
        width_px=212,
        orders=((DecisionOrder.WINDOW.value, "descending"),),
    ),
    Column(field="regions", title="Regions", width_px=178),
    Column(field="shift", title="Shift", width_px=76, is_number=True),
    Column(
        field="chance",
        title="Chance",
        width_px=104,
        is_number=True,
        orders=((DecisionOrder.CHANCE.value, "descending"),),
    ),
    Column(field="risk", title="Risk", width_px=152),
    Column(field="kind", title="Kind", width_px=150),
    Column(field="by", title="By", width_px=130),
    Column(field="why", title="Why", width_px=360, grows=True),
)

EVENT_COLUMNS = (
    Column(
        field="number",
        title="No.",
        width_px=96,
        orders=(("newest", "descending"), ("oldest", "ascending")),
    ),
    Column(field="time", title="Time", width_px=236),
    Column(field="who", title="Who", width_px=120),
    Column(field="what", title="What", width_px=214),
    Column(field="about", title="Object", width_px=190),
    Column(field="facts", title="Facts", width_px=360, grows=True),
    Column(field="hash", title="Hash", width_px=140),
)


def decisions_shown(query: Query) -> Shown:
    """What the address says of the list of decisions."""
    return Shown(
        path=addresses.AUDIT,
        kept=query.given(DECISION_CONTROLS),
        order=decision_order(query).value,
        usual_order=_NEWEST,
        is_first=query.words("after") is None,
    )


def events_shown(query: Query) -> Shown:
    """What the address says of the list of events."""
    return Shown(
        path=addresses.AUDIT_EVENTS,
        kept=query.given(EVENT_CONTROLS),
        order="oldest" if is_oldest_first(query) else "newest",
        usual_order="newest",
        is_first=query.text("at") is None,
    )


def decisions_state(page: DecisionPage) -> Component | None:
    """What stands in place of a list without rows."""
    if page.rows:
        return None
    return notice(
        "No decision matches.",
        html.Span(
            [
                "Open a filter, or look at ",
                html.A(
                    "all decisions, automatic ones too",
                    href=addresses.with_query(addresses.AUDIT, {"kind": "all"}),
                    className="gfo-follow",
                ),
                ": one is taken each time a forecast is issued.",
            ]
        ),
    )


def events_state(page: AuditEventPage) -> Component | None:
    """What stands in place of a list without rows."""
    if page.rows:
        return None
    return notice("No event matches.", "Open a filter, or go to the first page.")


def taken_back(successor_ids: Sequence[int]) -> Component:
    """That decisions were superseded by these."""
    links: list[Child] = []
    for number_ in successor_ids:
        links += [link(str(number_), addresses.decision_href(number_)), " "]
    return notice(
        f"Taken back: {counted(len(successor_ids), 'decision')}.",
        html.Span(["Recorded in their place: ", *links]),
    )


def decision_rows(page: DecisionPage, zone: str) -> list[Row]:
    """Decisions as the grid takes them; when they were taken on one clock, in `zone`.

    A window is on the clock of its region.
    """
    return [_decision_row(row, zone) for row in page.rows]


def _decision_row(row: DecisionSummary, zone: str) -> dict[str, Cell]:
    name = str(row.decision_id)
    stands = row.state is not None and row.state.stands
    return {
        "id": name,
        "choosable": "yes" if stands else "no",
        "decision": [link_part(name, addresses.decision_href(row.decision_id))],
        "verdict": [
            shape_part(
                verdict_shape(row.outcome, data_problem=False),
                row.outcome.value,
                css="gfo-status",
            )
        ],
        "taken": [time_part(row.created_at_utc, zone)],
        "window": _lines(
            window_name(
                row.local_day if row.is_simulated else None,
                row.window_start_utc,
                row.source.time_zone,
            )
        ),
        "regions": route(row.source, row.target),
        "shift": shift_words(row.shift_pct, row.hours_of_day),
        "chance": probability(row.exceedance_probability, row.allowed_probability),
        "risk": [
            shape_part(risk_steps(row.risk_level), row.risk_level.value, css="gfo-risk")
        ],
        "kind": _kind(row, zone),
        "by": row.actor_name,
        "why": _lines(_why(row)),
    }


def _why(row: DecisionSummary) -> str:
    """What the person said of it, how many wrote more, then what the rules said."""
    said = f"“{row.comment}” " if row.comment else ""
    more = f"({counted(row.n_comments, 'comment')}) " if row.n_comments else ""
    return said + more + typeset(row.reason_text)


def _kind(row: DecisionSummary, zone: str) -> list[Part]:
    parts = [text_part(KIND_WORDS.get(row.kind, row.kind))]
    if row.is_simulated:
        parts.append(text_part("simulation", css="gfo-tag"))
    if row.state is not None and row.state is not DecisionState.RECORDED:
        parts.append(text_part(STATE_WORDS[row.state], css="gfo-tag"))
    elif row.is_superseded:
        parts.append(text_part("superseded", css="gfo-tag"))
    if row.run is not None:
        since = local_time(row.run.first_utc, zone)
        parts.append(link_part(f"{row.run.count} alike, from {since}", _run_href(row)))
    return parts


def _run_href(row: DecisionSummary) -> str:
    """The decisions of a run one by one."""
    run = row.run
    return addresses.with_query(
        addresses.AUDIT,
        {
            "kind": row.kind,
            "region": row.source.slug,
            "outcome": row.outcome.value,
            "reason": row.reason_code,
            "from": f"{run.first_utc.astimezone(UTC):%Y-%m-%d}" if run else None,
            "to": f"{run.last_utc.astimezone(UTC):%Y-%m-%d}" if run else None,
            "each": "1",
        },
    )


def event_rows(page: AuditEventPage, zone: str) -> list[Row]:
    """Events as the grid takes them, on a clock in `zone`."""
    return [_event_row(row, zone) for row in page.rows]


def _event_row(row: AuditEventView, zone: str) -> dict[str, Cell]:
    about: Cell = row.object_label
    if row.decision_id is not None:
        href = addresses.decision_href(row.decision_id)
        about = [link_part(row.object_label, href)]
    moment = exact_time(row.occurred_at_utc, zone)
    return {
        "id": str(row.seq),
        "number": [link_part(str(row.seq), addresses.event_href(row.seq))],
        "time": [time_part(row.occurred_at_utc, zone, moment)],
        "who": row.actor_name,
        "what": [text_part(code_words(row.action), title=row.action)],
        "about": about,
        "facts": _lines(typeset(row.summary)),
        "hash": [
            text_part(row.hash_hex[:HASH_CHARS], css="gfo-mono", title=row.hash_hex)
        ],
    }


def _lines(text: str) -> Cell:
    return [text_part(text, css="gfo-lines", title=text)] if text else ""


def decisions_pager(page: DecisionPage, shown: Shown) -> list[Component | str]:
    """How many decisions are shown in which order, and the way on."""
    order = ORDER_WORDS[DecisionOrder(shown.order)].lower()
    listed = sum(row.run.count if row.run else 1 for row in page.rows)
    lines = f" in {counted(len(page.rows), 'line')}" if listed > len(page.rows) else ""
    said = f"{counted(listed, 'decision')}{lines}, {order}"
    return pager(shown, said, "after", page.next_after)


def events_pager(page: AuditEventPage, shown: Shown) -> list[Component | str]:
    """How many events are shown in which order, and the way on."""
    said = f"{number(len(page.rows))} events, {EVENT_ORDERS[shown.order].lower()}"
    place = None if page.next_seq is None else str(page.next_seq)
    return pager(shown, said, "at", place)
