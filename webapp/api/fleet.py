"""Endpoints of the fleet and its forecasts."""

from __future__ import annotations

from datetime import date, datetime

from core.access import Permission
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import FleetQuestion, fleet_view
from orchestrator.forecasts.quality_page import quality_view
from orchestrator.forecasts.views import (
    FleetView,
    ForecastDayView,
    QualityView,
)
from orchestrator.use_cases import Request
from orchestrator.windows.views import Ground
from webapp.api.endpoints import Api, Slug


def add_fleet(api: Api) -> None:
    """The fleet as it is now, and the forecasts of each region."""

    @api.get("/fleet", Permission.VIEW_FLEET)
    def get_fleet(asked: Request, question: FleetQuestion) -> FleetView:
        """Active regions with their verdicts; a long fleet comes in pages."""
        return fleet_view(asked, question)

    @api.get("/forecasts/<region_slug>", Permission.VIEW_FLEET)
    def get_forecast(
        asked: Request,
        region_slug: Slug,
        local_day: date | None = None,
        issued_at_utc: datetime | None = None,
        ground: Ground = Ground.NOW,
    ) -> ForecastDayView:
        """Forecast, bound and verdict of a day; of the next 24 hours without one."""
        return day_view(
            asked,
            region_slug=region_slug,
            local_day=local_day,
            issued_at_utc=issued_at_utc,
            ground=ground,
        )

    @api.get("/forecasts/<region_slug>/quality", Permission.VIEW_FLEET)
    def get_forecast_quality(
        asked: Request, region_slug: Slug, local_day: date | None = None
    ) -> QualityView:
        """How good the forecasts of a region were before a day, or until now."""
        return quality_view(asked, region_slug=region_slug, local_day=local_day)
