"""What is recorded and not yet in effect, beside the load as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from core.errors import InvalidInput
from orchestrator.windows.views import StandingView, VerdictView
from pages import addresses
from pages.components import Child, field, link, notice, verdict_badge
from pages.words import STATE_WORDS, age, local_time, shift_words

UNTIL_TAKEN_BACK = "open"
AS_LOAD_IS_NOW = "As load is now"
WITH_RECORDED = "With what is recorded"


def ground_line(
    words: str, verdict: VerdictView, *said: Child, css: str = ""
) -> Component:
    """The verdict on one ground, under the name of the ground."""
    return html.Div(
        [
            html.Span(f"{words}: "),
            verdict_badge(verdict),
            *said,
        ],
        className=f"gfo-ground {css}".strip(),
    )


TERMS = {
    "24": "24 hours, as judged",
    "48": "48 hours",
    "72": "72 hours",
    "168": "7 days",
    UNTIL_TAKEN_BACK: "Until it is taken back",
}


def term_field(control_id: str) -> Component:
    """How long a shift is recorded for."""
    return field(
        "Lasts",
        dbc.Select(
            id=control_id,
            options=[{"label": words, "value": key} for key, words in TERMS.items()],
            value="24",
        ),
        hint="Beyond 24 hours it moves the same load at the same hours of each day;"
        " every issue judges it again. One for chosen hours ends with the last of"
        " them, unless it lasts longer.",
    )


def parse_term(value: object) -> int | None:
    """Hours that a shift lasts; None until it is taken back."""
    term = str(value)
    if term == UNTIL_TAKEN_BACK:
        return None
    if not (term.isascii() and term.isdigit() and len(term) <= 4):
        message = "Choose how long the shift lasts."
        raise InvalidInput(message)
    return int(term)


def ending_notice(
    decisions: Sequence[StandingView], now: datetime, zone: str
) -> Component | None:
    """Which decisions end soon, and where each can be renewed; None without any."""
    if not decisions:
        return None
    parts: list[Child] = []
    for item in decisions:
        hours = (item.end_utc - now) / timedelta(hours=1) if item.end_utc else None
        until = local_time(item.end_utc, zone) if item.end_utc else ""
        shift = _shift(item)
        ends = f" ends in {age(hours)}, {until} ({STATE_WORDS[item.stated]}). "
        parts += [
            f"{shift}{ends}",
            link(
                "Renew it",
                addresses.decision_href(item.decision_id),
                label=f"decision {item.decision_id}",
            ),
            " ",
        ]
    return notice(
        "A recorded shift ends soon.",
        html.Span(parts),
        kind="warn",
        id="ending-soon",
    )


def _shift(item: StandingView) -> str:
    amount = shift_words(item.shift_pct, item.hours_of_day)
    return f"{amount} {item.source_name} → {item.target_name}"


def standing_list(
    decisions: Sequence[StandingView], *, most: int | None = None
) -> list[Child]:
    """Each decision with its state and a link, as one line of a paragraph.

    Of more than `most` the others are counted.
    """
    parts: list[Child] = []
    for item in decisions[:most]:
        term = ", until taken back" if item.end_utc is None else ""
        parts += [
            "; " if parts else "",
            link(
                _shift(item),
                addresses.decision_href(item.decision_id),
                label=f"decision {item.decision_id}",
            ),
            f" ({STATE_WORDS[item.stated]}{term})",
        ]
    n_more = len(decisions) - len(decisions[:most])
    return [*parts, f"; and {n_more} more"] if n_more else parts
