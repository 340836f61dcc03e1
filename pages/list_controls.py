"""Controls of a list: filters that can be left open, a search, an order, a download."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

ANY = "any"
"""The value of a filter that is left open."""


def filter_options(words: Mapping[str, str]) -> list[dict[str, str]]:
    """Options of a filter, with the one that leaves it open first."""
    return [{"label": "Any", "value": ANY}, *_options(words)]


def choice(control_id: str, words: Mapping[str, str]) -> Component:
    """A filter by one of several values."""
    control: Component = dbc.Select(
        id=control_id, options=filter_options(words), value=ANY
    )
    return control


def order_choice(control_id: str, words: Mapping[str, str]) -> Component:
    """The order of a list; the first one is the usual one."""
    control: Component = dbc.Select(
        id=control_id, options=_options(words), value=next(iter(words))
    )
    return control


def text_filter(control_id: str, longest: int, hint: str = "") -> Component:
    """A filter by text, taken when it is entered or left."""
    control: Component = dbc.Input(
        id=control_id,
        type="search",
        value="",
        debounce=True,
        maxlength=longest,
        placeholder=hint,
    )
    return control


def day_filter(control_id: str) -> Component:
    """A filter by a calendar day."""
    control: Component = dbc.Input(id=control_id, type="date", value="")
    return control


def csv_tools(name: str) -> Component:
    """The button that takes the whole list along, as filtered: `<name>-csv`."""
    return html.Div(
        [
            html.Button(
                "Download the list as CSV",
                id=f"{name}-csv",
                type="button",
                className="gfo-button",
            ),
            dcc.Download(id=f"{name}-csv-file"),
            html.Div(id=f"{name}-csv-status", role="status"),
        ],
        className="gfo-tools",
    )


def csv_said(what: str, row_count: int, *, is_complete: bool) -> str:
    """What a download holds, and what to do when it is not all."""
    more = "" if is_complete else " There are more; narrow the filters."
    return f"{row_count} {what}.{more}"


def csv_data(name: str, text: str) -> dict[str, object]:
    """A CSV as `dcc.Download` takes it; its mark tells spreadsheets of UTF-8."""
    return file_data(name, "text/csv", text.encode("utf-8-sig"))


def file_data(name: str, kind: str, content: bytes) -> dict[str, object]:
    """A file as `dcc.Download` takes it."""
    return {
        "filename": name,
        "type": kind,
        "base64": True,
        "content": base64.b64encode(content).decode("ascii"),
    }


def _options(words: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"label": text, "value": value} for value, text in words.items()]
