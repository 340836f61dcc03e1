"""What fills the What-if page: safe interval, scenarios, tables, what was recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from core.outcomes import Outcome
from orchestrator.decisions.views import RecordOutcome, ShiftEnd, WhatIfView
from orchestrator.windows.views import VerdictView
from pages import addresses
from pages.attributes import aria
from pages.components import (
    data_table,
    disclosure,
    link,
    notice,
    outcome_badge,
    risk_mark,
    simulation_tag,
    synthetic_tag,
    verdict_badge,
)
from pages.refreshing import late_notice, older_issue
from pages.standing import AS_LOAD_IS_NOW, WITH_RECORDED, standing_list
from pages.theme import local_labels, number, zone_label
from pages.verdicts import impact_rows_table, judged_on_newer
from pages.words import (
    REASON_WORDS,
    bound,
    local_time,
    share,
    typeset,
    verdict_word,
    window_name,
)


def safe_strip(view: WhatIfView) -> Component:
    """The shares that are approved, drawn under the slider's track."""
    bars = [
        html.Div(
            className="gfo-safe-bar",
            style={"left": f"{least}%", "width": f"{max(most - least, 0.5)}%"},
        )
        for least, most in view.safe_intervals_pct
        if view.maximum_safe_shift_pct is not None
    ]
    ends = [html.Span(share(value)) for value in (0, 25, 50, 75, 100)]
    return html.Div(
        [
            html.Div(bars, className="gfo-safe-track"),
            html.Div(ends, className="gfo-safe-scale"),
        ],
        **aria(hidden="true"),
    )


def safe_words(view: WhatIfView) -> list[Component | str]:
    """The safe interval in words, and what can be moved at all."""
    # Beyond 100 % where recorded load arrives: that may leave again.
    most_pct = math.floor(10 * view.flexible_pct + 1e-6) / 10
    most = f"At most {share(most_pct)}" if most_pct < 100.0 else "All"
    basis = (
        f" {most} of the load of {view.source.region.name} can be moved. Loads, carbon"
        f" and prices: {view.inputs_basis} values."
    )
    hours = f" {view.hours_text}" if view.hours_text else ""
    return [html.Strong(typeset(view.safe_interval_text)), basis, hours, *_least(view)]


def _least(view: WhatIfView) -> list[Component | str]:
    """The way to the least share that is approved, where it moves anything."""
    least_pct = view.safe_intervals_pct[0][0] if view.safe_intervals_pct else 0.0
    if not least_pct or view.maximum_safe_shift_pct is None:
        return []
    return [" ", _shift_link(view, least_pct, "Use the least safe shift")]


def baseline(view: WhatIfView) -> Component:
    """The verdict before this shift: as load is now, and with what is recorded."""
    if not view.standing:
        return html.Div(
            [html.H3("Without a shift"), _verdict_line(view.baseline)],
            className="gfo-baseline",
        )
    return html.Div(
        [
            html.H3(f"{AS_LOAD_IS_NOW}, without this shift"),
            _verdict_line(view.now),
            html.H3(f"{WITH_RECORDED}, without this shift"),
            _verdict_line(view.baseline),
            html.P(
                [
                    "Recorded: ",
                    *standing_list(view.standing),
                    ". The shift starts from the load that these leave.",
                ],
                className="gfo-muted",
            ),
        ],
        className="gfo-baseline",
    )


def _verdict_line(verdict: VerdictView) -> Component:
    return html.P([verdict_badge(verdict), " ", typeset(verdict.reason_text)])


def impact(view: WhatIfView) -> Component:
    """What the shift of the address would do, before anything is stored."""
    if not view.impact:
        return html.P(
            "Shift some load to see what it costs and saves.", className="gfo-muted"
        )
    return html.Div(
        [
            html.P(
                f"At {share(view.shift_pct)}, as previewed; nothing is stored yet.",
                className="gfo-muted",
            ),
            impact_rows_table(
                view.impact, view.impact_notes, id="what-if-previewed-impact"
            ),
        ]
    )


def title(end: ShiftEnd, role: str) -> list[Component | str | None]:
    """The heading of one end's chart."""
    return [f"{end.region.name} ({role}) ", synthetic_tag(end.region)]


def window_notice(view: WhatIfView) -> list[Component | None]:
    """Which window this is, and why nothing can be tried, if so."""
    source = view.source.region
    target = view.target.region.slug if view.target else None
    newest = addresses.what_if_href(
        source.slug,
        target,
        shift_pct=view.shift_pct,
        issued_at_utc=view.newer_issue_utc,
        hours_of_day=view.hours_of_day,
    )
    older = older_issue(
        view.hours_utc[0], view.newer_issue_utc, source.time_zone, newest
    )
    blocked = (
        notice("No shift can be judged", typeset(view.notice), kind="warn")
        if view.notice
        else None
    )
    window = html.P(
        [
            f"Window: {shown_window(view)}. ",
            simulation_tag(is_simulated=view.is_simulation),
        ],
        className="gfo-muted",
    )
    return [older, window, blocked, late_notice(view.late_text)]


def shown_window(view: WhatIfView) -> str:
    """The window, in the time of its source."""
    return window_name(view.local_day, view.hours_utc[0], view.source.region.time_zone)


def scenarios(view: WhatIfView) -> Component:
    """Verdicts at 0, 10, … 100 %."""
    return data_table(
        "Verdict at each shift",
        ("Shift", "Verdict", "Why", "Risk", "Source bound", "Target bound"),
        [
            [
                _try_link(view, row.shift_pct),
                outcome_badge(row.outcome),
                ""
                if row.outcome is Outcome.APPROVED
                else REASON_WORDS[row.reason_code],
                risk_mark(row.risk_level),
                bound(row.source_bound_c),
                bound(row.target_bound_c),
            ]
            for row in view.scenarios
        ],
        numeric_from=4,
        id="what-if-scenarios-table",
        cards=True,
        download=True,
    )


def _try_link(view: WhatIfView, shift_pct: float) -> Component:
    return _shift_link(view, shift_pct, share(shift_pct), label="try this shift")


def _shift_link(
    view: WhatIfView, shift_pct: float, text: str, *, label: str = ""
) -> Component:
    target = view.target.region.slug if view.target else None
    href = addresses.what_if_href(
        view.source.region.slug,
        target,
        view.local_day,
        shift_pct,
        view.issued_at_utc,
        view.hours_of_day,
    )
    return link(text, href, label=label)


def caption(view: WhatIfView, end: ShiftEnd | None) -> str | None:
    """What one end's figure rests on, for whoever gets it without the page."""
    if end is None:
        return None
    zone = end.region.time_zone
    issued = (
        f"issued {local_time(view.issued_at_utc, zone)}"
        if view.issued_at_utc
        else "no forecast"
    )
    kind = "simulation" if view.is_simulation else "live"
    return (
        f"{end.region.name}, {shown_window(view)} ({kind}): {issued}; as of"
        f" {local_time(view.as_of_utc, zone)}; times in"
        f" {zone_label(view.hours_utc, zone)}."
    )


def numbers(end: ShiftEnd | None, hours_utc: Sequence[datetime]) -> Component | None:
    """The hours of one end before any shift, and what each percent changes."""
    if end is None or not end.mean_c:
        return None
    series = (
        end.mean_c,
        end.lower_c,
        end.upper_c,
        end.rise_by_hour_c_per_pct,
        end.it_load_mw,
    )
    digits = (1, 1, 1, 3, 1)
    padded = [[*values, *[None] * (len(hours_utc) - len(values))] for values in series]
    labels = local_labels(hours_utc, end.region.time_zone)
    return disclosure(
        "The numbers of this chart, before this shift",
        data_table(
            f"{end.region.name} by hour, before this shift",
            (
                f"Hour ({zone_label(hours_utc, end.region.time_zone)})",
                "Mean, °C",
                "Lower, °C",
                "Upper, °C",
                "Change per % shifted, °C",
                "IT load, MW",
            ),
            [
                [
                    label,
                    *(
                        number(values[hour], places)
                        for values, places in zip(padded, digits, strict=True)
                    ),
                ]
                for hour, label in enumerate(labels)
            ],
        ),
    )


def recorded(outcome: RecordOutcome, zone: str = "UTC") -> Component:
    """The answer to a request to record."""
    if outcome.card is not None:
        card = outcome.card
        return notice(
            f"Recorded as decision {card.decision_id}: {card.verdict.outcome.value}.",
            html.Span(
                [
                    judged_on_newer(outcome, zone),
                    link("Open it", addresses.decision_href(card.decision_id)),
                ]
            ),
            id="what-if-recorded-notice",
        )
    changed = outcome.changed
    if changed is None:
        return notice("Nothing was recorded.", "Evaluate the shift again.", kind="warn")
    return notice(
        f"Nothing was recorded: the verdict is now {verdict_word(changed)}.",
        f"{judged_on_newer(outcome, zone)}{typeset(changed.reason_text)} Evaluate the"
        " shift again to see it.",
        kind="warn",
        id="what-if-changed-notice",
    )
