"""The rows that an import refused: their list, its filters, and its rows."""

from __future__ import annotations

from collections.abc import Mapping

from dash import html
from dash.development.base_component import Component

from core.errors import InvalidInput
from orchestrator.telemetry.import_pages import LONGEST_WORDS, RejectFilter
from orchestrator.telemetry.views import RefusedPage
from pages import addresses
from pages.addresses import Query
from pages.admin_telemetry.import_fields import in_form_words
from pages.components import field, notice, panel
from pages.grids import TWO_LINES_PX, Column, Row, Shown, listed_grid, pager, text_part
from pages.list_controls import choice, csv_tools, order_choice, text_filter
from pages.theme import number

CONTROLS = ("code", "words", "order")
ORDERS = {"first": "First line first", "last": "Last line first"}
KEPT = ("batch", *CONTROLS)

COLUMNS = (
    Column(
        field="line",
        title="Line",
        width_px=92,
        is_number=True,
        orders=(("first", "ascending"), ("last", "descending")),
    ),
    Column(field="code", title="Code", width_px=180),
    Column(field="reason", title="Reason", width_px=320, grows=True),
    Column(field="raw", title="The row as it came", width_px=320, grows=True),
)


def refused_panel() -> Component:
    """Hidden until the address names an import."""
    return html.Div(
        panel(
            "Refused rows",
            html.Div(
                [
                    field("Code", choice("refused-code", {})),
                    field(
                        "Search",
                        text_filter("refused-words", LONGEST_WORDS, "Reason or row"),
                    ),
                    field("Order", order_choice("refused-order", ORDERS)),
                    csv_tools("refused"),
                ],
                className="gfo-filters",
                role="search",
            ),
            listed_grid(
                "telemetry-refused",
                "Refused rows",
                COLUMNS,
                location_id="telemetry-url",
                row_px=TWO_LINES_PX,
            ),
            id="telemetry-refused-panel",
        ),
        id="telemetry-refused-block",
        hidden=True,
    )


def refused_filter(query: Query) -> RejectFilter:
    """Which refused rows an address asks for."""
    return RejectFilter(reason_code=query.text("code"), words=query.words("words"))


def is_last_first(query: Query) -> bool:
    """Whether an address sorts refused rows from the file's end on."""
    return query.one_of("order", ORDERS) == "last"


def place_after(query: Query) -> tuple[int, int] | None:
    """The line and row id that the page begins after, written `line.id`."""
    text = query.text("after")
    if text is None:
        return None
    line, _, row_id = text.partition(".")
    if not (
        line.isascii() and line.isdigit() and row_id.isascii() and row_id.isdigit()
    ):
        message = "after in the address is not like 120.7."
        raise InvalidInput(message)
    return int(line[:15]), int(row_id[:18])


def refused_shown(query: Query) -> Shown:
    """What the address says of the list."""
    return Shown(
        path=addresses.ADMIN_TELEMETRY,
        kept=query.given(KEPT),
        order="last" if is_last_first(query) else "first",
        usual_order="first",
        is_first=query.text("after") is None,
    )


def refused_state(page: RefusedPage) -> Component | None:
    """What stands in place of a list without rows."""
    if page.rows:
        return None
    if not page.reasons:
        return notice("No row was refused.", "All of the file came in.")
    return notice("No refused row matches.", "Open a filter.")


def refused_grid_rows(page: RefusedPage) -> list[Row]:
    """Refused rows as the grid takes them; two may stand on one line of the file."""
    return [
        {
            "id": f"{row.line_number}.{place}",
            "line": str(row.line_number),
            "code": row.reason_code,
            "reason": [text_part(reason, css="gfo-lines", title=reason)],
            "raw": [
                text_part(
                    row.raw_text, css="gfo-lines gfo-mono gfo-raw", title=row.raw_text
                )
            ],
        }
        for place, row in enumerate(page.rows)
        for reason in [in_form_words(row.reason)]
    ]


def refused_pager(page: RefusedPage, shown: Shown) -> list[Component | str]:
    """How many rows are shown, and the way on."""
    said = f"{number(len(page.rows))} rows, {ORDERS[shown.order].lower()}"
    after = page.next_after
    return pager(shown, said, "after", f"{after[0]}.{after[1]}" if after else None)


def reason_words(reasons: Mapping[str, int]) -> dict[str, str]:
    """Codes with how many rows each refused."""
    return {code: f"{code} ({number(count)})" for code, count in reasons.items()}
