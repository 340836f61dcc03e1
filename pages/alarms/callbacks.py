"""The Alarms page follows its address and the bar's poll; its buttons change alarms."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dash import Dash, Input, Output, State, ctx, no_update

from core.access import Permission
from core.alarm_kinds import DEFINITIONS, AlarmKind, AlarmPriority
from core.errors import InvalidInput
from orchestrator.alarms.alarm_lists import (
    AlarmQuestion,
    StateFilter,
    alarm_detail,
    alarm_review,
    list_alarms,
)
from orchestrator.alarms.handling import (
    acknowledge_alarms,
    comment_alarm,
    put_alarm_back,
    shelve_alarm,
    take_alarm_out,
    unshelve_alarm,
)
from orchestrator.alarms.handover import hand_over
from orchestrator.alarms.views import AlarmView
from orchestrator.use_cases import Request
from pages.addresses import Query, parse_ids
from pages.alarms.bar import POLL
from pages.alarms.content import (
    alarm_facts,
    alarm_history,
    alarm_list,
    figures_text,
    notes,
)
from pages.alarms.layout import BUTTONS, FILTERS
from pages.components import notice
from pages.context import PageContext
from pages.list_controls import follow_filters
from pages.refreshing import refreshing
from pages.serving import follow_in_browser, serve
from pages.times import chosen_times

_KEPT = ("state", "priority", "kind", "region")


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_list(app, context)
    _register_review(app, context)
    _register_acts(app, context)
    follow_filters(app, "alarms-url", FILTERS)
    # What was changed is shown at once, in the bar too.
    follow_in_browser(app, "gfo_alarms", "ask_again", Input("alarms-done", "data"))


def question_of(query: Query) -> AlarmQuestion:
    """Which alarms an address asks for."""
    state = query.one_of("state", StateFilter)
    priority = query.one_of("priority", AlarmPriority)
    kind = query.one_of("kind", AlarmKind)
    kinds = {
        one
        for one, written in DEFINITIONS.items()
        if priority is None or written.priority == priority
        if kind is None or one == kind
    }
    return AlarmQuestion(
        state=StateFilter(state) if state else StateFilter.OPEN,
        kinds=frozenset(kinds) if priority or kind else None,
        region_slug=query.text("region"),
    )


def _register_list(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("alarms-notice", "children"),
            Output("alarms-list", "children"),
            Output("alarms-shown", "data"),
            Output("alarm-detail", "children"),
            Output("alarm-history", "children"),
            Output("alarm-chosen", "hidden"),
        ],
        inputs=[
            Input("alarms-url", "search"),
            Input(f"{POLL}-refresh", "n_intervals"),
        ],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def show(search: str | None, *_changed: object) -> tuple[object, ...]:
        query = Query.parse(search)
        zone = chosen_times().zone_without_region
        chosen = query.identifier("alarm")
        with refreshing(POLL), context.request() as request:
            view = list_alarms(request, question_of(query))
            detail = alarm_detail(request, chosen) if chosen else None
        return (
            None,
            alarm_list(view, zone, query.given(_KEPT), chosen),
            [one.alarm_id for one in view.alarms if one.can_be_acknowledged],
            alarm_facts(detail, zone) if detail else None,
            alarm_history(detail, zone) if detail else None,
            detail is None,
        )


def _register_review(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("alarms-notes", "children"),
            Output("alarms-figures", "children"),
        ],
        inputs=[
            Input("alarms-url", "pathname"),
            Input(f"{POLL}-refresh", "n_intervals"),
        ],
        permission=Permission.VIEW_FLEET,
        at_load=False,
    )
    def review(_pathname: str | None, _n_intervals: object) -> tuple[object, ...]:
        with refreshing(POLL), context.request() as request:
            view = alarm_review(request)
        return notes(view, chosen_times().zone_without_region), figures_text(view)


def _register_acts(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("alarms-act-status", "children"),
            Output("alarms-done", "data"),
            Output("alarm-reason", "value"),
            Output("handover-note", "value"),
        ],
        inputs=[Input(name, "n_clicks") for name in BUTTONS],
        states=[
            State("alarms-url", "search"),
            State("alarms-focused", "data"),
            State("alarms-shown", "data"),
            State("alarm-reason", "value"),
            State("alarm-hours", "value"),
            State("handover-note", "value"),
            State("handover-hours", "value"),
        ],
        permission=Permission.HANDLE_ALARMS,
        at_load=False,
    )
    def act(*given: object) -> tuple[object, ...]:
        pressed = _Pressed(str(ctx.triggered_id), *given[len(BUTTONS) :])
        with context.request() as request:
            said = pressed.carry_out(request)
        is_note = pressed.button == "handover-store"
        return (
            notice(said, ""),
            time.monotonic_ns(),
            no_update if is_note else "",
            "" if is_note else no_update,
        )


@dataclass(frozen=True, slots=True)
class _Pressed:
    """A button with what the page held when it was pressed; not trusted."""

    button: str
    search: object
    focused: object
    shown: object
    reason: object
    hours: object
    note: object
    shift_hours: object

    def carry_out(self, request: Request) -> str:
        """Do what the button says; returns what was done, in words."""
        if self.button == "handover-store":
            hours = _hours(self.shift_hours)
            return f"Note {hand_over(request, note=_text(self.note), hours=hours)}."
        if self.button in {"alarms-acknowledge", "alarms-acknowledge-all"}:
            is_all = self.button == "alarms-acknowledge-all"
            done = acknowledge_alarms(
                request,
                parse_ids(
                    self.shown if is_all else [self.focused],
                    "an alarm that is not acknowledged yet",
                ),
            )
            return f"{done} acknowledged." if done else "It was acknowledged before."
        alarm_id = Query.parse(self.search).identifier("alarm")
        if alarm_id is None:
            message = "Open an alarm first."
            raise InvalidInput(message)
        view = self._change(request, alarm_id)
        return f"{view.title}, {view.about}: {view.state}."

    def _change(self, request: Request, alarm_id: int) -> AlarmView:
        words = _text(self.reason)
        if self.button == "alarm-comment":
            return comment_alarm(request, alarm_id=alarm_id, comment=words)
        if self.button == "alarm-shelve":
            return shelve_alarm(
                request, alarm_id=alarm_id, hours=_hours(self.hours), reason=words
            )
        if self.button == "alarm-unshelve":
            return unshelve_alarm(request, alarm_id=alarm_id)
        if self.button == "alarm-out":
            return take_alarm_out(request, alarm_id=alarm_id, reason=words)
        return put_alarm_back(request, alarm_id=alarm_id)


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _hours(given: object) -> float:
    try:
        return float(str(given))
    except ValueError as exc:
        message = "Write a number of hours."
        raise InvalidInput(message) from exc
