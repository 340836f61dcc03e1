"""Pieces that pages share: notices, badges, tables, labelled controls, charts."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Any, Literal

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from core.risk import RiskLevel
from core.scheduler import Outcome
from orchestrator.accounts.passwords import MAX_LENGTH
from orchestrator.decisions.views import NamedValue
from orchestrator.regions.views import RegionChoice
from orchestrator.windows.views import VerdictView
from pages import addresses
from pages.attributes import aria, data, given
from pages.downloads import chart_downloads, table_download
from pages.glossary.terms import explained, term_key
from pages.still import still
from pages.theme import Figure
from pages.words import (
    local_time,
    risk_steps,
    typographic,
    verdict_shape,
    verdict_word,
)

Child = Component | str | None
NoticeKind = Literal["info", "warn", "alarm"]
LONG_LIST = 10
"""Names and values that one column still holds well."""


def notice(
    title: str,
    text: Child,
    *,
    kind: NoticeKind = "info",
    id: str = "",  # noqa: A002 -- the component's own name for it
) -> Component:
    """A sentence that stands where content would, with the next step."""
    extra = "" if kind == "info" else f" gfo-notice-{kind}"
    return html.Div(
        [html.Strong(title), html.Span(text)],
        className=f"gfo-notice{extra}",
        role="alert" if kind == "alarm" else "status",
        **given(id=id),
    )


def button(text: str, control_id: str | dict[str, object]) -> Component:
    """A small button that changes something; off while the portal is out of reach."""
    made: Component = dbc.Button(
        text, id=control_id, color="secondary", size="sm", class_name="gfo-decides"
    )
    return made


def save_view_button() -> Component:
    """Opens the form that saves this page under a name; `palette.js` follows it."""
    return html.Button("Save view", type="button", className="gfo-button gfo-save-view")


def retry_button() -> Component:
    """Asks for the page's content again; `webapp/assets/times.js` follows it."""
    return html.Button("Try again", type="button", className="gfo-button gfo-retry")


def skeleton(height_px: int) -> Component:
    """A grey block that appears when loading takes longer than 300 ms.

    Its height is in units of the type, 16 px where that is not scaled.
    """
    return html.Div(
        html.Span("Loading…", className="visually-hidden"),
        className="gfo-skeleton",
        style={"height": f"{height_px / 16:g}rem"},
    )


def page_head(title: str, lead: str, *extra: Child) -> Component:
    """The heading of a page with the question that the page answers."""
    return html.Header(
        [html.H1(title), html.P(lead, className="gfo-muted"), *extra],
        className="gfo-page-head",
    )


def panel(
    title: str,
    *children: Child,
    id: str,  # noqa: A002
    hint: str = "",
    hidden: bool = False,
) -> Component:
    """A titled card."""
    heading_id = f"{id}-heading"
    return html.Section(
        [
            html.H2(title, id=heading_id),
            html.P(hint, className="gfo-muted gfo-hint") if hint else None,
            *children,
        ],
        id=id,
        className="gfo-card gfo-panel",
        hidden=hidden,
        **aria(labelledby=heading_id),
    )


def field(label: str, control: Component, *, hint: str = "") -> Component:
    """A control under its label."""
    return html.Div(
        [
            html.Label(label, htmlFor=getattr(control, "id", "")),
            control,
            html.Span(hint, className="gfo-hint") if hint else None,
        ],
        className="gfo-field gfo-inline-field",
    )


def own_password(control_id: str, *, name: str | None = None) -> Component:
    """The field that confirms a change; its id ends in `password`.

    `webapp/assets/requests.js` leaves such fields out of what makes a request the same.
    """
    control: Component = dbc.Input(
        id=control_id,
        name=name or control_id,
        type="password",
        maxlength=MAX_LENGTH,
        autocomplete="current-password",
    )
    return field(
        "Your own password",
        control,
        hint="Proves that it is you who makes this change. With an authenticator app"
        " its code instead; who logs in at an organisation leaves it empty.",
    )


def verdict_badge(verdict: VerdictView) -> Component:
    """APPROVED or BLOCKED as shape and word; only a data problem is an alarm."""
    return status(
        verdict_shape(verdict.outcome, data_problem=verdict.data_problem),
        verdict_word(verdict),
        css=_badge_css(verdict.outcome, is_alarm=verdict.data_problem),
    )


def outcome_badge(outcome: Outcome) -> Component:
    """The bare outcome, in tables where the reason stands beside it."""
    return status(
        verdict_shape(outcome, data_problem=False),
        outcome.value,
        css=_badge_css(outcome, is_alarm=False),
    )


def _badge_css(outcome: Outcome, *, is_alarm: bool) -> str:
    """BLOCKED stands out without a colour: it is a safe result, and has to be seen."""
    if is_alarm:
        return "gfo-status-alarm"
    return "gfo-status-blocked" if outcome is Outcome.BLOCKED else ""


def status(shape: str, word: str, *, css: str = "") -> Component:
    """A state as a shape with its word, and colour only beside them."""
    return html.Span(
        [html.Span(shape, className="gfo-shape", **aria(hidden="true")), word],
        className=f"gfo-status {css}".strip(),
    )


def risk_mark(level: RiskLevel) -> Component:
    """A risk level as a word with one to four filled steps."""
    return html.Span(
        [
            html.Span(risk_steps(level), className="gfo-steps", **aria(hidden="true")),
            level.value,
        ],
        className="gfo-risk",
    )


def tag(text: str, *, title: str = "") -> Component:
    """A small label such as "synthetic" or "simulation"."""
    return html.Span(text, className="gfo-tag", **given(title=title))


def synthetic_tag(region: RegionChoice) -> Component | None:
    """Marks a region whose telemetry the generator makes."""
    if not region.is_synthetic:
        return None
    return tag("synthetic", title="Its telemetry is made by the demo generator.")


def simulation_tag(*, is_simulated: bool) -> Component | None:
    """Marks what was judged for a past day."""
    if not is_simulated:
        return None
    return tag(
        "simulation",
        title="A past day, judged by what was known when it began; never binding.",
    )


def data_table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[Child]],
    *,
    numeric_from: int = 1,
    text_from: int | None = None,
    id: str = "",  # noqa: A002
    cards: bool = False,
    download: bool = False,
    has_controls: bool = False,
) -> Component:
    """A table; columns from `numeric_from` to `text_from` are right-aligned numbers.

    With `cards`, each row becomes a card on a narrow screen; with `download` (and an
    id) it can be saved as CSV. Say so if cells hold controls; see `pages.still`.
    """

    def css(column: int) -> str:
        last = len(head) if text_from is None else text_from
        return "gfo-number" if numeric_from <= column < last else ""

    header = [
        html.Th(text, scope="col", className=css(column))
        for column, text in enumerate(head)
    ]
    # Copied, because Dash checks the names of the properties of each that is made.
    cells = [
        html.Td(className=css(column), **data(label=text))
        for column, text in enumerate(head)
    ]
    body = [html.Tr(list(map(_filled, cells, row))) for row in rows]
    table = html.Table(
        [
            html.Caption(caption, className="visually-hidden"),
            html.Thead(html.Tr(header)),
            html.Tbody(body),
        ],
        className="gfo-table gfo-cards" if cards else "gfo-table",
        **given(id=id),
    )
    # Focusable, so that the keyboard can scroll a table wider than the screen.
    scrolling = html.Div(
        table if has_controls else still(table),
        className="gfo-scroll",
        tabIndex="0",
        role="region",
        **aria(label=caption),
    )
    if not download:
        return scrolling
    return html.Div([scrolling, table_download(id)], className="gfo-table-block")


def _filled(cell: Component, child: Child) -> Component:
    filled = copy(cell)
    filled.children = child
    return filled


def disclosure(
    summary: str,
    *children: Child,
    id: str = "",  # noqa: A002
) -> Component:
    """Content that is there for those who ask."""
    return html.Details(
        [html.Summary(summary), *children], className="gfo-details", **given(id=id)
    )


def facts(values: Sequence[NamedValue]) -> Component:
    """Names and values, two columns; a long list takes more where there is room."""
    pairs = [
        html.Div([html.Dt(named(value.label)), html.Dd(typographic(value.value))])
        for value in values
    ]
    long = " gfo-facts-long" if len(pairs) > LONG_LIST else ""
    return html.Dl(pairs, className=f"gfo-facts{long}")


def named(word: str) -> Child:
    """A word as a link to what it means, which pointing at it shows too.

    As it is where the Words page does not explain it.
    """
    key = term_key(word)
    found = explained(key)
    if found is None:
        return word
    href = addresses.with_query(addresses.WORDS, {"term": key})
    made: Component = dcc.Link(word, href=href, className="gfo-term", title=found[1])
    return made


def chart(
    graph_id: str,
    figure: Figure | None,
    summary: str,
    *,
    height_px: int,
    caption: str = "",
) -> Component:
    """A figure with its text summary, which is also its accessible name.

    The caption says what the figure rests on and goes into every download. Both can be
    filled later: their ids are the graph's with `-summary` and `-caption`.
    """
    properties: dict[str, Any] = {} if figure is None else {"figure": figure}
    height = f"{height_px / 16:g}rem"  # of the type, as all room is
    summary_id, caption_id = f"{graph_id}-summary", f"{graph_id}-caption"
    return html.Figure(
        [
            html.Div(
                dcc.Graph(
                    id=graph_id,
                    config=graph_config(),
                    style={"height": height},
                    **properties,
                ),
                role="img",
                # Plotly draws late; what stands below must not move then.
                style={"minHeight": height},
                **aria(labelledby=summary_id),
            ),
            html.Figcaption(
                [
                    html.Span(summary, id=summary_id),
                    html.Span(caption, id=caption_id, className="gfo-caption"),
                ],
                className="gfo-muted gfo-hint",
            ),
            chart_downloads(graph_id),
        ],
        className="gfo-figure",
    )


def graph_config() -> dcc.Graph.Config:
    """Of every graph: nothing of Plotly's own around it, no link to its makers."""
    return {
        "displayModeBar": False,
        "displaylogo": False,
        "responsive": True,
        "showLink": False,
    }


def moment(instant: datetime, zone: str) -> Component:
    """An instant on a clock; downloads take its ISO form in UTC."""
    iso = instant.astimezone(UTC).isoformat()
    time: Component = html.Time(local_time(instant, zone), dateTime=iso)
    return time


def crumbs(way: Sequence[tuple[str, str]], here: str) -> Component:
    """Where a page stands: the pages above it, as links, and its own name."""
    items = [html.Li(link(text, href)) for text, href in way]
    items.append(html.Li(here, **aria(current="page")))
    return html.Nav(
        html.Ol(items), className="gfo-crumbs", **aria(label="Where you are")
    )


def link(text: str, href: str, *, label: str = "") -> Component:
    """A link within the portal, followed without loading the frame again."""
    inner: list[Child] = [text]
    if label:
        inner.append(html.Span(f" {label}", className="visually-hidden"))
    return dcc.Link(inner, href=href)
