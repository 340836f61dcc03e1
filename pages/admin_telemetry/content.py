"""What fills the Telemetry page: imports, and one of them."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from core.event_words import quantity_words
from core.wording import listed
from orchestrator.decisions.views import NamedValue
from orchestrator.telemetry.suspect_hours import FindingView
from orchestrator.telemetry.views import ImportRow, ImportsPage
from pages import addresses
from pages.components import Child, data_table, facts, link, moment, notice, panel, tag
from pages.theme import number
from pages.times import Times
from pages.words import local_time, typeset


def imports_table(page: ImportsPage, times: Times) -> Component:
    """Imports, newest first."""
    if not page.rows:
        return notice("No imports yet.", "Import a file above, or `gfo telemetry`.")
    older = (
        link("Older imports", _address(before=str(page.next_before_id)))
        if page.next_before_id
        else None
    )
    return html.Div(
        [
            data_table(
                "Imports of telemetry, newest first",
                (
                    "Import",
                    "When",
                    "File",
                    "Regions",
                    "Read",
                    "New",
                    "Changed",
                    "Unchanged",
                    "Refused",
                ),
                [_cells(row, times) for row in page.rows],
                numeric_from=4,
                id="telemetry-imports-table",
                cards=True,
                download=True,
            ),
            html.P(older, className="gfo-pager") if older else None,
        ]
    )


def suspect_table(rows: Sequence[FindingView], times: Times) -> Component:
    """Suspect and bad hours, newest first."""
    if not rows:
        return notice("No suspect hours.", "Every stored hour passed its checks.")
    return data_table(
        "Suspect hours, newest first",
        ("Hour", "Region", "Quantity", "Quality", "Check", "Reason"),
        [
            [
                moment(row.hour_utc, times.zone_without_region),
                row.region_slug,
                quantity_words(row.quantity.value),
                row.quality,
                row.rule,
                typeset(row.text),
            ]
            for row in rows
        ],
        numeric_from=6,
        id="telemetry-suspect-table",
        cards=True,
        download=True,
    )


def _cells(row: ImportRow, times: Times) -> list[Child]:
    refused = number(row.rows_refused)
    return [
        link(f"Import {row.batch_id}", _address(batch=str(row.batch_id))),
        moment(row.created_at_utc, times.zone_without_region),
        html.Span(
            [
                row.label,
                tag("synthetic") if row.origin == "synthetic" else None,
                tag("withdrawn") if row.withdrawn_by else None,
            ]
        ),
        listed(row.region_slugs),
        number(row.rows_read),
        number(row.rows_inserted),
        number(row.rows_updated),
        number(row.rows_unchanged),
        html.Strong(refused) if row.rows_refused else refused,
    ]


def import_panel(row: ImportRow, times: Times) -> Component:
    """One import: what it was, and where its rows went."""
    return panel(
        f"Import {row.batch_id}: {row.label}",
        facts(_facts(row, times)),
        html.P(link("Close", addresses.ADMIN_TELEMETRY)),
        id="telemetry-import-panel",
    )


def _facts(row: ImportRow, times: Times) -> list[NamedValue]:
    zone = times.zone_without_region
    hours = "none"
    if row.first_hour_utc and row.last_hour_utc:
        hours = (
            f"{local_time(row.first_hour_utc, zone)} to"
            f" {local_time(row.last_hour_utc, zone)}"
        )
    went = (
        f"{number(row.rows_read)} read: {number(row.rows_inserted)} new,"
        f" {number(row.rows_updated)} changed, {number(row.rows_unchanged)} unchanged,"
        f" {number(row.rows_refused)} refused"
    )
    values = (
        ("Rows", went),
        ("Regions", listed(row.region_slugs)),
        ("Quantities", ", ".join(map(quantity_words, row.quantities))),
        ("Hours", hours),
        ("Format", row.format),
        ("SHA-256", row.content_sha256),
        *[("Withdrawn", f"by import {row.withdrawn_by}")][
            : row.withdrawn_by is not None
        ],
    )
    return [NamedValue(label=label, value=value) for label, value in values]


def _address(**values: str) -> str:
    return addresses.with_query(addresses.ADMIN_TELEMETRY, {**values})
