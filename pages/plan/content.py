"""What fills the Plan page: the sentence, the transfers, the front, prices in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from dash import html
from dash.development.base_component import Component

from core.scheduler import Outcome
from core.wording import listed
from orchestrator.plans.views import (
    PlanComparison,
    PlanRecordOutcome,
    PlanRegionView,
    PlanTransferView,
    PlanView,
    PlanWindowView,
)
from pages import addresses
from pages.attributes import aria
from pages.components import (
    Child,
    chart,
    data_table,
    disclosure,
    link,
    moment,
    notice,
    outcome_badge,
    panel,
    simulation_tag,
)
from pages.plan.figures import front_summary, pareto_front
from pages.refreshing import older_issue
from pages.theme import MISSING, number, quantity, zone_label
from pages.words import (
    bound,
    counted,
    degrees,
    local_time,
    share,
    typeset,
    window_name,
)

MOST_ROWS = 200
"""Of a table or list: a fleet of thousands would keep the browser busy for minutes."""

_Row = TypeVar("_Row")


def no_plan(*, may_decide: bool) -> Component:
    """What a plan is for, while none is open."""
    return panel(
        "What a plan is for",
        html.P(
            "It says which region’s load runs where in each of the 24 hours, so that"
            " the fleet pays least at the prices above and no region’s bound passes its"
            " limit; beside it stand doing nothing and a simple rule."
        ),
        html.P(
            "“Find the best plan” takes some seconds and moves nothing: the plan is"
            " kept under its number, and only recording it makes decisions of its"
            " transfers."
        )
        if may_decide
        else html.P(
            [
                "Each decision that a plan made names it: see the ",
                link(
                    "recorded decisions",
                    addresses.with_query(addresses.AUDIT, {"kind": "recorded"}),
                ),
                ".",
            ]
        ),
        id="plan-none",
    )


def head(view: PlanView) -> list[Component | None]:
    """What a plan comes to, or why there is none."""
    if view.infeasible_text is not None:
        why = typeset(view.infeasible_text)
        return [notice("There is no such plan", why, kind="warn")]
    newest = addresses.with_query(addresses.PLAN, {"region": view.anchor.slug})
    older = older_issue(
        view.window_start_utc, view.newer_issue_utc, view.anchor.time_zone, newest
    )
    return [None if view.recorded_decision_ids else older, _headline(view)]


def result(view: PlanView) -> list[Component]:
    """What a plan consists of, and what it rests on."""
    if view.infeasible_text is not None:
        return [_notes(view)]
    return [
        html.Div(
            [_comparison(view), _regions(view)], className="gfo-columns gfo-columns-2"
        ),
        html.Div(
            [html.Div([_front(view), _prices(view)]), _transfers(view)],
            className="gfo-columns gfo-columns-2 gfo-columns-start",
        ),
        _notes(view),
    ]


def window_notice(window: PlanWindowView, problem: str | None) -> list[Component]:
    """Which window a plan would be of and on which issue, and why none can be made."""
    zone = window.region.time_zone
    start = local_time(window.window_start_utc, zone)
    if window.known_at_utc is not None:
        issued = local_time(window.known_at_utc, zone)
        basis = f"not begun; on the forecasts issued {issued}"
    elif window.is_simulation:
        basis = f"a simulation, on the forecasts issued {start}"
    else:
        basis = f"on the forecasts issued {start}"
    name = window_name(window.local_day, window.window_start_utc, zone)
    line = html.P(
        f"Window of a new plan: {name}, {basis}.",
        className="gfo-muted",
        id="plan-window",
    )
    if problem is None:
        return [line]
    return [line, notice("No plan can be made", problem, kind="warn")]


def _headline(view: PlanView) -> Component:
    plan = next((way for way in view.comparison if way.key == "plan"), None)
    return html.Section(
        [
            html.P(
                [
                    html.Strong(sentence(view, plan)),
                    simulation_tag(is_simulated=view.is_simulation),
                ],
                className="gfo-sentence",
                id="plan-sentence",
            ),
            html.Ul([html.Li(typeset(text)) for text in view.blocked[:MOST_ROWS]])
            if view.blocked
            else None,
            _rest("more regions that stay BLOCKED", view.blocked),
            _replaces(view),
            html.P(
                f"Plan {view.plan_id}, by {view.actor_name},"
                f" {local_time(view.created_at_utc, view.anchor.time_zone)}.",
                className="gfo-muted",
            ),
        ],
        className="gfo-card gfo-verdict-block",
        **aria(live="polite"),
    )


def _replaces(view: PlanView) -> Component | None:
    """Which recorded plan it was made to replace."""
    old_id = view.instead_of_plan_id
    if old_id is None:
        return None
    href = addresses.with_query(
        addresses.PLAN, {"region": view.anchor.slug, "plan": str(old_id)}
    )
    return html.P(
        [
            "Made to replace ",
            link(f"plan {old_id}", href),
            ": recording it supersedes every transfer of that plan that still stands.",
        ],
        id="plan-replaces",
    )


def shown_window(view: PlanView) -> str:
    """The window, in the time of the region that it is of."""
    day = view.local_day if view.is_simulation or view.is_of_coming_day else None
    return window_name(day, view.window_start_utc, view.anchor.time_zone)


def sentence(view: PlanView, plan: PlanComparison | None) -> str:
    """The plan in one line: what moves, what it saves, what stays blocked."""
    if not view.transfers or plan is None:
        return f"{shown_window(view)}: nothing is worth moving at these prices."
    n_blocked = plan.blocked_regions
    stays = "" if n_blocked is None else f" Regions BLOCKED then: {n_blocked}."
    saves = "saves" if plan.saving_usd >= 0 else "costs"
    return (
        f"{shown_window(view)}: move {quantity(plan.moved_mwh, 'MWh')} in"
        f" {counted(len(view.transfers), 'transfer')}; {saves}"
        f" {quantity(abs(plan.saving_usd), 'USD')} against doing nothing.{stays}"
    )


def gap_sentence(view: PlanView) -> str:
    """How far the plan may be from the best, by the bound that was computed with it."""
    if view.gap_usd is None:
        return ""
    frac = (
        ""
        if view.gap_pct is None
        else f", {_at_least_a_trace(view.gap_pct)} of what it saves"
    )
    return (
        f" The best plan costs at most {quantity(view.gap_usd, 'USD')} less than this"
        f" one{frac}."
    )


def _largest(rows: Sequence[_Row], size: Callable[[_Row], float]) -> tuple[_Row, ...]:
    """All rows in their order, or the largest where there are too many to draw."""
    if len(rows) <= MOST_ROWS:
        return tuple(rows)
    return tuple(sorted(rows, key=size, reverse=True)[:MOST_ROWS])


def _rest(what: str, rows: Sequence[object]) -> Component | None:
    """How many are not drawn."""
    n_rest = len(rows) - MOST_ROWS
    if n_rest <= 0:
        return None
    return html.P(
        f"Not shown here: {n_rest:,} {what}. The API answers with all.",
        className="gfo-muted",
    )


def _transfers(view: PlanView) -> Component:
    rows = _largest(view.transfers, lambda row: row.moved_mwh)
    return panel(
        "Transfers",
        data_table(
            "Load that one region sends another",
            ("From", "To", "Energy, MWh", "Peak, MW", "Share", "Verdict"),
            [_transfer_cells(row) for row in rows],
            numeric_from=2,
            text_from=5,
            id="plan-transfers",
            cards=True,
            download=True,
        )
        if view.transfers
        else html.P("No load moves.", className="gfo-muted"),
        _schedule(view, rows) if rows else None,
        _rest("smaller transfers", view.transfers),
        id="plan-transfers-panel",
    )


def _schedule(view: PlanView, transfers: Sequence[PlanTransferView]) -> Component:
    """What to move in each hour: what whoever carries the plan out works through."""
    zone = view.anchor.time_zone
    rows: list[list[Child]] = [
        [moment(hour, zone), row.source.name, row.target.name, number(moved_mw, 3)]
        for place, hour in enumerate(view.hours_utc)
        for row in transfers
        if (moved_mw := row.moved_mw[place]) > 0.0
    ]
    return disclosure(
        "Hour by hour",
        data_table(
            "Load to move in each hour",
            (f"From ({zone_label(view.hours_utc, zone)})", "Source", "Target", "MW"),
            rows,
            numeric_from=3,
            id="plan-schedule",
            download=True,
        ),
    )


def _transfer_cells(row: PlanTransferView) -> list[Child]:
    # Why an approved transfer is, the table of regions says.
    reason = "" if row.outcome is Outcome.APPROVED else typeset(row.verdict_text)
    return [
        row.source.name,
        row.target.name,
        number(row.moved_mwh, 1),
        number(row.peak_mw, 1),
        _at_least_a_trace(row.share_pct),
        html.Span([outcome_badge(row.outcome), " ", reason]),
    ]


def _at_least_a_trace(share_pct: float) -> str:
    """A share to a tenth of a percent; what moves is never called nothing."""
    rounded = round(share_pct, 1)
    return share(rounded) if rounded or not share_pct else f"< {share(0.1)}"


def _comparison(view: PlanView) -> Component:
    gap = (
        ""
        if view.oracle_gap_usd is None
        else f" Knowing the day in advance would have saved"
        f" {quantity(view.oracle_gap_usd, 'USD')} more."
    )
    basis = "actual values" if view.is_compared_with_truth else "the forecasts"
    return panel(
        "Compared",
        data_table(
            "Ways to run the fleet over the window",
            (
                "Way",
                "In all, USD",
                "Saves, USD",
                "Energy, USD",
                "Carbon, t",
                "Water, m³",
                "Moved, MWh",
                "BLOCKED",
            ),
            [_comparison_cells(way) for way in view.comparison],
            id="plan-comparison",
            cards=True,
            download=True,
        ),
        id="plan-comparison-panel",
        hint=f"On {basis}, everything at the prices above.{gap}{gap_sentence(view)}",
    )


def _comparison_cells(way: PlanComparison) -> list[Child]:
    return [
        way.label,
        number(way.objective_usd),
        number(way.saving_usd),
        number(way.cost_usd),
        number(way.carbon_t, 1),
        number(way.water_m3),
        number(way.moved_mwh),
        MISSING if way.blocked_regions is None else number(way.blocked_regions),
    ]


def _front(view: PlanView) -> Component:
    zone = view.anchor.time_zone
    caption = (
        f"Plan {view.plan_id}, {shown_window(view)}; made"
        f" {local_time(view.created_at_utc, zone)};"
        f" times in {zone_label(view.hours_utc, zone)}."
    )
    rows: list[list[Child]] = [
        [
            number(point.carbon_t, 1),
            number(point.water_m3),
            number(point.cost_usd),
            number(point.moved_mwh),
            number(point.litres_per_t),
            typeset(point.text),
        ]
        for point in view.pareto
    ]
    return panel(
        "Carbon against water",
        chart(
            "plan-pareto",
            pareto_front(view),
            front_summary(view),
            height_px=360,
            caption=caption,
        ),
        disclosure(
            "The numbers of this chart",
            data_table(
                "Points of the Pareto front",
                (
                    "Carbon, t",
                    "Water, m³",
                    "Energy, USD",
                    "Moved, MWh",
                    "Litres per t",
                    "In words",
                ),
                rows,
                numeric_from=0,
                text_from=5,
            ),
        ),
        id="plan-front",
        hint="As known at the issue; the comparison above says what came."
        if view.is_compared_with_truth
        else "The line and the marks rest on the forecasts.",
    )


def _prices(view: PlanView) -> Component:
    words: Component = (
        html.Ul(
            [html.Li(typeset(price.text)) for price in view.shadow_prices[:MOST_ROWS]]
        )
        if view.shadow_prices
        else html.P("No limit stands in the way of a better plan.")
    )
    return panel(
        "What the limits cost",
        words,
        _rest("lower prices", view.shadow_prices),
        id="plan-shadow-prices",
        hint="What a little more room would save: the shadow prices of the plan.",
    )


def _regions(view: PlanView) -> Component:
    rows = _largest(view.regions, _size_of_change)
    notes = ["Note"] if any(row.note for row in rows) else []
    return panel(
        "Regions before and after",
        data_table(
            "Each region before and after the plan",
            (
                "Region",
                "Limit",
                "Bound before",
                "Bound after",
                "Load before, mean MW",
                "Load after, mean MW",
                *notes,
            ),
            [
                [*_region_cells(row), *(typeset(row.note or "") for _ in notes)]
                for row in rows
            ],
            text_from=6,
            id="plan-regions",
            cards=True,
            download=True,
        ),
        _rest("smaller changes of regions", view.regions),
        id="plan-regions-panel",
    )


def _size_of_change(row: PlanRegionView) -> float:
    """Change of the mean load, MW; what is said of a region comes first."""
    before, after = _mean(row.load_before_mw), _mean(row.load_after_mw)
    if row.note or before is None or after is None:
        return math.inf
    return abs(after - before)


def _region_cells(row: PlanRegionView) -> list[Child]:
    return [
        row.region.name,
        degrees(row.thermal_limit_c),
        bound(row.bound_before_c),
        bound(row.bound_after_c),
        number(_mean(row.load_before_mw), 1),
        number(_mean(row.load_after_mw), 1),
    ]


def _mean(series: tuple[float | None, ...]) -> float | None:
    known = [value for value in series if value is not None]
    return sum(known) / len(known) if known and len(known) == len(series) else None


def _notes(view: PlanView) -> Component:
    recorded = [
        html.Span([link(f"decision {number}", addresses.decision_href(number)), " "])
        for number in view.recorded_decision_ids
    ]
    return html.Div(
        [
            html.P(["Recorded as ", *recorded]) if recorded else None,
            html.P(typeset(f"Telemetry changed since: {view.revised_text}."))
            if view.revised_text
            else None,
            disclosure(
                "What the plan rests on",
                html.Ul([html.Li(typeset(text)) for text in view.notes[:MOST_ROWS]]),
                _rest("more notes", view.notes),
            )
            if view.notes
            else None,
        ],
        id="plan-notes",
    )


def recorded(outcome: PlanRecordOutcome) -> Component:
    """The decisions that were recorded, or why none was."""
    if outcome.cards:
        links = [
            html.Span(
                [
                    link(
                        f"decision {card.decision_id}",
                        addresses.decision_href(card.decision_id),
                    ),
                    " ",
                ]
            )
            for card in outcome.cards
        ]
        count = counted(len(outcome.cards), "decision")
        return notice(f"Recorded {count}.", html.Span(links))
    return notice(
        "Nothing was recorded: something changed since the plan was found.",
        typeset(listed(outcome.changed, separator=" ")),
        kind="warn",
    )


def taken_back(outcome: PlanRecordOutcome) -> Component:
    """The answer to a request to take a plan back."""
    ids = [card.decision_id for card in outcome.cards]
    links: list[Child] = []
    for number_ in ids:
        links += [link(str(number_), addresses.decision_href(number_)), " "]
    return notice(
        f"Taken back: {counted(len(ids), 'transfer')}.",
        html.Span(["Decisions ", *links]),
        id="plan-undone-notice",
    )
