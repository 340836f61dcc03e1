"""Controls of a list: filters that can be left open, a search, an order, a download."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.list_exports import CsvExport
from orchestrator.use_cases import Request
from pages.addresses import Query
from pages.context import PageContext
from pages.serving import follow_in_browser, serve

ANY = "any"
"""The value of a filter that is left open."""


def filter_options(
    words: Mapping[str, str], open_words: str = "Any"
) -> list[dict[str, str]]:
    """Options of a filter, with the one that leaves it open first."""
    return [{"label": open_words, "value": ANY}, *_options(words)]


def choice(
    control_id: str, words: Mapping[str, str], open_words: str = "Any"
) -> Component:
    """A filter by one of several values."""
    control: Component = dbc.Select(
        id=control_id, options=filter_options(words, open_words), value=ANY
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


def follow_filters(app: Dash, location_id: str, control_ids: Sequence[str]) -> None:
    """Keep filters and the page's address alike, in the browser.

    The id of a control ends, after its last hyphen, in the filter's name in the
    address.
    """
    follow_in_browser(
        app,
        "gfo_pages",
        "show_filters",
        *(Output(control_id, "value") for control_id in control_ids),
        Input(location_id, "search"),
    )
    follow_in_browser(
        app,
        "gfo_pages",
        "follow_filters",
        *(Input(control_id, "value") for control_id in control_ids),
        State(location_id, "search"),
    )


def csv_tools(name: str) -> Component:
    """The button `<name>-csv` that downloads the whole list, as filtered."""
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


def serve_csv(
    app: Dash,
    context: PageContext,
    name: str,
    *,
    location_id: str,
    what: str,
    permission: Permission,
    export: Callable[[Request, Query], tuple[str, CsvExport]],
) -> None:
    """Register the callback of `csv_tools`: the list of the page's address as a file.

    `export` returns the name of the file and the list.
    """

    @serve(
        app,
        context,
        outputs=[
            Output(f"{name}-csv-status", "children"),
            Output(f"{name}-csv-file", "data"),
        ],
        inputs=[Input(f"{name}-csv", "n_clicks")],
        states=[State(location_id, "search")],
        permission=permission,
        at_load=False,
    )
    def download(_clicks: int, search: str | None) -> tuple[str, object]:
        with context.request() as request:
            file_name, made = export(request, Query.parse(search))
        more = "" if made.is_complete else " There are more; narrow the filters."
        # The mark tells spreadsheets that it is UTF-8.
        content = made.text.encode("utf-8-sig")
        status = f"{made.row_count} {what}.{more}"
        return status, file_data(file_name, "text/csv", content)


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
