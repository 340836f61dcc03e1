"""One version: its contract, and its shadow evaluation beside the model that serves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dash import html
from dash.development.base_component import Component

from core.model_gate import ModelFigures
from orchestrator.model_views import ComparedRegion, EvaluationView, ModelDetail
from orchestrator.views import NamedValue
from pages import addresses
from pages.admin_models.content import TARGET_WORDS, history_table, progress_words
from pages.admin_models.figures import (
    bounds_chart,
    bounds_summary,
    errors_chart,
    errors_summary,
)
from pages.components import (
    Child,
    chart,
    data_table,
    disclosure,
    facts,
    link,
    notice,
    panel,
    tag,
)
from pages.theme import MISSING, celsius, number
from pages.times import Times
from pages.words import day_name, local_time, percent, typeset

CHART_PX = 300
MOST_CHANGED_SHOWN = 100


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
        panel(
            "Contract",
            facts([*detail.contract, *_contract_times(detail, times)]),
            disclosure(
                "Features, in their order",
                html.P(", ".join(detail.feature_names), className="gfo-why"),
            ),
            id="model-contract",
        ),
        panel(
            f"What served {TARGET_WORDS[detail.target].lower()}",
            history_table(detail.history, times),
            id="model-history",
        ),
    ]


def _contract_times(detail: ModelDetail, times: Times) -> list[NamedValue]:
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
        text = (
            "Ask for its evaluation above." if detail.can_serve else "It cannot serve."
        )
        return panel(
            "Evaluation", notice("Not evaluated.", text), id="model-evaluation"
        )
    zone = times.zone_without_region
    compared = view.compared_label or "no other model"
    return panel(
        f"Evaluation beside {compared}",
        _progress(view),
        _gate(view),
        _figures_table(view) if view.regions else None,
        _changed_table(view.regions) if view.has_bound else None,
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


def _figures_table(view: EvaluationView) -> Component:
    rows = [*view.regions, *([view.pooled] if view.pooled else [])]
    head = ["Region", "RMSE", "Skill"]
    if view.has_bound:
        head += [
            "Days judged",
            "Bound held",
            "Margin",
            "Unsafe approvals",
            "Safe blocked",
        ]
    return data_table(
        "This model beside the one that serves, by region",
        tuple(head),
        [_figure_cells(row, has_bound=view.has_bound) for row in rows],
        cards=True,
        download=True,
        id="model-figures",
    )


def _figure_cells(row: ComparedRegion, *, has_bound: bool) -> list[Child]:
    new, active = row.new, row.active
    cells: list[Child] = [
        row.name,
        _beside(number(new.rmse, 2), number(active.rmse, 2) if active else None),
        _beside(_share(new.skill_frac), _share(active.skill_frac) if active else None),
    ]
    if not has_bound:
        return cells
    return [
        *cells,
        _beside(str(new.bound_days), str(active.bound_days) if active else None),
        _beside(
            _share(new.coverage_frac), _share(active.coverage_frac) if active else None
        ),
        _beside(
            celsius(new.mean_margin_c),
            celsius(active.mean_margin_c) if active else None,
        ),
        _beside(_unsafe(new), _unsafe(active) if active else None),
        _beside(_blocked(new), _blocked(active) if active else None),
    ]


def _beside(new: str, active: str | None) -> Component:
    return html.Span(
        [
            html.Strong(new),
            html.Span(
                f" / {MISSING if active is None else active}", className="gfo-muted"
            ),
        ],
        title="this model / the model that serves",
    )


def _share(value_frac: float) -> str:
    return percent(100 * value_frac, 1)


def _unsafe(figures: ModelFigures) -> str:
    return f"{figures.approved_exceedance_days} of {figures.exceedance_days}"


def _blocked(figures: ModelFigures) -> str:
    return f"{figures.blocked_safe_days} of {figures.safe_days}"


def _changed_table(regions: Sequence[ComparedRegion]) -> Component:
    """Verdicts that would have turned; blocked to approved first."""
    changed = sorted(
        ((region.name, change) for region in regions for change in region.changed),
        key=lambda item: (not item[1].becomes_approved, -item[1].local_day.toordinal()),
    )
    if not changed:
        return notice(
            "No decision would change.",
            "On every judged day both models lead to the same verdict.",
        )
    rows: list[list[Child]] = [
        [
            "BLOCKED → APPROVED" if change.becomes_approved else "APPROVED → BLOCKED",
            day_name(change.local_day),
            name,
            celsius(change.active_bound_c),
            celsius(change.new_bound_c),
            celsius(change.day_max_c),
        ]
        for name, change in changed[:MOST_CHANGED_SHOWN]
    ]
    opened = sum(change.becomes_approved for _, change in changed)
    return html.Div(
        [
            html.H3("Decisions that would change"),
            html.P(
                f"{opened} from blocked to approved, {len(changed) - opened} from"
                " approved to blocked.",
                id="model-changed-count",
            ),
            data_table(
                "Decisions that would change",
                (
                    "Change",
                    "Day",
                    "Region",
                    "Bound of the model that serves",
                    "Bound of this model",
                    "What it became",
                ),
                rows,
                numeric_from=3,
                cards=True,
                download=True,
                id="model-changed-days",
            ),
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
