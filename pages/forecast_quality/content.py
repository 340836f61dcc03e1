"""What is said of forecasts that have been: a region's panel, the fleet's table."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from orchestrator.forecasts.views import (
    WORTH_DAYS,
    FleetQualityView,
    QualityRow,
    QualityView,
    RunWorth,
)
from pages import addresses
from pages.components import (
    chart,
    data_table,
    disclosure,
    link,
    named,
    notice,
    panel,
    synthetic_tag,
)
from pages.forecast_quality.figures import (
    OVER_TIME,
    bin_label,
    coverage_chart,
    coverage_summary,
    over_time_chart,
    over_time_summary,
    pooled_bins,
    reliability_chart,
    reliability_summary,
    steps_of,
)
from pages.theme import MISSING, celsius, number
from pages.time_range import Period
from pages.words import day_name, degrees, percent, typeset

_CHART_PX, _CHART_FRAME_PX, _REGION_PX = 380, 140, 26

DRIFT_TITLE = "Coverage is drifting"
OTHER_PAGES = (
    " Alarms above are of the regions of this page; those of models that lost their"
    " coverage anywhere are on the Alarms page."
)


def quality_content(view: QualityView) -> list[Component | None]:
    """How good the bound of a region has been, and whether its chances came true."""
    confidence = percent(100 * view.confidence_frac)
    promise = f": one that keeps its promise holds on about {confidence} of days."
    return [
        html.P(
            [named("Coverage"), promise],
            className="gfo-muted gfo-hint",
        ),
        drift_notice(view),
        data_table(
            "How often the day’s maximum stayed within its bound",
            (
                "Before this window",
                "Days scored",
                "Within the bound",
                "Mean room left",
                "Mean width of the range",
            ),
            [[f"last {row.days} days", *_cells(row)] for row in view.rows],
            id="forecast-coverage",
            cards=True,
        ),
        _run_worth(view),
        _rescored(view),
        *_reliability(view),
    ]


def run_worth_text(worth: RunWorth | None) -> str | None:
    """What weather forecasts have been worth, in one sentence; None when unknown."""
    if worth is None:
        return None
    parts = [
        f"{number(worth.rmse_c, 2)} °C with weather forecasts",
        f"{number(worth.rmse_without_c, 2)} °C without",
    ]
    if worth.rmse_raw_c is not None:
        parts.append(f"{number(worth.rmse_raw_c, 2)} °C by the weather forecast alone")
    return f"{', '.join(parts)} (RMSE, {number(worth.n_days)} days from midnight)"


def _run_worth(view: QualityView) -> Component | None:
    text = run_worth_text(view.run_worth)
    if text is None:
        return None
    return html.P(f"Error of the last {WORTH_DAYS} days: {text}.")


def _rescored(view: QualityView) -> Component | None:
    """That telemetry of scored days was replaced: these figures changed."""
    if not view.rescored_days:
        return None
    n_days = view.rescored_days
    which = "1 day was" if n_days == 1 else f"{number(n_days)} days were"
    return html.P(
        f"Telemetry changed since: {which} scored again after the window had ended."
    )


def drift_notice(view: QualityView) -> Component | None:
    """An alarm when the bound holds too seldom for it to be chance."""
    if view.alarm is not None:
        return notice("Model lost its coverage", typeset(view.alarm), kind="alarm")
    if not view.is_drifting:
        return None
    return notice(
        DRIFT_TITLE,
        f"The bound of {view.region.name} has held less often than chance explains."
        " Look at its telemetry for a changed sensor, and consider training anew.",
        kind="alarm",
    )


def _reliability(view: QualityView) -> list[Component]:
    if not view.bins:
        return [
            html.P(
                "No chance of exceeding the limit has been stated for a day that has"
                " ended; this fills as days are scored.",
                className="gfo-muted gfo-hint",
            )
        ]
    return [
        chart(
            "forecast-reliability",
            reliability_chart(view.bins),
            reliability_summary(view.bins, degrees(view.thermal_limit_c)),
            height_px=280,
        ),
        disclosure(
            "When we said …, it happened …",
            data_table(
                "Stated chances and what came of them",
                (
                    f"Chance of exceeding {degrees(view.thermal_limit_c)}",
                    "Days",
                    "Stated on average",
                    "Happened",
                ),
                [
                    [
                        bin_label(item),
                        number(item.n_days),
                        percent(100 * item.mean_probability, 1),
                        f"{item.exceeded_days} of {item.n_days} times",
                    ]
                    for item in view.bins
                ],
            ),
        ),
    ]


def _cells(row: QualityRow) -> list[Component | str | None]:
    return [
        number(row.scored_days),
        percent(None if row.coverage_frac is None else 100 * row.coverage_frac, 1),
        celsius(row.mean_margin_c),
        celsius(row.mean_width_c),
    ]


def fleet_content(
    view: FleetQualityView, period: Period | None = None
) -> list[Component | None]:
    """A row per region, and the alarms above it."""
    rows = view.regions[0].rows if view.regions else ()
    spans = (
        [f"last {row.days} days" for row in rows]
        if period is None
        else [f"{day_name(period.first_day)} to {day_name(period.last_day)}"]
    )
    return [
        *(drift_notice(region) for region in view.regions),
        panel(
            "Every region",
            data_table(
                "How often each region’s maximum stayed within its bound",
                (
                    "Region",
                    *(f"Within, {span}" for span in spans),
                    "Days scored",
                    "Mean room left",
                    "Mean width of the range",
                    "Days over the limit, of chances over 5 %",
                ),
                [_fleet_cells(region) for region in view.regions],
                id="quality-regions",
                cards=True,
            ),
            id="quality-fleet",
            hint="Room and width over the longest span. A bound holds on about the"
            " share of days that its confidence names."
            + ("" if view.part.is_whole else OTHER_PAGES),
        ),
        _fleet_charts(view.regions, spans),
        _over_time(view),
    ]


def _fleet_charts(
    views: Sequence[QualityView], spans: Sequence[str]
) -> Component | None:
    """The table as two pictures, once a day has been scored."""
    if not any(row.scored_days for view in views for row in view.rows):
        return None
    bins = pooled_bins(views)
    height_px = max(_CHART_PX, _CHART_FRAME_PX + _REGION_PX * len(views))
    return html.Div(
        [
            panel(
                "How often each bound held",
                chart(
                    "quality-held",
                    coverage_chart(views, spans),
                    coverage_summary(views),
                    height_px=height_px,
                ),
                id="quality-held-panel",
            ),
            panel(
                "Did stated chances come true?",
                chart(
                    "quality-reliability",
                    reliability_chart(bins),
                    reliability_summary(bins, "a limit"),
                    height_px=height_px,
                ),
                id="quality-reliability-panel",
            )
            if bins
            else None,
        ],
        className="gfo-columns gfo-columns-2",
    )


def _over_time(view: FleetQualityView) -> Component | None:
    """Coverage and error of the period, by week or by month, on one axis of time."""
    steps = steps_of(view)
    if not steps:
        return None
    charts = [
        html.Section(
            [
                html.H3(f"{name}, {unit}"),
                chart(
                    f"quality-{measure}",
                    over_time_chart(view, measure),
                    over_time_summary(view, measure),
                    height_px=260,
                    caption="Scored days from local midnight, of these"
                    f" {len(view.regions)} regions.",
                ),
            ]
        )
        for measure, (name, unit, _) in OVER_TIME.items()
    ]
    return panel(
        "Over time",
        html.Div(charts, className="gfo-history"),
        disclosure(
            "The numbers of these charts",
            data_table(
                "Coverage and error over time",
                ("From", "Region", "Days", "Within the bound", "Error of the maximum"),
                [
                    [
                        day_name(step.first_day),
                        region.region.name,
                        number(step.scored_days),
                        percent(100 * step.coverage_frac, 1),
                        celsius(step.mean_error_c),
                    ]
                    for region in view.regions
                    for step in region.steps
                ],
                numeric_from=2,
                id="quality-steps",
                download=True,
            ),
        ),
        id="quality-over-time",
        hint="By week up to three months, by month beyond: choose the period above. A"
        " week has seven days at most, so one day outside is 86 %.",
    )


def _fleet_cells(view: QualityView) -> list[Component | str | None]:
    longest = max(view.rows, key=lambda row: row.days)
    likely = [item for item in view.bins if item.low >= 0.05]
    stated = sum(item.n_days * item.mean_probability for item in likely)
    happened = sum(item.exceeded_days for item in likely)
    return [
        html.Span(
            [
                link(view.region.name, addresses.forecast_href(view.region.slug)),
                synthetic_tag(view.region),
            ]
        ),
        *(
            percent(None if row.coverage_frac is None else 100 * row.coverage_frac, 1)
            for row in view.rows
        ),
        *_cells(longest)[:1],
        *_cells(longest)[2:],
        f"{number(stated)} stated, {number(happened)} came" if likely else MISSING,
    ]
