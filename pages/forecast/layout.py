"""The Forecast page's tree: the sentence first, then the evidence."""

from __future__ import annotations

from datetime import datetime

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from orchestrator.decisions.views import NamedValue
from orchestrator.forecasts.views import WORTH_DAYS, ForecastDayView
from orchestrator.telemetry.suspect_hours import LONGEST_REASON
from orchestrator.windows.views import Ground
from pages import addresses
from pages.attributes import aria
from pages.components import (
    chart,
    data_table,
    disclosure,
    facts,
    field,
    graph_config,
    link,
    notice,
    page_head,
    panel,
    risk_mark,
    simulation_tag,
    skeleton,
    synthetic_tag,
    verdict_badge,
)
from pages.forecast.figures import (
    Beside,
    day_maximum_dots,
    dots_summary,
    forecast_band,
    padded,
    risk_blocked_hours,
)
from pages.forecast_quality.content import run_worth_text
from pages.history.content import mark_list
from pages.refreshing import late_notice, older_issue, refresh
from pages.region_picker import region_field
from pages.standing import (
    AS_LOAD_IS_NOW,
    WITH_RECORDED,
    ground_line,
    standing_list,
)
from pages.theme import celsius, local_labels, number, thermal_limit_label, zone_label
from pages.time_range import day_field
from pages.words import (
    age,
    allowed,
    bound,
    degrees,
    local_time,
    percent,
    probability,
    typeset,
    window_name,
)


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="forecast-url", refresh=False),
            dcc.Store(id="forecast-shown"),
            refresh("forecast"),
            page_head(
                "Forecast",
                "How likely is it that the day exceeds the limit?",
                html.Div(id="forecast-as-of"),
            ),
            html.Div(
                [
                    region_field("Region", "forecast-region"),
                    day_field("forecast", compare=True, freezes=True),
                    field("Issued", dbc.Select(id="forecast-issue", options=[])),
                ],
                className="gfo-controls",
            ),
            html.Div([skeleton(64), skeleton(1380)], id="forecast-panel"),
            _accept_form(),
            # Brings the drawing library while the server still computes.
            html.Div(
                dcc.Graph(id="forecast-warm-up", config=graph_config()),
                className="d-none",
                hidden=True,
            ),
        ]
    )


def _accept_form() -> Component:
    """Shown to who may decide, beside suspect hours."""
    return panel(
        "Accept the suspect hours",
        html.Div(
            [
                field(
                    "Why are the values right?",
                    dbc.Input(
                        id="forecast-accept-reason",
                        type="text",
                        maxlength=LONGEST_REASON,
                    ),
                ),
                dbc.Button(
                    "Accept",
                    id="forecast-accept",
                    color="primary",
                    class_name="gfo-decides",
                ),
            ],
            className="gfo-controls",
        ),
        html.Div(id="forecast-accept-status", **aria(live="polite")),
        id="forecast-accept-panel",
        hint="They count as good until they are imported again. The next issue uses"
        " them. The reason is kept with your name.",
        hidden=True,
    )


def issue_options(view: ForecastDayView) -> list[dict[str, str]]:
    """Issues to choose from, in the time that is shown; the shown one is among them."""
    zone = view.region.time_zone
    issues = {view.window_start_utc, *view.issues_utc}
    return [
        {
            "label": local_time(issue, zone) + _issue_note(view, issue),
            "value": addresses.instant_text(issue),
        }
        for issue in sorted(issues, reverse=True)
    ]


def _issue_note(view: ForecastDayView, issue_utc: datetime) -> str:
    if issue_utc not in view.issues_utc:
        return ", not stored"
    if view.local_day is None and issue_utc == view.issues_utc[0]:
        return ", newest"
    return ""


def shown_window(view: ForecastDayView) -> str:
    """The window that is shown: a day, or the 24 hours from an issue."""
    day = view.local_day if view.is_usual_issue else None
    return window_name(day, view.window_start_utc, view.region.time_zone)


def sentence(view: ForecastDayView) -> Component:
    """What the page says, before any chart."""
    return html.P(
        [
            html.Span(sentence_text(view) + " → "),
            verdict_badge(view.verdict),
            simulation_tag(is_simulated=view.is_simulation),
            synthetic_tag(view.region),
        ],
        id="forecast-sentence",
        className="gfo-sentence",
    )


def sentence_text(view: ForecastDayView) -> str:
    """The chance of exceeding the limit, in words and as a number."""
    is_day = view.local_day is not None and view.is_usual_issue
    when = f"{'on' if is_day else 'in the'} {shown_window(view)}"
    words = ground_words(view)
    when = f"{when}, {words[0].lower()}{words[1:]}" if words else when
    name, limit = view.region.name, degrees(view.thermal_limit_c)
    if view.exceedance_probability is None:
        return (
            f"Whether {name} exceeds {limit} {when}{',' * bool(words)} cannot be said"
        )
    chance = probability(view.exceedance_probability, view.allowed_probability)
    return (
        f"Chance that {name} exceeds {limit} {when}: {chance}"
        f" (allowed {allowed(view.allowed_probability)})"
    )


def frequency_text(view: ForecastDayView) -> str | None:
    """The chance as a count of past days."""
    if view.exceedance_probability is None:
        return None
    days = round(100 * view.exceedance_probability)
    counted = "fewer than 1" if days == 0 else f"about {days}"
    return (
        f"In {counted} of 100 past days the forecast was exceeded by as much as would"
        " take this day over its limit."
    )


def content(
    view: ForecastDayView, beside: Beside | None = None
) -> list[Component | None]:
    """Everything below the controls."""
    has_forecast = any(value is not None for value in view.mean_c)
    newest = addresses.forecast_href(
        view.region.slug, issued_at_utc=view.newer_issue_utc
    )
    older = older_issue(
        view.window_start_utc, view.newer_issue_utc, view.region.time_zone, newest
    )
    return [
        *([older] if older else []),
        _verdict_block(view),
        _notice(view),
        _suspect_notice(view),
        late_notice(view.late_text),
        _revised_notice(view),
        _chart_panel(view, beside) if has_forecast or view.history_c else None,
        html.Div(
            [
                _dots_panel(view) if view.day_max_dots_c else None,
                _quality_panel(),
                _facts_panel(view),
            ],
            className="gfo-columns",
        ),
    ]


def _verdict_block(view: ForecastDayView) -> Component:
    frequency = frequency_text(view)
    return html.Div(
        [
            sentence(view),
            html.P(frequency, className="gfo-muted") if frequency else None,
            *_grounds(view),
            html.P(
                [
                    typeset(view.verdict.reason_text),
                    " Risk ",
                    risk_mark(view.verdict.risk_level),
                    ". ",
                    typeset(" ".join(view.verdict.recommendations)),
                    " ",
                    link(
                        "Try a shift",
                        addresses.what_if_href(
                            view.region.slug,
                            None,
                            view.local_day,
                            issued_at_utc=view.issued_at_utc,
                        ),
                    ),
                ]
            ),
        ],
        className="gfo-card gfo-verdict-block",
        **aria(live="polite"),
    )


def _grounds(view: ForecastDayView) -> list[Component]:
    """Both verdicts side by side, where what is recorded is not all in effect."""
    if view.recorded is None:
        return []
    sides = (
        (Ground.NOW, AS_LOAD_IS_NOW, view.now),
        (Ground.RECORDED, WITH_RECORDED, view.recorded.bounded),
    )
    return [
        html.Div(
            [
                ground_line(
                    words,
                    side.verdict,
                    f" bound {bound(side.day_bound_c)} ",
                    "(shown)"
                    if ground is view.ground
                    else link("Show it", _ground_href(view, ground), label=words),
                )
                for ground, words, side in sides
            ],
            className="gfo-grounds",
            id="forecast-grounds",
        ),
        html.P(
            ["Recorded: ", *standing_list(view.recorded.decisions), "."],
            className="gfo-muted",
        ),
    ]


def _ground_href(view: ForecastDayView, ground: Ground) -> str:
    issued = view.issued_at_utc
    return addresses.with_query(
        addresses.FORECAST,
        {
            "region": view.region.slug,
            "issued": addresses.instant_text(issued) if issued else None,
            "ground": ground.value if ground is Ground.RECORDED else None,
        },
    )


def ground_words(view: ForecastDayView) -> str:
    """What curve, range, bound and dots stand on, where there are two grounds."""
    if view.recorded is None:
        return ""
    return AS_LOAD_IS_NOW if view.ground is Ground.NOW else WITH_RECORDED


def _notice(view: ForecastDayView) -> Component | None:
    if view.notice is None:
        return None
    return notice("No forecast to draw", typeset(view.notice), kind="warn")


def _suspect_notice(view: ForecastDayView) -> Component | None:
    if view.suspect_text is None:
        return None
    text = f"Not used by models, scores or bounds: {view.suspect_text}."
    return notice("Suspect temperature", typeset(text), kind="warn")


def _revised_notice(view: ForecastDayView) -> Component | None:
    if view.revised_text is None:
        return None
    text = f"Of this forecast and what is measured: {view.revised_text}."
    return notice("Telemetry changed since", typeset(text))


def chart_summary(view: ForecastDayView) -> str:
    """The chart in words."""
    means = [value for value in view.mean_c if value is not None]
    parts = [] if means else ["No forecast for this window."]
    if means:
        parts.append(
            f"Forecast mean from {celsius(min(means))} to {celsius(max(means))}."
        )
    if view.day_bound_c is not None:
        parts.append(f"Bound on the day’s maximum {bound(view.day_bound_c)}.")
    parts.append(f"{thermal_limit_label(view.thermal_limit_c)}.")
    if view.actual_max_c is not None:
        parts.append(f"Measured maximum {celsius(view.actual_max_c)}.")
    hours = len(risk_blocked_hours(view))
    if hours:
        parts.append(
            f"Risk-blocked: {hours} h, whose mean is within the limit while their range"
            " is not."
        )
    return " ".join(parts)


def caption(view: ForecastDayView) -> str:
    """What a figure of this page rests on, for whoever gets it without the page."""
    zone = view.region.time_zone
    issued = (
        f"issued {local_time(view.issued_at_utc, zone)}"
        if view.issued_at_utc
        else "no forecast"
    )
    kind = "simulation" if view.is_simulation else "live"
    words = ground_words(view)
    ground = f" {words}." if words else ""
    return (
        f"{view.region.name}, {shown_window(view)} ({kind}): {issued},"
        f" {view.model_label or 'no model'}; as of {local_time(view.as_of_utc, zone)};"
        f" times in {zone_label(view.hours_utc, zone)}.{ground}"
    )


def _dots_table(view: ForecastDayView) -> Component:
    total = len(view.day_max_dots_c)
    return data_table(
        "Equally likely values of the day’s maximum",
        ("Share of days at or below", "Maximum of the day, °C"),
        [
            [percent(100 * (rank + 0.5) / total, 1), number(value_c, 1)]
            for rank, value_c in enumerate(view.day_max_dots_c)
        ],
        id="forecast-dots-table",
    )


def _chart_panel(view: ForecastDayView, beside: Beside | None) -> Component:
    return panel(
        f"Temperature of {view.region.name}",
        chart(
            "forecast-chart",
            forecast_band(view, beside),
            chart_summary(view),
            height_px=400,
            caption=caption(view),
        ),
        disclosure("The numbers of this chart", _hours_table(view)),
        mark_list(beside.marks, view.region.time_zone) if beside else None,
        id="forecast-hours",
    )


def _hours_table(view: ForecastDayView) -> Component:
    count = len(view.hours_utc)
    columns = [view.mean_c, view.lower_c, view.upper_c, view.actual_c]
    names = ["Mean, °C", "Lower, °C", "Upper, °C", "Measured, °C"]
    if view.run is not None:
        columns.append(view.run.raw_c)
        names.append("Weather forecast, °C")
    series = [padded(values, count) for values in columns]
    labels = local_labels(view.hours_utc, view.region.time_zone)
    return data_table(
        "Forecast by hour, °C",
        (
            f"Hour ({zone_label(view.hours_utc, view.region.time_zone)})",
            *names,
        ),
        [
            [label, *(number(values[hour], 1) for values in series)]
            for hour, label in enumerate(labels)
        ],
    )


def _dots_panel(view: ForecastDayView) -> Component:
    return panel(
        "Maximum of the day",
        chart(
            "forecast-dots",
            day_maximum_dots(view),
            dots_summary(view),
            height_px=280,
            caption=caption(view),
        ),
        disclosure("The numbers of this chart", _dots_table(view)),
        id="forecast-maximum",
    )


def _quality_panel() -> Component:
    """Filled by a callback of its own: the verdict does not wait for it."""
    return panel(
        "How good the bound has been",
        html.Div(skeleton(600), id="forecast-quality-content"),
        id="forecast-quality",
    )


def _facts_panel(view: ForecastDayView) -> Component:
    zone = view.region.time_zone
    values = [
        ("Window", _window_text(view)),
        (
            "Issued",
            local_time(view.issued_at_utc, zone) if view.issued_at_utc else None,
        ),
        ("Model", view.model_label),
        ("Days that calibrate the bound", _count(view.score_count)),
        ("Tracking offset", _offset(view.tracking_offset)),
        ("Telemetry known until", _watermark(view)),
        ("Beside telemetry", view.run.mode if view.run else None),
        ("Newest weather forecast used", _run_issue(view)),
        (
            f"Errors of the last {WORTH_DAYS} days",
            view.run and run_worth_text(view.run.worth),
        ),
        ("Times shown in", zone),
    ]
    return panel(
        "What this rests on",
        facts([NamedValue(label=name, value=text) for name, text in values if text]),
        html.P(
            "Temperature stands for the air at the inlet under free cooling (assumed).",
            className="gfo-muted gfo-hint",
        ),
        id="forecast-facts",
    )


def _window_text(view: ForecastDayView) -> str:
    if not view.is_usual_issue:
        return f"{shown_window(view)} (simulation of a past issue)"
    kind = "live" if view.local_day is None else "simulation of a past day"
    return f"{shown_window(view)} ({kind})"


def _count(count: int | None) -> str | None:
    return None if count is None else number(count)


def _offset(offset: float | None) -> str | None:
    return None if offset is None else f"{number(offset, 2)} scales"


def _run_issue(view: ForecastDayView) -> str | None:
    run = view.run
    if run is None or run.issued_at_utc is None or run.age_h is None:
        return None
    text = local_time(run.issued_at_utc, view.region.time_zone)
    return f"{text}, {age(run.age_h)} before the issue"


def _watermark(view: ForecastDayView) -> str | None:
    known_until = view.telemetry_watermark_utc
    if known_until is None:
        return None
    text = local_time(known_until, view.region.time_zone)
    if view.is_simulation:
        return text
    hours = (view.as_of_utc - known_until).total_seconds() / 3600
    return f"{text}, {age(max(hours, 0.0))} ago"
