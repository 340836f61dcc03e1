"""One version: its contract, and its shadow evaluation beside the model that serves."""

from __future__ import annotations

from datetime import datetime

from dash import html
from dash.development.base_component import Component

from orchestrator.decisions.views import NamedValue
from orchestrator.registry.views import EvaluationView, ModelDetail
from pages import addresses
from pages.admin_models.beside_serving import (
    changed_table,
    figures_table,
    figures_words,
)
from pages.admin_models.content import TARGET_WORDS, history_table, progress_words
from pages.admin_models.figures import (
    bounds_chart,
    bounds_summary,
    errors_chart,
    errors_summary,
)
from pages.components import chart, disclosure, facts, link, notice, panel, tag
from pages.times import Times
from pages.words import local_time, typeset

CHART_PX = 300


def version_head(detail: ModelDetail) -> Component:
    """The name of a version and its state in words."""
    words = {
        "candidate": "Accepted by the check; its evaluation decides what comes next.",
        "validated": "It passed its gate, or the gate was overridden; it may serve.",
        "rejected": "Its gate refused it.",
    }
    return html.Header(
        [
            html.H1(
                [
                    f"{TARGET_WORDS[detail.target]}: {detail.label}",
                    tag("serves") if detail.is_active else None,
                ]
            ),
            html.P(words[detail.state], className="gfo-muted"),
        ],
        className="gfo-page-head",
    )


def version_content(detail: ModelDetail, times: Times) -> list[Component | None]:
    """Everything below the actions."""
    return [
        evaluation_panel(detail, times),
        html.Div(
            [
                panel(
                    "Origin",
                    facts([*detail.origin, *_origin_times(detail, times)]),
                    id="model-origin",
                ),
                panel(
                    "Contract",
                    facts(detail.contract),
                    disclosure(
                        "Features, in their order",
                        html.P(", ".join(detail.feature_names), className="gfo-why"),
                    ),
                    id="model-contract",
                ),
            ],
            className="gfo-columns gfo-columns-2",
        ),
        panel(
            f"What served {TARGET_WORDS[detail.target].lower()}",
            history_table(detail.history, times),
            id="model-history",
        ),
    ]


def _origin_times(detail: ModelDetail, times: Times) -> list[NamedValue]:
    def shown(instant: datetime) -> str:
        return local_time(instant, times.zone_without_region)

    window = f"{shown(detail.trained_from_utc)} to {shown(detail.trained_until_utc)}"
    return [
        NamedValue(label="Training window", value=window),
        NamedValue(label="Brought in at", value=shown(detail.created_at_utc)),
    ]


def evaluation_panel(detail: ModelDetail, times: Times) -> Component:
    """The evaluation, as far as it has come."""
    view = detail.evaluation
    if view is None:
        missing = notice("Not evaluated.", "Ask for its evaluation above.")
        return panel("Evaluation", missing, id="model-evaluation")
    zone = times.zone_without_region
    compared = view.compared_label or "no other model"
    return panel(
        f"Evaluation beside {compared}",
        _progress(view),
        _gate(view),
        figures_table(view) if view.regions else None,
        figures_words(view) if view.regions else None,
        changed_table(view.regions) if view.has_bound else None,
        _bounds_figure(view, detail.version_id),
        _errors_figure(view),
        id="model-evaluation",
        hint=f"On stored telemetry from {local_time(view.from_utc, zone)} to"
        f" {local_time(view.until_utc, zone)}, as if each day had been forecast at its"
        " local midnight with what was known then.",
    )


def _progress(view: EvaluationView) -> Component | None:
    progress = view.progress
    if progress.state == "failed":
        return notice("The evaluation failed.", progress.failed_reason, kind="warn")
    if progress.state != "running":
        if not view.is_outdated:
            return None
        return notice(
            "Another model serves by now.",
            "This compares with the one that served then; evaluate again to compare"
            " with the present one.",
        )
    return html.Div(
        [
            html.Progress(
                max=str(progress.regions_total), value=str(progress.regions_done)
            ),
            html.Span(f"Evaluated: {progress_words(progress)}"),
        ],
        className="gfo-actions",
        role="status",
    )


def _gate(view: EvaluationView) -> Component | None:
    if view.gate_passed is None:
        return None
    word = "passed" if view.gate_passed else "refused"
    return html.Div(
        [
            html.P(html.Strong(f"Gate: {word}"), id="model-gate"),
            html.Ul([html.Li(typeset(finding)) for finding in view.findings]),
        ]
    )


def _bounds_figure(view: EvaluationView, version_id: int) -> Component | None:
    if view.bounds is None:
        return None
    shown = view.bounds.region_slug
    return html.Div(
        [
            html.H3(f"Bounds and real maxima, {view.bounds.region_name}"),
            html.P(
                [
                    html.Span(
                        [
                            link(
                                region.name,
                                addresses.model_href(version_id, region.slug),
                            ),
                            " ",
                        ]
                    )
                    for region in view.regions
                    if region.slug != shown
                ],
                className="gfo-pager",
            ),
            chart(
                "model-bounds",
                bounds_chart(view.bounds),
                bounds_summary(view.bounds),
                height_px=CHART_PX,
            ),
        ]
    )


def _errors_figure(view: EvaluationView) -> Component | None:
    if view.errors is None or not view.errors.new:
        return None
    return html.Div(
        [
            html.H3("Error by hour ahead"),
            chart(
                "model-errors",
                errors_chart(view.errors),
                errors_summary(view.errors),
                height_px=CHART_PX,
            ),
        ]
    )
