"""A stored decision's verdict card and impact table, on What-if and on Audit."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from orchestrator.decisions.views import (
    DecisionCard,
    DecisionSummary,
    ImpactRow,
    NamedValue,
    RecordOutcome,
)
from pages import addresses
from pages.components import (
    Child,
    data_table,
    facts,
    link,
    outcome_badge,
    risk_mark,
    simulation_tag,
    synthetic_tag,
    verdict_badge,
)
from pages.theme import MISSING, number
from pages.times import Times
from pages.words import (
    KIND_WORDS,
    allowed,
    bound,
    degrees,
    local_time,
    probability,
    route,
    share,
    shift_words,
    typeset,
    window_name,
)

_ENDS = ("Source", "Target", "Fleet")


def verdict_card(card: DecisionCard) -> Component:
    """The verdict with its reasons and the figures that it rests on."""
    verdict = card.verdict
    return html.Div(
        [
            html.P(
                [
                    verdict_badge(verdict),
                    " ",
                    html.Strong(f"{route(card.source, card.target)},"),
                    f" {_shift_and_window(card)} ",
                    simulation_tag(is_simulated=card.is_simulated),
                    synthetic_tag(card.source),
                ],
                className="gfo-sentence",
            ),
            html.P(typeset(verdict.reason_text)),
            html.P(
                [
                    "Risk ",
                    risk_mark(verdict.risk_level),
                    ". ",
                    typeset(" ".join(verdict.recommendations)),
                ]
            ),
            facts(_figures(card)),
            html.P(
                [
                    f"{KIND_WORDS.get(card.kind, card.kind)} ",
                    link(
                        f"decision {card.decision_id}",
                        addresses.decision_href(card.decision_id),
                    ),
                    f", by {card.actor_name}, {_taken(card)}",
                ],
                className="gfo-muted",
            ),
        ],
        className="gfo-verdict-card",
    )


def _shift_and_window(card: DecisionCard) -> str:
    shift = shift_words(card.shift_pct, card.hours_of_day)
    return f"shift {shift}, {card_window(card)}"


def card_window(card: DecisionCard) -> str:
    """The window of a decision, in the time of its source."""
    day = card.local_day if card.is_simulated else None
    return window_name(day, card.window_start_utc, card.source.time_zone)


def judged_on_newer(outcome: RecordOutcome, zone: str) -> str:
    """Says on which issue a shift was judged that was tried on an older one."""
    newer_utc = outcome.newer_issue_utc
    if newer_utc is None:
        return ""
    return f"It was judged on the forecast issued {local_time(newer_utc, zone)}. "


def _taken(card: DecisionCard) -> str:
    return local_time(card.created_at_utc, card.source.time_zone)


def _figures(card: DecisionCard) -> list[NamedValue]:
    chance = probability(card.exceedance_probability, card.allowed_probability)
    values = [
        (
            "Chance of exceeding",
            f"{chance} (allowed {allowed(card.allowed_probability)})",
        ),
        ("Thermal limit", degrees(card.thermal_limit_c)),
        (
            f"Day bound, {card.source.name}",
            _change(card.source_bound_before_c, card.source_bound_after_c),
        ),
    ]
    if card.target is not None:
        change = _change(card.target_bound_before_c, card.target_bound_after_c)
        values.append((f"Day bound, {card.target.name}", change))
        values.append(("Safe interval", _safe_interval(card)))
    return [NamedValue(label=label, value=value) for label, value in values]


def _change(before_c: float | None, after_c: float | None) -> str:
    if before_c == after_c:
        return bound(before_c)
    return f"{bound(before_c)} → {bound(after_c)}"


def _safe_interval(card: DecisionCard) -> str:
    least, most = card.minimum_shift_pct, card.maximum_safe_shift_pct
    if most is None:
        return "not known: a bound or a load is missing"
    if least is None:
        return f"empty: no shift clears the source (target: at most {share(most)})"
    if least > most:
        return f"empty: {share(least)} needed, at most {share(most)} possible"
    return f"{share(least)} to {share(most)}"


def impact_table(card: DecisionCard) -> Component:
    """What a stored shift costs and saves."""
    if not card.impact:
        return html.P("No impact was stored: nothing moves.", className="gfo-muted")
    return impact_rows_table(card.impact, card.impact_notes, id="impact-table")


def impact_rows_table(
    rows: Sequence[ImpactRow],
    notes: Sequence[str],
    *,
    id: str,  # noqa: A002
) -> Component:
    """Costs and savings, before and after, at both ends and in sum."""
    head = ["Quantity"]
    for end in _ENDS:
        head += [f"{end} before", f"{end} after"]
    return html.Div(
        [
            data_table(
                "Impact before and after the shift",
                [*head, "Fleet change"],
                [_impact_cells(row) for row in rows],
                id=id,
                cards=True,
                download=True,
            ),
            *[html.P(typeset(note), className="gfo-muted gfo-hint") for note in notes],
        ]
    )


def _impact_cells(row: ImpactRow) -> list[str]:
    values = (
        row.source_before,
        row.source_after,
        row.target_before,
        row.target_after,
        row.fleet_before,
        row.fleet_after,
    )
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    unit, scale = row.unit, 1.0
    if largest >= _MANY:
        unit, scale = _LARGER_UNITS.get(row.unit, (row.unit, 1.0))
    shown = [None if value is None else value / scale for value in values]
    digits = _digits(largest / scale)
    return [
        f"{row.label}, {unit}",
        *(number(value, digits) for value in shown),
        _signed(shown[-2], shown[-1], digits),
    ]


_MANY = 10_000.0
_LARGER_UNITS = {"kg CO₂e": ("t CO₂e", 1000.0), "L": ("m³", 1000.0)}
"""By the unit of a record: the one in which a row with many of them is shown."""


def _digits(largest: float) -> int:
    """Three or so meaningful digits, the same across a row."""
    return 0 if largest >= 10_000 else 1 if largest >= 10 else 2


def _signed(before: float | None, after: float | None, digits: int) -> str:
    if before is None or after is None:
        return MISSING
    text = number(after - before, digits)
    return f"+{text}" if after > before and float(text.replace(",", "")) else text


def decision_cells(item: DecisionSummary, times: Times, *more: Child) -> list[Child]:
    """Its number, when and by whom, `more`, what was moved, and the verdict."""
    shift = shift_words(item.shift_pct, item.hours_of_day)
    return [
        link(str(item.decision_id), addresses.decision_href(item.decision_id)),
        local_time(item.created_at_utc, times.zone_without_region),
        item.actor_name,
        *more,
        f"{route(item.source, item.target)}, {shift}",
        outcome_badge(item.outcome),
    ]
