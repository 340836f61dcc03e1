"""What is recorded and not yet in effect, beside the load as it is now."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from orchestrator.windows.views import StandingView, VerdictView
from pages import addresses
from pages.components import Child, link, verdict_badge
from pages.words import STATE_WORDS, share

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


def standing_list(decisions: Sequence[StandingView]) -> list[Child]:
    """Each decision with its state and a link, as one line of a paragraph."""
    parts: list[Child] = []
    for item in decisions:
        parts += [
            "; " if parts else "",
            link(
                f"{share(item.shift_pct)} {item.source_name} → {item.target_name}",
                addresses.decision_href(item.decision_id),
                label=f"decision {item.decision_id}",
            ),
            f" ({STATE_WORDS[item.stated]})",
        ]
    return parts
