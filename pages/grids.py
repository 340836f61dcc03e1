"""Big tables: AG Grid in the portal's colours, from our own host, sorted as asked.

The grid's scripts come with its package; its theme is set by the variables in
`webapp/assets/dash.css`, which follow light and dark without drawing anything again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from pages.attributes import aria

ROW_PX = 34

_OPTIONS: Mapping[str, Any] = {
    "theme": "themeQuartz",
    "rowHeight": ROW_PX,
    "headerHeight": ROW_PX,
    "animateRows": False,
    "suppressCellFocus": False,
    "enableCellTextSelection": True,
    "ensureDomOrder": True,
    "loadThemeGoogleFonts": False,
    "suppressColumnVirtualisation": True,
}


def grid(
    grid_id: str,
    label: str,
    columns: Sequence[Mapping[str, Any]],
    *,
    rows: Sequence[Mapping[str, Any]] | None = None,
    height_px: int = 480,
    options: Mapping[str, Any] | None = None,
) -> Component:
    """A grid of rows, or one that asks for its rows when `rows` is None.

    Without rows it takes the infinite row model: the page serves `getRowsRequest` and
    answers `getRowsResponse`, with filter, sort and paging done by the server.
    """
    shared: dict[str, Any] = {
        "id": grid_id,
        "columnDefs": [dict(column) for column in columns],
        "defaultColDef": {
            "resizable": True,
            "minWidth": 110,
            "sortable": True,
            "suppressHeaderMenuButton": True,
        },
        "className": "gfo-grid",
        "style": {"height": f"{height_px}px"},
        "dashGridOptions": {**_OPTIONS, **(options or {})},
    }
    asked = {"rowModelType": "infinite"} if rows is None else {"rowData": list(rows)}
    return html.Div(dag.AgGrid(**shared, **asked), role="region", **aria(label=label))
