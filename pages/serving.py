"""Pages and callbacks: registered with their permission, and never failing silently."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

import dash
import structlog
from dash import ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from core.access import Permission
from core.errors import (
    FleetError,
    Forbidden,
    NotConfirmed,
    NotFound,
    RequestReused,
    WaitsForSecondPerson,
)
from orchestrator.logs import get_logger
from pages.components import notice, retry_button
from pages.context import PageContext

log = get_logger(__name__)

FAILED_HEADER = "X-GFO-Failed"
"""On an answer whose notice says that it did not work; `requests.js` reads it."""

Callback = Callable[..., Any]


class NavGroup(StrEnum):
    """What people come to a page for; the groups of the navigation bar, in order."""

    DECIDE = "decide"
    LEARN = "learn"
    RUN = "run"


def add_page(
    name: str,
    path: str,
    permission: Permission,
    layout: Callable[..., Component],
    *,
    title: str | None = None,
    link: str | None = None,
    group: NavGroup = NavGroup.RUN,
) -> None:
    """Register a page; the gate and the navigation bar read what is said here.

    A part of `path` in angle brackets stands for any value. `link` is the page's name
    in the navigation bar, which leaves out pages without one, and its title by default;
    `group` is where it stands there.
    """
    dash.register_page(
        name,
        **{"path_template" if "<" in path else "path": path},
        name=title or link,
        title=title or link,
        order=len(dash.page_registry),  # as registered, or Dash sorts by name
        layout=layout,
        permission=permission,
        link=link,
        group=group,
    )


def follow_in_browser(
    app: Dash, script: str, function: str, *wiring: Output | Input | State
) -> None:
    """Register a callback that `webapp/assets` holds; it sends nothing."""
    app.clientside_callback(
        ClientsideFunction(script, function), *wiring, prevent_initial_call=True
    )


def serve(
    app: Dash,
    context: PageContext,
    *,
    outputs: Sequence[Output],
    inputs: Sequence[Input],
    states: Sequence[State] = (),
    permission: Permission,
    notice_output: int = 0,
    at_load: bool = True,
) -> Callable[[Callback], Callback]:
    """Register a callback that the server runs.

    A FleetError becomes a notice in the output numbered `notice_output`, and so does a
    bug, with its reference; the other outputs stay as they are. The answer is marked as
    failed: it may have been done all the same, so the browser keeps its request id.
    """
    for output in outputs:
        context.callback_permission(
            f"{output.component_id}.{output.component_property}", permission
        )

    def register(callback: Callback) -> Callback:
        app.callback(
            list(outputs),
            list(inputs),
            list(states),
            prevent_initial_call=not at_load,
            on_error=partial(_explain, len(outputs), notice_output),
        )(callback)
        return callback

    return register


def _explain(n_outputs: int, notice_output: int, error: Exception) -> list[object]:
    if isinstance(error, RequestReused):
        raise error  # no page of ours does that: answered with a status, not a notice
    if not isinstance(error, WaitsForSecondPerson):
        ctx.response.set_header(FAILED_HEADER, "1")
    answers: list[object] = [no_update] * n_outputs
    # The mark ends the waiting of panels that the same answer would have filled.
    answers[notice_output] = html.Div(error_notice(error), className="gfo-failed")
    return answers


def error_notice(error: Exception) -> Component:
    """What went wrong and what to do next; a bug is logged under its reference."""
    if isinstance(error, NotConfirmed):
        return notice("Nothing was changed.", error.message, kind="warn")
    if isinstance(error, WaitsForSecondPerson):
        return notice("A second person has to approve this.", error.message)
    if isinstance(error, Forbidden | NotFound):
        title = "Not allowed" if isinstance(error, Forbidden) else "Not found"
        return notice(title, error.message)
    if isinstance(error, FleetError):
        return notice("This did not work", error.message, kind="warn")
    reference = _reference()
    log.error("callback_failed", reference=reference, exc_info=error)
    return notice(
        "Something went wrong in the portal",
        html.Span(
            [
                f"It has been noted under the reference {reference}. ",
                "Name it if this happens again. ",
                retry_button(),
            ]
        ),
        kind="alarm",
    )


def _reference() -> str:
    """The id of the request that the web application gave it, else one of our own."""
    known = structlog.contextvars.get_contextvars().get("request_id")
    return str(known) if known else secrets.token_hex(8)
