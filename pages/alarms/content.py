"""What fills the Alarms page: the list, one alarm, the figures, the notes."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from core.alarm_figures import CHATTER_RAISES, MOST_A_DAY, AlarmFigures
from core.alarm_kinds import AlarmPriority
from core.wording import listed
from orchestrator.alarms.views import (
    AlarmDetail,
    AlarmList,
    AlarmReview,
    AlarmView,
)
from orchestrator.decisions.views import NamedValue
from pages import addresses
from pages.alarms.alarm_words import CHANGE_WORDS, PRIORITY_SHAPES, priority_css
from pages.attributes import aria, data
from pages.components import Child, data_table, disclosure, facts, link, moment, notice
from pages.refreshing import as_of
from pages.still import still
from pages.theme import number
from pages.words import percent, typeset

_HEAD = ("Alarm", "Priority", "About", "State", "Since", "Acknowledged")


def alarm_list(
    view: AlarmList, zone: str, kept: dict[str, str | None], chosen: int | None
) -> Component:
    """The alarms as rows that the keyboard reaches."""
    if not view.alarms:
        return html.Div(
            [notice("No alarm.", "Nothing needs somebody."), as_of(view.as_of_utc)]
        )
    rows = [
        _row(one, zone, kept, is_chosen=one.alarm_id == chosen) for one in view.alarms
    ]
    more = " There are more; narrow the filters." if view.is_cut else ""
    table = html.Table(
        [
            html.Caption("Alarms", className="visually-hidden"),
            html.Thead(html.Tr([html.Th(text, scope="col") for text in _HEAD])),
            html.Tbody(rows),
        ],
        id="alarms-table",
        className="gfo-table gfo-cards gfo-alarms",
    )
    return html.Div(
        [still(table), html.Span([as_of(view.as_of_utc), more], className="gfo-muted")]
    )


def _row(
    one: AlarmView, zone: str, kept: dict[str, str | None], *, is_chosen: bool
) -> Component:
    href = addresses.with_query(
        addresses.ALARMS, {**kept, "alarm": str(one.alarm_id) if one.alarm_id else None}
    )
    title: Child = link(one.title, href) if one.alarm_id else one.title
    under = f" Counted under it: {one.n_explained}." if one.n_explained else ""
    cells: list[list[Child]] = [
        [
            html.Strong(title),
            html.Span(typeset(one.text) + under, className="gfo-second gfo-reason"),
        ],
        [priority_badge(one.priority)],
        [one.about],
        [_state(one)],
        [moment(one.since_utc, zone)],
        [_taken(one, zone)],
    ]
    waits = "" if one.is_acknowledged else " gfo-alarm-waits"
    return html.Tr(
        [
            html.Td(cell, **data(label=head))
            for head, cell in zip(_HEAD, cells, strict=True)
        ],
        id=f"alarm-row-{one.alarm_id or 'worker'}",
        className=("gfo-chosen" if is_chosen else "") + waits,
        tabIndex="0",
        **data(alarm=str(one.alarm_id or "")),
    )


def priority_badge(priority: AlarmPriority) -> Component:
    """A priority as a shape and a word."""
    return html.Span(
        [
            html.Span(PRIORITY_SHAPES[priority], **aria(hidden="true")),
            priority.value,
        ],
        className=priority_css(priority),
    )


def _state(one: AlarmView) -> str:
    if one.is_active and one.ended_at_utc is not None and one.state == "active":
        return "active, its cause is over"
    return one.state


def _taken(one: AlarmView, zone: str) -> Child:
    if one.alarm_id is None:
        return "ends when the worker speaks"
    if not one.is_acknowledged:
        return "waits"
    if one.acknowledged_by is None or one.acknowledged_at_utc is None:
        return "with its cause"
    return html.Span(
        [f"{one.acknowledged_by}, ", moment(one.acknowledged_at_utc, zone)]
    )


def alarm_facts(view: AlarmDetail, zone: str) -> Component:
    """One alarm: what it means, what to do, how it stands."""
    one, written = view.alarm, view.alarm.definition
    named = [
        ("Cause", written.cause),
        ("Consequence", written.consequence),
        ("Action", written.action),
        ("State", _state(one)),
    ]
    if one.explained_by is not None:
        named.append(("Counted under", one.explained_by))
    if one.region_slugs:
        named.append(("Regions", listed(one.region_slugs)))
    return html.Div(
        [
            html.P(
                [
                    priority_badge(one.priority),
                    html.Strong(f" {one.title}, {one.about}. "),
                    typeset(one.text),
                ]
            ),
            facts([NamedValue(label=label, value=value) for label, value in named]),
            html.P(
                [
                    "Since ",
                    moment(one.since_utc, zone),
                    ", raised ",
                    moment(one.raised_at_utc, zone),
                    *_instants(one, zone),
                    ".",
                ],
                className="gfo-muted",
            ),
        ]
    )


def _instants(one: AlarmView, zone: str) -> list[Child]:
    said: list[Child] = []
    for words, instant in (
        ("cleared", one.cleared_at_utc),
        ("shelved until", one.shelved_until_utc),
    ):
        if instant is not None:
            said += [f", {words} ", moment(instant, zone)]
    return said


def alarm_history(view: AlarmDetail, zone: str) -> Component:
    """What happened to an alarm, newest first."""
    rows: list[list[Child]] = [
        [
            moment(one.at_utc, zone),
            CHANGE_WORDS[one.change],
            one.actor_name or "by rule",
            typeset(one.sentence or ""),
        ]
        for one in view.history
    ]
    return html.Div(
        [
            html.H3("History"),
            data_table(
                "What happened to this alarm, newest first",
                ("When", "What", "Who", "Words"),
                rows,
                numeric_from=9,
                id="alarm-events",
                cards=True,
                download=True,
            ),
        ]
    )


def figures_text(view: AlarmReview) -> Component:
    """The figures of EEMUA over the last days."""
    found = view.figures
    days = (found.end_utc - found.start_utc).days
    people = "operator" if view.n_operators == 1 else "operators"
    values = [
        NamedValue(
            label="A day and operator",
            value=f"{number(found.a_day, 1)} (at most {MOST_A_DAY});"
            f" {view.n_operators} {people}",
        ),
        NamedValue(label="On the busiest day", value=number(found.most_a_day)),
        NamedValue(
            label="Time in flood",
            value=f"{percent(100 * found.flood_frac, 2)} (less than 1 %)",
        ),
        NamedValue(label="Chattering", value=listed(found.chattering)),
        NamedValue(label="Active for more than a day", value=number(found.standing)),
        NamedValue(label="By priority", value=_shares(found)),
    ]
    return html.Div(
        [
            html.P(f"Alarms raised in the last {days} days: {found.raised:,}."),
            facts(values),
            disclosure(
                "What this means",
                html.P(
                    "A flood is more than ten alarms in ten minutes. An alarm chatters"
                    f" that is raised {CHATTER_RAISES} times within eight hours."
                    " References: ISA-18.2, EEMUA 191."
                ),
            ),
        ]
    )


def _shares(found: AlarmFigures) -> str:
    shares = [
        f"{priority.value} {percent(100 * frac)}"
        for priority, frac in found.by_priority.items()
    ]
    return listed(shares)


def notes(view: AlarmReview, zone: str) -> Component:
    """The newest hand-over notes."""
    if not view.notes:
        return notice("No note yet.", "Whoever ends a shift writes the first.")
    return html.Div(
        [
            html.Article(
                [
                    html.P(
                        [
                            html.Strong(one.actor_name),
                            ", ",
                            moment(one.start_utc, zone),
                            " to ",
                            moment(one.end_utc, zone),
                        ]
                    ),
                    html.P(one.note, className="gfo-note"),
                    _lines("Open alarms", list(one.alarms)),
                    _decisions(one.decision_ids),
                ],
                className="gfo-handover",
            )
            for one in view.notes
        ],
        id="alarms-notes-list",
    )


def _lines(title: str, lines: Sequence[str]) -> Component:
    if not lines:
        return html.P(f"{title}: none.", className="gfo-muted")
    items = html.Ul([html.Li(typeset(line)) for line in lines])
    return disclosure(f"{title}: {len(lines)}", items)


def _decisions(ids: Sequence[int]) -> Component:
    if not ids:
        return html.P("Decisions of the shift: none.", className="gfo-muted")
    parts: list[Child] = ["Decisions of the shift: "]
    for decision_id in ids:
        parts += [link(str(decision_id), addresses.decision_href(decision_id)), " "]
    return html.P(parts)
