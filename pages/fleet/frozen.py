"""The Overview at an instant that has passed: what was stored by then."""

from __future__ import annotations

from datetime import UTC, datetime

from dash import html
from dash.development.base_component import Component

from core.wording import listed
from orchestrator.forecasts.views import Group
from orchestrator.overview.frozen_fleet import FrozenFleet, FrozenRow
from pages import addresses
from pages.components import Child, data_table, link, panel
from pages.fleet.overview import GROUP_TITLES, SHAPES
from pages.theme import MISSING, number
from pages.times import Times
from pages.verdicts import decision_cells
from pages.words import (
    bound,
    counted,
    degrees,
    local_time,
    typeset,
    utc_time,
)

NAMED = 5


def frozen_href(at_utc: datetime) -> str:
    """The address of the Overview at an instant."""
    # To the second: verdicts of a cycle are stored within one minute.
    at = f"{at_utc.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    values: dict[str, str | None] = {"frozen": "1", "at": at}
    return addresses.with_query(addresses.FLEET, values)


def frozen_headline(view: FrozenFleet) -> Component:
    """What stands in place of the live headline: when, and where trouble was."""
    over = [row.name for row in view.rows if row.group is Group.OVER][:NAMED]
    said = [
        f"{GROUP_TITLES[group]}: {number(view.counts[group])}."
        for group in Group
        if view.counts[group]
    ]
    worst = f" Worst: {listed(over)}." if over else ""
    return html.Div(
        [
            html.Strong(f"{' '.join(said)}{worst}", id="fleet-headline"),
            html.Span(f"Frozen at {utc_time(view.at_utc)}", className="gfo-muted"),
            link("Link to this instant", frozen_href(view.at_utc)),
            link("Show the present", addresses.FLEET),
        ],
        className="gfo-headline",
    )


def frozen_panels(view: FrozenFleet, times: Times) -> list[Component]:
    """Verdicts, alarms and decisions as they had been stored."""
    n_regions = sum(view.counts.values())
    more = (
        f" The worst {len(view.rows)} of {number(n_regions)} are shown."
        if n_regions > len(view.rows)
        else ""
    )
    return [
        panel(
            "Verdicts",
            data_table(
                "The newest verdict of each region at that instant, worst first",
                ("Region", "Verdict", "Why", "Bound, limit", "Issued", "Decision"),
                [_verdict(row, times) for row in view.rows],
                numeric_from=9,
                id="frozen-verdicts",
                cards=True,
                download=True,
            ),
            hint="As it was stored by then, on the limits of that time. Nothing is"
            " judged anew: each decision keeps all that it rested on. Not known"
            f" afterwards: which regions were in the fleet; these are in it now.{more}",
            id="frozen-regions",
        ),
        panel(
            f"Alarms that stood: {len(view.alarms)}",
            data_table(
                "Alarms that had been raised and not cleared, newest first",
                ("Alarm", "Raised", "What"),
                [
                    [
                        link(
                            f"{one.title} {one.alarm_id}",
                            addresses.alarm_href(one.alarm_id),
                        ),
                        local_time(one.at_utc, times.zone_without_region),
                        typeset(one.sentence or ""),
                    ]
                    for one in view.alarms
                ],
                numeric_from=9,
                cards=True,
            )
            if view.alarms
            else html.P("None.", className="gfo-muted"),
            id="frozen-alarms",
        ),
        panel(
            "Last decisions by then",
            data_table(
                "The last decisions that had been recorded, newest first",
                ("Decision", "Taken", "By", "Shift", "Verdict"),
                [decision_cells(item, times) for item in view.decisions],
                numeric_from=9,
                cards=True,
            )
            if view.decisions
            else html.P("Nothing had been recorded.", className="gfo-muted"),
            id="frozen-decisions",
            hint=f"{counted(len(view.decisions), 'decision')}; what was said of them"
            " since is on their pages.",
        ),
    ]


def _verdict(row: FrozenRow, times: Times) -> list[Child]:
    return [
        link(row.name, addresses.region_href(row.slug)),
        html.Span(
            f"{SHAPES[row.group]} {GROUP_TITLES[row.group]}", className="text-nowrap"
        ),
        typeset(row.reason or "It had not been judged yet."),
        MISSING
        if row.limit_c is None
        else f"{bound(row.bound_c)}, {degrees(row.limit_c)}",
        local_time(row.issued_at_utc, times.zone_without_region)
        if row.issued_at_utc
        else MISSING,
        link(str(row.decision_id), addresses.decision_href(row.decision_id))
        if row.decision_id
        else MISSING,
    ]
