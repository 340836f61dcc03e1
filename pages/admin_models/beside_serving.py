"""A model beside the one that serves: figures by region, verdicts that would change."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from core.model_gate import ModelFigures
from orchestrator.decisions.views import NamedValue
from orchestrator.registry.views import ComparedRegion, EvaluationView
from pages.components import Child, data_table, disclosure, facts, notice
from pages.theme import MISSING, celsius, number
from pages.words import day_name, percent

MOST_CHANGED_SHOWN = 100
FIRST_CHANGED_SHOWN = 10


def figures_words(view: EvaluationView) -> Component:
    """What the table's headings mean."""
    meanings = [
        ("a / b", "Of this model / of the model that serves."),
        (
            "RMSE",
            "Root mean squared error of the hourly forecast, in the target's unit.",
        ),
        ("Skill", "How much smaller it is than that of yesterday's values."),
    ]
    if view.has_bound:
        meanings += [
            ("Windows judged", "A day counts once for each of its hours of issue."),
            ("Bound held", "Days whose maximum stayed within the bound."),
            ("Margin", "Bound minus the day's maximum, on average."),
            ("Unsafe approvals", "Approved, of the days that exceeded the limit."),
            ("Safe blocked", "Blocked, of the days that stayed within the limit."),
        ]
    words = [NamedValue(label=label, value=value) for label, value in meanings]
    return disclosure("What these figures mean", facts(words))


def figures_table(view: EvaluationView) -> Component:
    rows = [*view.regions, *([view.pooled] if view.pooled else [])]
    head = ["Region", "RMSE", "Skill"]
    if view.has_bound:
        head += [
            "Windows judged",
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
        _beside(number(new.bound_days), number(active.bound_days) if active else None),
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
    of = number(figures.exceedance_days)
    return f"{number(figures.approved_exceedance_days)} of {of}"


def _blocked(figures: ModelFigures) -> str:
    return f"{number(figures.blocked_safe_days)} of {number(figures.safe_days)}"


def changed_table(regions: Sequence[ComparedRegion]) -> Component:
    """Verdicts that would have turned; blocked to approved first."""
    changed = sorted(
        ((region.name, change) for region in regions for change in region.changed),
        key=lambda item: (not item[1].becomes_approved, -item[1].local_day.toordinal()),
    )
    if not changed:
        return notice(
            "No decision would change.",
            "At every judged midnight both models lead to the same verdict.",
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
            *_changed_days(rows, len(changed)),
        ]
    )


def _changed_days(
    rows: Sequence[Sequence[Child]], n_changed: int
) -> list[Component | None]:
    """The first of them; the others for those who ask."""

    def table(
        shown: Sequence[Sequence[Child]],
        *,
        id: str,  # noqa: A002
        download: bool,
    ) -> Component:
        return data_table(
            "Decisions that would change",
            (
                "Change",
                "Day",
                "Region",
                "Bound of the model that serves",
                "Bound of this model",
                "What it became",
            ),
            shown,
            numeric_from=3,
            cards=True,
            download=download,
            id=id,
        )

    if len(rows) <= FIRST_CHANGED_SHOWN:
        return [table(rows, id="model-changed-days", download=True)]
    said = f"All {n_changed}"
    if n_changed > len(rows):
        said = f"The first {len(rows)} of {n_changed}"
    return [
        table(
            rows[:FIRST_CHANGED_SHOWN], id="model-changed-first-days", download=False
        ),
        disclosure(said, table(rows, id="model-changed-days", download=True)),
    ]
