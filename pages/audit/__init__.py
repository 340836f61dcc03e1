"""Audit: what was decided, by whom and why."""

from __future__ import annotations

from dash import Dash
from dash.development.base_component import Component

from core.access import Permission
from pages import addresses
from pages.audit.callbacks import register_callbacks
from pages.audit.decision_callbacks import register_decision_callbacks
from pages.audit.decision_layout import decision_layout
from pages.audit.layout import (
    compare_layout,
    decisions_layout,
    event_layout,
    events_layout,
)
from pages.context import PageContext
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the lists, the permalinks and the comparison."""

    def decisions_page() -> Component:
        actor = context.current_actor()
        return decisions_layout(may_see_events=actor.may(Permission.VIEW_AUDIT_EVENTS))

    # Dash hands over what the address names; the callback reads it from there.
    def decision_page(**_parts: object) -> Component:
        actor = context.current_actor()
        return decision_layout(
            may_decide=actor.may(Permission.DECIDE),
            may_replay=actor.may(Permission.VIEW_AUDIT_EVENTS),
        )

    def event_page(**_parts: object) -> Component:
        return event_layout()

    everybody, auditors = Permission.VIEW_FLEET, Permission.VIEW_AUDIT_EVENTS
    add_page(
        "audit",
        path=addresses.AUDIT,
        title="Audit",
        link="Audit",
        layout=decisions_page,
        permission=everybody,
    )
    add_page(
        "audit_events",
        path=addresses.AUDIT_EVENTS,
        title="Audit events",
        layout=events_layout,
        permission=auditors,
    )
    add_page(
        "audit_compare",
        path=addresses.AUDIT_COMPARE,
        title="Two decisions",
        layout=compare_layout,
        permission=everybody,
    )
    add_page(
        "audit_event",
        path_template=f"{addresses.AUDIT_EVENT}<event_seq>",
        title="Audit event",
        layout=event_page,
        permission=auditors,
    )
    add_page(
        "decision",
        path_template=f"{addresses.DECISIONS}<decision_id>",
        title="Decision",
        layout=decision_page,
        permission=everybody,
    )
    register_callbacks(app, context)
    register_decision_callbacks(app, context)
