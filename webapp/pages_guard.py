"""Each page's layout behind its permission, with only the parameters that it names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import dash
from dash import html
from dash.development.base_component import Component

from core.access import Actor, Permission
from core.errors import Forbidden

PageLayout = Callable[..., Component]


def guard_pages(
    current_actor: Callable[[], Actor], deny: Callable[[Actor, str], None]
) -> None:
    """Wrap the layouts of all registered pages.

    Dash's router answers in-page navigation through a callback that everybody may
    call, and passes the whole query string on: both are restricted here.
    """
    for page in dash.page_registry.values():
        page["layout"] = _guarded(
            page["layout"], page["permission"], page["module"], current_actor, deny
        )


def _guarded(
    layout: PageLayout | Component,
    permission: Permission,
    name: str,
    current_actor: Callable[[], Actor],
    deny: Callable[[Actor, str], None],
) -> PageLayout:
    if not callable(layout):
        build: PageLayout = lambda: layout  # noqa: E731 -- a constant page
    else:
        build = layout
    allowed = _parameter_names(build)

    @functools.wraps(build)
    def guarded(**query: Any) -> Component:  # noqa: ANN401 -- a query string
        actor = current_actor()
        if not actor.may(permission):
            return _refusal(deny, actor, name)
        return build(**{key: _one(query[key]) for key in query if key in allowed})

    return guarded


def _parameter_names(layout: PageLayout) -> frozenset[str]:
    named = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    parameters = inspect.signature(layout).parameters.values()
    return frozenset(item.name for item in parameters if item.kind in named)


def _one(value: str | list[str]) -> str:
    """A parameter given twice counts as its last value."""
    return value if isinstance(value, str) else value[-1]


def _refusal(deny: Callable[[Actor, str], None], actor: Actor, name: str) -> Component:
    try:
        deny(actor, name)
    except Forbidden as error:
        return html.Div(
            [html.H1("Not allowed"), html.P(error.message)],
            className="gfo-card",
            role="alert",
        )
    raise Forbidden
