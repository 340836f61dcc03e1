"""The frame of one decision's page; its number stands in the address."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from core.decision_states import DecisionState
from pages import addresses
from pages.audit.layout import button, number_input, text_box
from pages.components import crumbs, field, panel, skeleton
from pages.region_picker import region_field
from pages.standing import term_field


def decision_layout(*, may_decide: bool, may_replay: bool) -> Component:
    """One decision, with what this person may do with it."""
    return html.Div(
        [
            dcc.Location(id="decision-url", refresh=False),
            dcc.Store(id="decision-stated"),
            dcc.Store(id="decision-replaced"),
            dcc.Store(id="decision-written"),
            crumbs((("Audit", addresses.AUDIT),), "Decision"),
            html.Div(skeleton(420), id="decision-detail"),
            html.Div(
                [
                    button("Replay", "decision-replay") if may_replay else None,
                    field(
                        "Compare with decision",
                        number_input("compare-right", min=1, step=1),
                    ),
                    button("Compare", "compare-open"),
                ],
                className="gfo-tools",
            ),
            html.Div(id="decision-replayed", role="status"),
            html.Div(
                [
                    _commenting(may_decide=may_decide),
                    _stating() if may_decide else None,
                    _superseding() if may_decide else None,
                ],
                className="gfo-columns gfo-columns-start",
            ),
            html.Div(skeleton(420), id="decision-evidence"),
        ]
    )


def _commenting(*, may_decide: bool) -> Component:
    """What was written about it; the box is there for those who decide."""
    writing: list[Component] = []
    if may_decide:
        writing = [
            text_box("Comment", "decision-comment"),
            html.Div(
                button("Write it", "decision-write", decides=True),
                className="gfo-actions",
            ),
            html.Div(id="decision-write-status", role="status"),
        ]
    return panel(
        "Comments",
        html.Div(skeleton(60), id="decision-comments"),
        *writing,
        id="decision-comments-panel",
        hint="Kept with the decision for good; the decision itself stays as it was.",
    )


def _stating() -> Component:
    """Hidden until something can be said of the decision shown."""
    return html.Div(
        panel(
            "What has become of it",
            text_box("Note; the reason, if it is refused", "state-reason"),
            html.Div(
                [
                    button(words, f"state-{name}", decides=True)
                    for name, words in STATE_BUTTONS.items()
                ],
                className="gfo-actions",
            ),
            html.Div(id="state-problem"),
            html.Div(id="state-status", role="status"),
            id="state-panel",
            hint="Recorded is not done: a shift counts as the load of now only once it"
            " is in effect. A refused one no longer counts at all.",
        ),
        id="decision-stating",
        hidden=True,
    )


STATE_BUTTONS = {
    DecisionState.ACKNOWLEDGED.value: "Acknowledge",
    DecisionState.IN_EFFECT.value: "It is in effect",
    DecisionState.REFUSED.value: "Refuse",
}


def _superseding() -> Component:
    """Hidden until the decision shown is one that can be superseded."""
    return html.Div(
        panel(
            "Replace this decision",
            html.Div(
                [
                    region_field("Target region", "supersede-target"),
                    field(
                        "Shift, %",
                        number_input("supersede-shift", min=0, max=100, step=0.1),
                    ),
                    term_field("supersede-term"),
                    button("Judge", "supersede-evaluate", decides=True),
                ],
                className="gfo-tools",
            ),
            html.Div(id="supersede-verdict", role="status"),
            text_box("Reason", "supersede-reason"),
            button(
                "Record in its place",
                "supersede-record",
                is_primary=True,
                decides=True,
            ),
            html.Div(id="supersede-status"),
            html.Div(id="supersede-record-status", role="status"),
            dcc.Store(id="supersede-judged"),
            id="supersede-panel",
            hint="It is judged without the load that this one moves; the same shift"
            " renews it, one of 0 % takes it back. Both stay in the history.",
        ),
        id="decision-supersede",
        hidden=True,
    )
