"""The Fleet page's tree: one row per region, in fixed places."""

from __future__ import annotations

import re
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from core.scheduler import Outcome
from core.wording import listed
from orchestrator.forecasts.fleet import FleetQuestion
from orchestrator.forecasts.views import FleetPart, FleetRow, FleetView, Group
from orchestrator.overview.views import HistoryView
from orchestrator.regions.views import RegionPart
from pages import addresses
from pages.addresses import Query
from pages.attributes import aria, data
from pages.components import (
    Child,
    field,
    link,
    notice,
    page_head,
    save_view_button,
    skeleton,
)
from pages.downloads import table_download
from pages.fleet.cells import COLUMNS, FleetColumn, breach_words
from pages.fleet.frozen import frozen_href
from pages.fleet.setup import setup_frame
from pages.grids import Shown
from pages.history.content import period_words
from pages.list_controls import choice
from pages.refreshing import as_of, refresh
from pages.region_list import asked_part, find_field, pager_line, part_pager
from pages.standing import WITH_RECORDED, ending_notice
from pages.still import still
from pages.theme import MISSING, Ink, number
from pages.time_range import range_field
from pages.words import utc_time

GROUP_WORDS = {
    Group.OVER.value: "BLOCKED",
    Group.UNJUDGED.value: "No verdict",
    Group.APPROVED.value: "APPROVED",
}


def layout(*, may_set_up: bool) -> Component:
    """The frame of the page; `fleet-table` is filled by a callback."""
    return html.Div(
        [
            page_head(
                "Overview",
                "Where is trouble in the next 24 hours?",
                html.Div(id="fleet-status", role="status"),
                html.Div(
                    [
                        html.Button(
                            "Full screen",
                            type="button",
                            className="gfo-button gfo-button-quiet gfo-full-screen",
                        ),
                        html.A("Leave the wall display", href=addresses.FLEET),
                    ],
                    className="gfo-wall-tools",
                ),
            ),
            html.Div(
                [
                    range_field("fleet", "Now", compare=True),
                    save_view_button(),
                    html.A(
                        "Wall display",
                        href=f"{addresses.FLEET}?wall=1",
                        className="gfo-button gfo-button-quiet",
                    ),
                ],
                className="gfo-controls",
            ),
            setup_frame(has_room=may_set_up),
            html.Div(skeleton(733), id="fleet-overview"),
            find_field("fleet", field("Verdict", choice("fleet-verdict", GROUP_WORDS))),
            html.Div(skeleton(517), id="fleet-table"),
            pager_line("fleet"),
            dcc.Location(id="fleet-url", refresh=False),
            refresh("fleet"),
        ],
        className="gfo-first-page",
    )


def headline(view: FleetView) -> Component:
    """The page's answer in one line, with the time it was true."""
    return html.Div(
        [
            html.Strong(_linked(view), id="fleet-headline"),
            as_of(view.as_of_utc),
            link("Freeze", frozen_href(view.as_of_utc)),
            ending_notice(view.ending, view.as_of_utc, "UTC"),
        ],
        className="gfo-headline",
    )


def past(history: HistoryView) -> Component:
    """What stands above a period instead of the headline: that it is not now."""
    return html.Div(
        [
            html.Strong(f"{period_words(history)}, not now.", id="fleet-headline"),
            link("Show the next 24 hours", addresses.FLEET),
        ],
        className="gfo-headline",
    )


def shown_of(search: object) -> tuple[FleetQuestion, Shown]:
    """The part of a long fleet that an address asks for."""
    query = Query.parse(search)
    verdict = query.one_of("verdict", Group)
    part, shown = asked_part(query, addresses.FLEET, {"verdict": verdict})
    question = FleetQuestion(
        search=part.search, page=part.page, group=Group(verdict) if verdict else None
    )
    return question, shown


def fleet_pager(view: FleetView, question: FleetQuestion, shown: Shown) -> list[Any]:
    """Which rows of a long fleet are shown, and the way to the others."""
    if view.part is None:
        return []
    part = RegionPart(
        n_found=view.part.n_found, first=view.part.first, n_shown=len(view.rows)
    )
    order = ", worst first, as each region's newest issue was judged"
    return part_pager(part, question.page, shown, order)


def trouble(view: FleetView) -> str:
    """Which regions are blocked by heat, and which for want of data."""
    if view.part is not None:
        return _trouble_of_many(view.part)
    over = [row for row in view.rows if _is_over(row)]
    unjudged = [row for row in view.rows if row.verdict.data_problem]
    breached = [row for row in view.rows if breach_words(row)]
    parts: list[str] = []
    if breached:
        parts.append(f"Over the limit, now or likely: {_names(breached)}.")
    if over:
        parts.append(f"BLOCKED: {_names(over)}.")
    if unjudged:
        parts.append(f"No verdict for want of data: {_names(unjudged)}.")
    if not parts:
        parts.append(f"No trouble: all {len(view.rows)} regions are APPROVED.")
    else:
        approved = len(view.rows) - len(over) - len(unjudged)
        parts.append(f"{approved} of {len(view.rows)} APPROVED.")
    return " ".join([*parts, *_promised(view)])


def _linked(view: FleetView) -> list[Child]:
    """The sentence, with each region that it names as the link to its page."""
    sentence = trouble(view)
    slugs = {row.region.name: row.region.slug for row in view.rows}
    if not slugs:
        return [sentence]
    names = "|".join(map(re.escape, sorted(slugs, key=len, reverse=True)))
    return [
        link(part, addresses.region_href(slugs[part])) if part in slugs else part
        for part in re.split(f"({names})", sentence)
    ]


def _trouble_of_many(part: FleetPart) -> str:
    counts = part.counts
    over, unjudged = counts[Group.OVER], counts[Group.UNJUDGED]
    said = [
        f"{number(over)} BLOCKED." if over else "",
        f"No verdict for want of data: {number(unjudged)}." if unjudged else "",
        f"{number(counts[Group.APPROVED])} of {number(part.n_regions)} APPROVED.",
        f"Worst: {listed(part.worst)}." if part.worst else "",
    ]
    return " ".join(filter(None, said))


def _promised(view: FleetView) -> list[str]:
    """Which verdicts would be others once what is recorded is in effect."""
    changed = [
        (row, row.recorded.bounded.verdict.outcome)
        for row in view.rows
        if row.recorded is not None
        and row.recorded.bounded.verdict.outcome is not row.verdict.outcome
    ]
    return [
        f"{WITH_RECORDED}, which is not in effect: {_names(rows)} {outcome.value}."
        for outcome in Outcome
        if (rows := [row for row, promised in changed if promised is outcome])
    ]


def table(view: FleetView) -> Component:
    """Every region's next 24 hours; on a narrow screen each row becomes a card."""
    if not view.rows and view.part is None:
        return notice(
            "No regions yet", "Add one on the Regions page, or with gfo region add."
        )
    if not view.rows:
        return notice("No region found", "Search for less, or for another verdict.")
    head = html.Tr(
        [html.Th(item.title, scope="col", **_csv_head(item)) for item in COLUMNS]
    )
    return html.Section(
        [
            still(
                html.Table(
                    [
                        html.Caption(
                            "Each region's next 24 hours", className="visually-hidden"
                        ),
                        html.Thead(head),
                        html.Tbody([_row(row) for row in view.rows]),
                    ],
                    id="fleet-regions",
                    className="gfo-table gfo-fleet",
                )
            ),
            html.Div(
                [_legend(), table_download("fleet-regions")], className="gfo-below"
            ),
            html.Span(
                f"As of {utc_time(view.as_of_utc)}", className="gfo-caption d-none"
            ),
        ],
        **aria(label="Regions"),
    )


def _row(row: FleetRow) -> Component:
    first, *others = COLUMNS
    is_alarm = row.verdict.data_problem or breach_words(row) is not None
    return html.Tr(
        [
            html.Th(first.cell(row), scope="row", **data(csv=first.csv_text(row))),
            *(
                html.Td(
                    item.cell(row),
                    **data(label=item.title),
                    **(
                        data(csv=item.csv_text(row))
                        if item.csv_name
                        else data(**{"csv-skip": ""})
                    ),
                )
                for item in others
            ),
        ],
        id={"type": "fleet-row", "region": row.region.slug},
        className="gfo-fleet-alarm" if is_alarm else "",
    )


def _csv_head(column: FleetColumn) -> dict[str, Any]:
    return data(csv=column.csv_name) if column.csv_name else data(**{"csv-skip": ""})


def _legend() -> Component:
    def key(ink: Ink, text: str) -> Component:
        swatch = html.Span(
            className="gfo-swatch",
            style={"background": ink.value},
            **aria(hidden="true"),
        )
        return html.Span([swatch, text])

    return html.P(
        [
            key(Ink.MEASURED, "measured"),
            key(Ink.FORECAST, "forecast mean"),
            key(Ink.BOUND, "bound on the day’s maximum"),
            key(Ink.LIMIT, "thermal limit"),
            html.Span(f"{MISSING} not known"),
        ],
        className="gfo-legend gfo-muted",
    )


def _is_over(row: FleetRow) -> bool:
    return row.verdict.outcome is Outcome.BLOCKED and not row.verdict.data_problem


def _names(rows: list[FleetRow]) -> str:
    return listed(row.region.name for row in rows)
