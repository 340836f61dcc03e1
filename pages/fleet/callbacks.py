"""The Fleet page loads when it opens and then every minute."""

from __future__ import annotations

from datetime import UTC

from dash import Dash, Input, Output
from plotly.io.json import to_json_plotly

from core.access import Permission
from orchestrator.alarms.alarm_lists import alarm_review, standing_alarms
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.freshness import KeptAnswers
from orchestrator.overview.first_page import overview
from orchestrator.overview.frozen_fleet import frozen_fleet
from orchestrator.overview.history import fleet_history
from orchestrator.use_cases import Request
from pages.addresses import Query
from pages.context import PageContext
from pages.fleet.frozen import frozen_headline, frozen_panels
from pages.fleet.layout import fleet_pager, headline, past, shown_of, table
from pages.fleet.overview import overview_panels
from pages.fleet.setup import register_setup
from pages.history.content import history_panels
from pages.region_list import filters_css
from pages.serving import serve
from pages.time_range import compared_days, follow_time, period_of
from pages.times import chosen_times, in_times


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    kept = KeptAnswers(to_json_plotly)

    @serve(
        app,
        context,
        outputs=[
            Output("fleet-status", "children"),
            Output("fleet-table", "children"),
            Output("fleet-pager", "children"),
            Output("fleet-filters", "className"),
            Output("fleet-overview", "children"),
        ],
        inputs=[
            Input("fleet-refresh", "n_intervals"),
            Input("fleet-url", "search"),
        ],
        permission=Permission.VIEW_FLEET,
    )
    def show_fleet(_n_intervals: int | None, search: str | None) -> tuple[object, ...]:
        times = chosen_times()
        question, shown = shown_of(search)
        query = Query.parse(search)
        period = period_of(query, context.runtime.clock().astimezone(UTC).date())
        compare_days = compared_days(query)
        is_frozen = query.one_of("frozen", ["1"], "frozen") is not None
        at_utc = query.instant("at") if is_frozen else None

        def make(request: Request) -> tuple[object, ...]:
            view = fleet_view(request, question)
            n_regions = sum(view.counts.values())
            if period is not None:
                history = fleet_history(
                    request,
                    period.first_day,
                    period.last_day,
                    n_regions=n_regions,
                    compare_days=compare_days,
                )
                return past(history), None, None, "d-none", history_panels(history)
            if is_frozen:
                frozen = frozen_fleet(request, at_utc or request.now)
                past_panels = frozen_panels(frozen, times)
                return frozen_headline(frozen), None, None, "d-none", past_panels
            more = overview(request, n_regions)
            panels = overview_panels(
                view,
                more,
                times,
                alarms=standing_alarms(request),
                review=alarm_review(request).figures,
            )
            return (
                headline(view),
                table(in_times(view, times)),
                fleet_pager(view, question, shown),
                filters_css(is_long=view.part is not None),
                panels,
            )

        with context.request() as request:
            answer: tuple[object, ...] = kept.get(
                request,
                (times, question, period, compare_days, is_frozen, at_utc),
                make,
            )
        return answer

    follow_time(
        app,
        "fleet",
        ["span", "from", "to", "compare"],
        others=["fleet-find", "fleet-verdict"],
        refresh="fleet-refresh",
    )
    register_setup(app, context)
