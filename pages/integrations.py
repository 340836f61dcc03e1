"""The page of an integration, feeds or subscriptions: all, one of them, and a form.

The address says which is open, by its name, or that a new one is written. Ids begin
with the page's name, those of the form's controls with the noun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, ctx, dcc, html, set_props
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput, NotFound
from orchestrator.use_cases import Request
from pages.addresses import Query, with_query
from pages.components import (
    Child,
    disclosure,
    link,
    moment,
    notice,
    own_password,
    page_head,
    panel,
    skeleton,
)
from pages.context import PageContext
from pages.form_fields import Entered, Field, read_all, save_button
from pages.refreshing import refresh, refreshing
from pages.serving import serve
from pages.times import chosen_times

NEW = "new"
_CHANGES = ("saved", "acted", "confirmed")
"""What the page is shown again after, each with a store of its own."""

ItemAct = Callable[[PageContext, Request, str], Component]
"""Does something with the one of this name; returns what the page says then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A button of the one that is open."""

    name: str
    text: str
    act: ItemAct
    is_main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The one that is open: how it stands, and what it did."""

    state: Component
    history: Component
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrations:
    """What the page of one kind of integration shows and does.

    Attributes
    ----------
    name, noun : str
        Of all of them and of one: "feeds" and "feed".
    view, manage : Permission
        Who sees them, and who acts on them and writes them.
    defaults : mapping of str to object
        What the form of a new one holds, by its fields.
    table : callable
        All of them, in the time of a zone.
    open : callable
        The one of a name, in the time of a zone; raises NotFound.
    written : callable
        The one of a name, as it was written; raises NotFound.
    save : callable
        Stores what was entered, and is told whether it is a new one.
    pause : callable
        Pauses the one of a name, or has it go on, by `is_paused`.
    remove : callable
        Removes the one of a name.
    actions, confirmed_actions : tuple of Action
        The latter need the proof of who presses them, as removing does.
    """

    name: str
    noun: str
    question: str
    path: str
    view: Permission
    manage: Permission
    fields: tuple[Field, ...]
    defaults: Mapping[str, object]
    table: Callable[[Request, str], Component]
    open: Callable[[Request, str, str], Opened]
    written: Callable[[Request, str], object]
    save: Callable[[PageContext, Request, Entered, bool], Component]
    pause: Callable[..., object]
    paused_words: str
    resumed_words: str
    remove: Callable[[Request, str], object]
    removed_words: str
    actions: tuple[Action, ...]
    confirmed_actions: tuple[Action, ...] = ()
    form_hint: str = ""

    def id(self, part: str) -> str:
        """The id of a part of the page."""
        return f"{self.name}-{part}"

    def opened_name(self, search: object) -> str | None:
        """The name that the address opens."""
        return Query.parse(search).text(self.noun)

    def all_actions(self) -> list[Action]:
        """The buttons that need no proof, in order."""
        return [
            *self.actions[:1],
            Action(name="pause", text="Pause", act=self._pausing(is_paused=True)),
            Action(name="resume", text="Go on", act=self._pausing(is_paused=False)),
            *self.actions[1:],
        ]

    def all_confirmed_actions(self) -> list[Action]:
        """The buttons that need a proof, in order."""
        return [
            *self.confirmed_actions,
            Action(name="remove", text="Remove", act=self._removing),
        ]

    def _removing(
        self, _context: PageContext, request: Request, name: str
    ) -> Component:
        self.remove(request, name)
        return notice("Removed.", self.removed_words)

    def _pausing(self, *, is_paused: bool) -> ItemAct:
        def act(_context: PageContext, request: Request, name: str) -> Component:
            self.pause(request, name, is_paused=is_paused)
            if is_paused:
                return notice("Paused.", self.paused_words)
            return notice("Goes on.", self.resumed_words)

        return act


def integrations_layout(
    page: Integrations, form: Sequence[Component], *, may_manage: bool
) -> Component:
    """The frame of the page with the controls of its form; callbacks fill it."""
    add = link(f"Add a {page.noun}", with_query(page.path, {NEW: "1"}))
    return html.Div(
        [
            dcc.Location(id=page.id("url"), refresh=False),
            *(dcc.Store(id=page.id(change)) for change in _CHANGES),
            refresh(page.name),
            page_head(
                page.name.capitalize(), page.question, add if may_manage else None
            ),
            html.Div(id=page.id("notice")),
            panel(
                f"Every {page.noun}",
                html.Div(skeleton(200), id=page.id("table")),
                id=page.id("all"),
            ),
            panel(
                f"This {page.noun}",
                html.Div(id=page.id("state")),
                *(_action_parts(page) if may_manage else []),
                html.Div(id=page.id("history")),
                id=page.id("one"),
                hidden=True,
            ),
            *(_form_parts(page, form) if may_manage else []),
        ]
    )


def _action_parts(page: Integrations) -> list[Child]:
    confirmed = page.all_confirmed_actions()
    return [
        _buttons(page, page.all_actions()),
        html.Div(id=page.id("acted-status"), role="status"),
        disclosure(
            ", or ".join(action.text for action in confirmed),
            own_password(page.id("act-password")),
            _buttons(page, confirmed),
        ),
        html.Div(id=page.id("confirmed-status"), role="status"),
    ]


def _buttons(page: Integrations, actions: Sequence[Action]) -> Component:
    made = [
        dbc.Button(
            action.text,
            id=page.id(action.name),
            color="primary" if action.is_main else "secondary",
            class_name="gfo-decides",
        )
        for action in actions
    ]
    return html.Div(made, className="gfo-actions")


def _form_parts(page: Integrations, form: Sequence[Component]) -> list[Component]:
    return [
        html.Div(id=page.id("form-notice")),
        panel(
            f"Write a {page.noun}",
            *form,
            own_password(page.id("password")),
            save_button(f"Save the {page.noun}", page.id("save")),
            html.Div(id=page.id("saved-status"), role="status"),
            id=page.id("form"),
            hint=page.form_hint,
            hidden=True,
        ),
    ]


def register_integrations(app: Dash, context: PageContext, page: Integrations) -> None:
    """Register the page's callbacks."""
    _register_view(app, context, page)
    _register_form(app, context, page)
    _register_save(app, context, page)
    _register_actions(app, context, page, page.all_actions())
    _register_actions(
        app, context, page, page.all_confirmed_actions(), are_confirmed=True
    )


def _register_view(app: Dash, context: PageContext, page: Integrations) -> None:
    @serve(
        app,
        context,
        outputs=[
            *(
                Output(page.id(part), "children")
                for part in ("notice", "table", "state", "history")
            ),
            Output(page.id("one"), "hidden"),
        ],
        inputs=[
            Input(page.id("url"), "search"),
            *(Input(page.id(change), "data") for change in _CHANGES),
            Input(page.id("refresh"), "n_intervals"),
        ],
        permission=page.view,
        at_load=False,
    )
    def show(search: str | None, *_changed: object) -> tuple[object, ...]:
        name = page.opened_name(search)
        zone = chosen_times().zone_without_region
        with refreshing(page.name), context.request() as request:
            table = page.table(request, zone)
            if name is None:
                return None, table, None, None, True
            try:
                opened = page.open(request, name, zone)
            except NotFound:  # just removed; the form says it of any other name
                return None, table, None, None, True
            if request.actor.may(page.manage):
                set_props(page.id("pause"), {"disabled": opened.is_paused})
                set_props(page.id("resume"), {"disabled": not opened.is_paused})
        return None, table, opened.state, opened.history, False


def _register_form(app: Dash, context: PageContext, page: Integrations) -> None:
    # Apart from the view: what is being written stays while the page refreshes.
    @serve(
        app,
        context,
        outputs=[
            Output(page.id("form-notice"), "children"),
            Output(page.id("form"), "hidden"),
            Output(f"{page.noun}-name", "readonly"),
            *(Output(item.control_id(page.noun), "value") for item in page.fields),
        ],
        inputs=[Input(page.id("url"), "search")],
        permission=page.manage,
        at_load=False,
    )
    def show_form(search: str | None) -> tuple[object, ...]:
        name = page.opened_name(search)
        values = page.defaults
        if name is not None:
            with context.request() as request:
                written = page.written(request, name)
            values = {
                item.name: getattr(written, item.name, None) for item in page.fields
            }
        is_open = name is not None or Query.parse(search).text(NEW) is not None
        shown = (item.shown(values.get(item.name)) for item in page.fields)
        return None, not is_open, name is not None, *shown


def _register_save(app: Dash, context: PageContext, page: Integrations) -> None:
    @serve(
        app,
        context,
        outputs=_answer(page, "saved", "password"),
        inputs=[Input(page.id("save"), "n_clicks")],
        states=[
            State(page.id("url"), "search"),
            State(page.id("password"), "value"),
            *(State(item.control_id(page.noun), "value") for item in page.fields),
        ],
        permission=page.manage,
        at_load=False,
    )
    def save(
        _n_clicks: int, search: str | None, password: object, *values: object
    ) -> tuple[Component, int, str]:
        entered = read_all(page.fields, values)
        is_new = page.opened_name(search) is None
        with context.confirmed_request(password) as request:
            done = page.save(context, request, entered, is_new)
        return done, time.monotonic_ns(), ""


def _register_actions(
    app: Dash,
    context: PageContext,
    page: Integrations,
    actions: Sequence[Action],
    *,
    are_confirmed: bool = False,
) -> None:
    acts = {page.id(action.name): action.act for action in actions}
    passwords = ["act-password"] if are_confirmed else []

    @serve(
        app,
        context,
        outputs=_answer(page, "confirmed" if are_confirmed else "acted", *passwords),
        inputs=[Input(control_id, "n_clicks") for control_id in acts],
        states=[
            State(page.id("url"), "search"),
            *(State(page.id(part), "value") for part in passwords),
        ],
        permission=page.manage,
        at_load=False,
    )
    def act(*given: object) -> tuple[object, ...]:
        search, *proofs = given[len(acts) :]
        name = page.opened_name(search)
        if name is None:
            message = f"Open a {page.noun} first."
            raise InvalidInput(message)
        with (
            context.confirmed_request(proofs[0])
            if are_confirmed
            else context.request() as request
        ):
            done = acts[str(ctx.triggered_id)](context, request, name)
        return done, time.monotonic_ns(), *("" for _ in proofs)


def _answer(page: Integrations, change: str, *passwords: str) -> list[Output]:
    """What a change says, that it was made, and the passwords that it forgets."""
    return [
        Output(page.id(f"{change}-status"), "children"),
        Output(page.id(change), "data"),
        *(Output(page.id(part), "value") for part in passwords),
    ]


def optional_moment(instant: datetime | None, zone: str) -> Child:
    """An instant on a clock, or a dash."""
    return "-" if instant is None else moment(instant, zone)
