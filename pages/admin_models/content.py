"""What fills the list of models: what serves, files, versions, history."""

from __future__ import annotations

from collections.abc import Sized

from dash import html
from dash.development.base_component import Component

from orchestrator.registry.views import (
    MOST_ROWS,
    EvaluationProgress,
    HistoryRow,
    ModelsPage,
    ServingRow,
    UploadRow,
    VersionRow,
)
from pages import addresses
from pages.components import Child, button, data_table, link, moment, notice, tag
from pages.theme import MISSING, number
from pages.times import Times
from pages.words import percent, typeset

ROLLBACK = "models-rollback"
"""Type of the buttons that go back; each names the model that it replaces."""

TARGET_WORDS = {
    "temperature_c": "Temperature",
    "wet_bulb_c": "Wet bulb",
    "carbon_intensity_gco2_kwh": "Carbon intensity",
    "it_load_mw": "IT load",
}
STATE_WORDS = {
    "quarantined": "being checked",
    "accepted": "accepted",
    "candidate": "candidate",
    "validated": "validated",
    "rejected": "refused",
}


def serving_table(page: ModelsPage, times: Times) -> list[Component]:
    """What serves each target, with the way back."""
    alarms: list[Component] = [
        notice(
            f"{TARGET_WORDS[row.target]}: model unavailable",
            typeset(row.outage),
            kind="alarm",
        )
        for row in page.serving
        if row.outage
    ]
    alarms += [
        notice(
            f"{TARGET_WORDS[row.target]}: the watch found a loss",
            typeset(text),
            kind="alarm",
        )
        for row in page.serving
        for text in row.alarms
    ]
    table = data_table(
        "What serves each target",
        ("Target", "Model", "Since", "Go back"),
        [_serving_cells(row, times) for row in page.serving],
        numeric_from=9,
        cards=True,
        id="models-serving-table",
        has_controls=True,
    )
    return [*alarms, table]


def _serving_cells(row: ServingRow, times: Times) -> list[Child]:
    back: Child = MISSING
    if row.former_version_id is not None:
        back = button(
            f"Roll back to model {row.former_version_id}",
            {"type": ROLLBACK, "target": row.target, "active": row.version_id},
        )
    return [
        TARGET_WORDS[row.target],
        MISSING
        if row.version_id is None
        else link(row.label, addresses.model_href(row.version_id)),
        MISSING
        if row.since_utc is None
        else moment(row.since_utc, times.zone_without_region),
        back,
    ]


def _caption(what: str, rows: Sized) -> str:
    if len(rows) < MOST_ROWS:
        return f"{what}, newest first"
    return f"{what}, the newest {MOST_ROWS}"


def uploads_table(page: ModelsPage, times: Times) -> Component:
    """Files that were given, newest first, refused ones with their reason."""
    if not page.uploads:
        return notice("No file yet.", "Upload one above, or use gfo model upload.")
    return data_table(
        _caption("Uploaded files", page.uploads),
        ("File", "When", "By", "Size", "State", "Reason", "SHA-256"),
        [_upload_cells(row, times) for row in page.uploads],
        numeric_from=9,
        cards=True,
        id="models-uploads-table",
    )


def _upload_cells(row: UploadRow, times: Times) -> list[Child]:
    state: Child = STATE_WORDS[row.state]
    if row.version_id is not None:
        state = link(f"model {row.version_id}", addresses.model_href(row.version_id))
    return [
        html.Span(row.file_label, className="gfo-why"),
        moment(row.created_at_utc, times.zone_without_region),
        row.uploaded_by,
        f"{number(row.size_bytes / 1000, 1)} kB",
        state,
        html.Span(typeset(row.reason or ""), className="gfo-why"),
        html.Code(row.content_sha256[:12], title=row.content_sha256),
    ]


def versions_table(page: ModelsPage, times: Times) -> Component:
    """Versions, newest first, with the figures of their evaluation."""
    if not page.versions:
        return notice("No model yet.", "Train one with gfo train, or upload one.")
    caption, shown = "Versions, newest first", len(page.versions)
    if page.version_count > shown:
        caption += f": {shown} of {number(page.version_count)}, all with gfo model list"
    return data_table(
        caption,
        (
            "Model",
            "Target",
            "State",
            "Evaluation",
            "RMSE",
            "Skill",
            "Bound held",
            "Trained until",
            "By",
            "When",
        ),
        [_version_cells(row, times) for row in page.versions],
        numeric_from=99,
        cards=True,
        download=True,
        id="models-versions-table",
    )


def _version_cells(row: VersionRow, times: Times) -> list[Child]:
    figures, zone = row.figures, times.zone_without_region
    name = f"model {row.version_id} ({row.family}, {row.sha256[:8]})"
    return [
        link(name, addresses.model_href(row.version_id)),
        TARGET_WORDS[row.target],
        html.Span(
            [
                STATE_WORDS[row.state],
                tag("serves") if row.is_active else None,
                tag("signed") if row.is_signed else None,
            ]
        ),
        progress_words(row.progress),
        number(figures.rmse, 2) if figures else MISSING,
        percent(100 * figures.skill_frac, 1) if figures else MISSING,
        percent(100 * figures.coverage_frac, 1) if figures else MISSING,
        moment(row.trained_until_utc, zone),
        row.created_by,
        moment(row.created_at_utc, zone),
    ]


def progress_words(progress: EvaluationProgress | None) -> str:
    """How far an evaluation has come."""
    if progress is None:
        return "not evaluated"
    if progress.state == "running":
        return f"{progress.regions_done} of {progress.regions_total} regions"
    return "done" if progress.state == "done" else "failed"


def history_table(rows: tuple[HistoryRow, ...], times: Times) -> Component:
    """The activation log, newest first; nothing is ever taken out of it."""
    if not rows:
        return notice("No activation yet.", "The first model that serves begins it.")
    return data_table(
        _caption("Activations", rows),
        ("When", "Target", "Model", "By", "Why"),
        [
            [
                moment(row.created_at_utc, times.zone_without_region),
                TARGET_WORDS[row.target],
                link(row.label, addresses.model_href(row.version_id)),
                row.actor_name,
                html.Span(typeset(row.reason), className="gfo-why"),
            ]
            for row in rows
        ],
        numeric_from=99,
        cards=True,
    )
