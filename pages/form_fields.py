"""Fields of forms: names, labels and units, their controls, and how to read them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from orchestrator.feeds.configuration import read_pairs
from orchestrator.use_cases import Request
from pages.attributes import given
from pages.components import field as labelled
from pages.components import own_password
from pages.context import PageContext
from pages.serving import serve

FieldKind = Literal[
    "text", "prose", "number", "choice", "flag", "lines", "pairs", "several"
]
Entered = dict[str, Any]
"""Read values by the names of their fields."""

_LONGEST_LINES = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field.

    Attributes
    ----------
    choices : mapping of str to str
        The words of each value of a choice, or of several.
    scale : float
        Turns the stored number into what the form shows.
    low, high : float | None
        Told to the browser; use cases check them.
    least : float | None
        The least number that is read; not told to the browser, so that what is below
        it is sent, and refused with a sentence.
    example : str
        Stands in a field of lines, or of NAME=VALUE pairs, while it is empty.
    suggestions : tuple of str
        Offered while somebody types; others are allowed.
    """

    name: str
    label: str
    kind: FieldKind = "number"
    hint: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    least: float | None = None
    longest: int = 80
    example: str = ""
    suggestions: tuple[str, ...] = ()

    def control_id(self, form: str) -> str:
        """The id of its control in a form."""
        return f"{form}-{self.name.replace('_', '-')}"

    def shown(self, value: Any) -> object:  # noqa: ANN401 -- as it is stored
        """A stored value as the form holds it."""
        if self.kind == "number" and isinstance(value, int | float):
            return float(f"{value * self.scale:.10g}")
        if self.kind == "pairs":
            pairs = (value or {}).items()
            return "\n".join(f"{name}={said}" if said else name for name, said in pairs)
        if self.kind == "lines":
            return "\n".join(value or [])
        return value

    def read(self, value: object) -> object:
        """What somebody entered; None where a number was left empty.

        Raises
        ------
        InvalidInput
            When it is no number, or a line is no pair.
        """
        if self.kind == "flag":
            return bool(value)
        if self.kind == "several":
            return [str(item) for item in value] if isinstance(value, list) else []
        text = "" if value is None else str(value).strip()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if self.kind == "lines":
            return lines
        if self.kind == "pairs":
            return read_pairs(lines)
        return self._number(text) if self.kind == "number" else text

    def _number(self, text: str) -> float | None:
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        least = -math.inf if self.least is None else self.least
        if not (math.isfinite(number) and number >= least):
            of = "" if self.least is None else f" of {self.least:g} or more"
            message = f"{self.label}: {text[:20]!r} is not a number{of}."
            raise InvalidInput(message)
        return float(f"{number / self.scale:.12g}")


def read_all(fields: Sequence[Field], values: Sequence[object]) -> Entered:
    """What somebody entered into these fields, by name."""
    return {
        item.name: item.read(value) for item, value in zip(fields, values, strict=True)
    }


def require_complete(
    fields: Sequence[Field], entered: Entered, *, but: Sequence[str] = ()
) -> None:
    """Raise InvalidInput for the first of the fields that was left empty."""
    for item in fields:
        value = entered[item.name]
        if item.name not in but and (value is None or value == ""):
            message = f"{item.label} is empty."
            raise InvalidInput(message)


def form_grid(
    form: str,
    fields: Sequence[Field],
    *others: Component,
    held: Mapping[str, object] | None = None,
) -> Component:
    """The controls of some fields, and others beside them; `held` are their values."""
    return html.Div(
        [
            *(labelled_control(form, item, held) for item in fields),
            *(_suggested(form, item) for item in fields if item.suggestions),
            *others,
        ],
        className="gfo-form-grid",
    )


def save_button(label: str, button_id: str) -> Component:
    """The button that sends a form; off while the portal cannot be reached."""
    return html.Div(
        dbc.Button(label, id=button_id, color="primary", class_name="gfo-decides"),
        className="gfo-actions",
    )


Confirmed = Callable[[], AbstractContextManager[Request]]
"""Opens a request that the password of the form confirms."""
Save = Callable[..., Component]
"""Gets `Confirmed`, the reason and the states; returns what the page says then."""


def reasoned_parts(form: str, label: str, *, longest: int = 500) -> list[Component]:
    """What ends a form whose change has a reason and is confirmed."""
    reason = Field(name="reason", label="Reason", kind="prose", longest=longest)
    return [
        labelled_control(form, reason),
        own_password(f"{form}-password"),
        save_button(label, f"{form}-save"),
        html.Div(id=f"{form}-save-status", role="status"),
    ]


def serve_reasoned(
    app: Dash,
    context: PageContext,
    form: str,
    *,
    states: Sequence[State],
    permission: Permission,
) -> Callable[[Save], Save]:
    """Register what a form of `reasoned_parts` does; `FORM-saved` says it was done."""

    def register(save: Save) -> Save:
        @serve(
            app,
            context,
            outputs=[
                Output(f"{form}-save-status", "children"),
                Output(f"{form}-reason", "value"),
                Output(f"{form}-password", "value"),
                Output(f"{form}-saved", "data"),
            ],
            inputs=[Input(f"{form}-save", "n_clicks")],
            states=[
                State(f"{form}-reason", "value"),
                State(f"{form}-password", "value"),
                *states,
            ],
            permission=permission,
            at_load=False,
        )
        def save_form(
            _clicks: object, reason: object, password: object, *values: object
        ) -> tuple[Component, str, str, int]:
            done = save(
                partial(context.confirmed_request, password),
                reason if isinstance(reason, str) else "",
                *values,
            )
            return done, "", "", time.monotonic_ns()

        return save

    return register


def labelled_control(
    form: str, item: Field, held: Mapping[str, object] | None = None
) -> Component:
    """The control of a field under its label; `held` says what it holds at first."""
    control = _control(form, item)
    if held and item.name in held:
        control.value = item.shown(held[item.name])  # type: ignore[attr-defined]
    if item.kind == "flag":
        return control
    if item.kind == "several":
        return html.Fieldset(
            [html.Legend(item.label), control], className="gfo-field gfo-choices"
        )
    return labelled(item.label, control, hint=item.hint)


def _control(form: str, item: Field) -> Component:
    control_id = item.control_id(form)
    options = [{"label": said, "value": value} for value, said in item.choices.items()]
    control: Component
    match item.kind:
        case "flag":
            control = dbc.Checkbox(id=control_id, label=item.label, value=True)
        case "choice":
            control = dbc.Select(id=control_id, name=item.name, options=options)
        case "several":
            control = dbc.Checklist(id=control_id, options=options, value=[])
        case "prose":
            control = dbc.Textarea(
                id=control_id, name=item.name, rows=2, maxlength=item.longest
            )
        case "lines" | "pairs":
            control = dbc.Textarea(
                id=control_id,
                name=item.name,
                rows=2,
                maxlength=_LONGEST_LINES,
                placeholder=item.example,
            )
        case "number":
            control = dbc.Input(
                id=control_id,
                name=item.name,
                type="number",
                step="any",
                inputmode="decimal",
                **_limits(item),
            )
        case _:
            control = dbc.Input(
                id=control_id,
                name=item.name,
                type="text",
                maxlength=item.longest,
                autocomplete="off",
                **given(list=_list_id(control_id) if item.suggestions else ""),
            )
    return control


def _list_id(control_id: str) -> str:
    return f"{control_id}-known"


def _suggested(form: str, item: Field) -> Component:
    return html.Datalist(
        [html.Option(value=value) for value in item.suggestions],
        id=_list_id(item.control_id(form)),
    )


def _limits(item: Field) -> dict[str, Any]:
    limits = {"min": item.low, "max": item.high}
    return {name: value for name, value in limits.items() if value is not None}
