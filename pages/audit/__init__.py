"""Audit: what was decided, by whom and why."""

from __future__ import annotations

from dash import Dash
from dash.development.base_component import Component

from core.access import Permission
from pages import addresses
from pages.audit.callbacks import register_callbacks
from pages.audit.layout import decision_layout, decisions_layout, events_layout
from pages.context import PageContext
from pages.serving import add_page


def register(app: Dash, context: PageContext) -> None:
    """Register the list of decisions, the list of events and the permalinks."""

    def decisions_page() -> Component:
        actor = context.current_actor()
        return decisions_layout(may_see_events=actor.may(Permission.VIEW_AUDIT_EVENTS))

    add_page(
        "audit",
        path=addresses.AUDIT,
        title="Audit",
        order=4,
        layout=decisions_page,
        permission=Permission.VIEW_FLEET,
    )
    add_page(
        "audit_events",
        path=addresses.AUDIT_EVENTS,
        title="Audit events",
        order=5,
        layout=events_layout,
        permission=Permission.VIEW_AUDIT_EVENTS,
    )
    add_page(
        "decision",
        path_template=f"{addresses.DECISIONS}<decision_id>",
        title="Decision",
        order=6,
        layout=decision_layout,
        permission=Permission.VIEW_FLEET,
    )
    register_callbacks(app, context)
