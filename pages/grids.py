"""Big tables: AG Grid over one page of rows; the address holds filters, order, place.

The server filters, sorts and pages by keys. The grid draws a page of the answer; its
own sorting and filtering are off, for they would know nothing of the other rows. A
heading that the server can sort by is a link to the list in that order. Its scripts
come with its package; `webapp/assets/grids.js` loads them where a page has a grid, and
draws headings and cells; `webapp/assets/grids.css` gives it the portal's look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from pages import addresses
from pages.attributes import aria, data
from pages.components import skeleton
from pages.downloads import table_download
from pages.words import local_time

ROW_PX = 32
TWO_LINES_PX = 46

Part = Mapping[str, str]
Cell = str | list[Part]
Row = Mapping[str, Cell]

_OPTIONS: Mapping[str, Any] = {
    "theme": "themeQuartz",
    # All rows of a page are there: one scrollbar, that of the page, and none that comes
    # and goes; the browser's search finds every row.
    "domLayout": "autoHeight",
    "headerHeight": 36,
    "animateRows": False,
    "ensureDomOrder": True,
    "enableCellTextSelection": True,
    "loadThemeGoogleFonts": False,
    "suppressColumnVirtualisation": True,
    "suppressMovableColumns": True,
    "suppressNoRowsOverlay": True,
    # Arrows walk within the grid, Tab leaves it, as in any other single control.
    "tabToNextCell": {"function": "gfoLeaveGrid(params)"},
    "tabToNextHeader": {"function": "gfoLeaveGrid(params)"},
}
_COLUMN: Mapping[str, Any] = {
    "resizable": True,
    "sortable": False,
    "suppressHeaderMenuButton": True,
    "cellDataType": False,
    "cellRenderer": "GfoCell",
    "headerComponent": "GfoHeading",
}


_CHOOSING: Mapping[str, Any] = {
    "mode": "multiRow",
    "enableClickSelection": False,
    "hideDisabledCheckboxes": True,
    "isRowSelectable": {"function": "params.data.choosable == 'yes'"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; `orders` are the server's by it, each with its direction.

    Attributes
    ----------
    orders : tuple of (str, str)
        Name in the address and "ascending" or "descending", the first click's first.
    """

    field: str
    title: str
    width_px: int
    grows: bool = False
    is_number: bool = False
    orders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the address says of a list: its path, the filters to keep, its order."""

    path: str
    kept: Mapping[str, str | None]
    order: str
    usual_order: str
    is_first: bool

    def href(self, **changes: str | None) -> str:
        """The address of the same list, from its first page on unless told."""
        return addresses.with_query(self.path, {**self.kept, **changes})


def grid(
    grid_id: str,
    label: str,
    columns: Sequence[Column],
    *,
    row_px: int = ROW_PX,
    rows: Sequence[Row] | None = None,
    shown: Shown | None = None,
    is_chosen_from: bool = False,
) -> Component:
    """An empty grid for a callback to fill, or one with its rows.

    With `is_chosen_from`, rows with a member `choosable` can be chosen: by their box,
    or by Space on a cell. The grid's `selectedRows` are those that are.
    """
    choosing = {"rowSelection": _CHOOSING} if is_chosen_from else {}
    properties: dict[str, Any] = {
        "id": grid_id,
        "className": "gfo-grid",
        "defaultColDef": dict(_COLUMN),
        "columnDefs": column_defs(columns, shown),
        "getRowId": "params.data.id",
        "dashGridOptions": {**_OPTIONS, **choosing, "rowHeight": row_px},
        "rowData": list(rows or []),
    }
    return html.Div(dag.AgGrid(**properties), role="region", **aria(label=label))


def listed_grid(
    name: str,
    label: str,
    columns: Sequence[Column],
    *,
    location_id: str,
    row_px: int = ROW_PX,
    is_chosen_from: bool = False,
) -> Component:
    """A list that a callback fills: `<name>-state`, `-table` and `-pager`.

    While the state says something (that it loads, is empty, or failed), the grid hides.
    """
    table_id = f"{name}-table"
    return html.Div(
        [
            html.Div(skeleton(420), id=f"{name}-state", **aria(live="polite")),
            html.Div(
                [
                    grid(
                        table_id,
                        label,
                        columns,
                        row_px=row_px,
                        is_chosen_from=is_chosen_from,
                    ),
                    html.Div(
                        [
                            html.Div(
                                id=f"{name}-pager", className="gfo-pager", role="status"
                            ),
                            table_download(table_id),
                        ],
                        className="gfo-below",
                    ),
                ],
                className="gfo-listed",
            ),
        ],
        id=name,
        **data(location=location_id),
    )


def column_defs(
    columns: Sequence[Column], shown: Shown | None = None
) -> list[dict[str, Any]]:
    """The columns as the grid takes them, with the order that the address names."""
    return [_column_def(column, shown) for column in columns]


def _column_def(column: Column, shown: Shown | None) -> dict[str, Any]:
    # Widths are first ones only: what somebody drags stays when the rows change.
    width = {"initialFlex": 1} if column.grows else {"initialWidth": column.width_px}
    return {
        "field": column.field,
        "headerName": column.title,
        "minWidth": column.width_px if column.grows else 60,
        "cellClass": "gfo-number" if column.is_number else "",
        "headerClass": "gfo-number" if column.is_number else "",
        "headerComponentParams": _heading(column, shown) if shown else {},
        **width,
    }


def _heading(column: Column, shown: Shown) -> dict[str, str]:
    """Where a click on the heading leads, and the arrow that it shows now."""
    if not column.orders:
        return {}
    names = [name for name, _ in column.orders]
    if shown.order not in names:
        direction, following = "none", names[0]
    else:
        place = names.index(shown.order)
        direction = column.orders[place][1]
        # After its last order a column gives way to the usual one.
        following = [*names, shown.usual_order][place + 1]
        following = names[0] if following == shown.order else following
    order = None if following == shown.usual_order else following
    return {"href": shown.href(order=order), "direction": direction}


def text_part(text: str, *, css: str = "", title: str = "") -> Part:
    """A piece of text within a cell."""
    return _part(text=text, css=css, title=title)


def link_part(text: str, href: str) -> Part:
    """A link within a cell; Enter on the cell follows it."""
    return _part(text=text, href=href)


def shape_part(shape: str, text: str, *, css: str) -> Part:
    """A word with its shape, which is not read out."""
    return _part(shape=shape, text=text, css=css)


def time_part(instant: datetime, zone: str, text: str | None = None) -> Part:
    """An instant on a clock; downloads take its ISO form in UTC."""
    iso = instant.astimezone(UTC).isoformat()
    return _part(text=text or local_time(instant, zone), time=iso)


def _part(**values: str) -> Part:
    return {name: value for name, value in values.items() if value}


def pager(shown: Shown, said: str, next_name: str, next_place: str | None) -> list[Any]:
    """What is shown, the way to the first page and to the next."""
    pieces: list[Any] = [said]
    if not shown.is_first:
        pieces += [" · ", _follow("First page", shown.href())]
    if next_place is not None:
        following = shown.href(**{next_name: next_place})
        pieces += [" · ", _follow("Next page", following)]
    elif not shown.is_first:
        pieces.append(" · this is the last page")
    return pieces


def _follow(text: str, href: str) -> Component:
    # Not a dcc.Link: only the page's own location changes, and the grid stays.
    return html.A(text, href=href, className="gfo-follow")
