"""Endpoints of the fleet and its forecasts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from core.access import Permission
from orchestrator.forecasts.day_page import day_view
from orchestrator.forecasts.fleet import FleetQuestion, fleet_view
from orchestrator.forecasts.limit_effects import LimitEffect, limit_effect
from orchestrator.forecasts.quality_page import fleet_quality_view, quality_view
from orchestrator.forecasts.views import (
    FleetQualityView,
    FleetView,
    ForecastDayView,
    QualityView,
)
from orchestrator.overview.first_page import overview
from orchestrator.overview.frozen_fleet import FrozenFleet, frozen_fleet
from orchestrator.overview.history import fleet_history, region_history
from orchestrator.overview.region_page import RegionPage, region_page
from orchestrator.overview.search import Found, search
from orchestrator.overview.views import HistoryView, OverviewView
from orchestrator.regions.region_choice import RegionScope, search_regions
from orchestrator.regions.views import RegionChoices
from orchestrator.use_cases import Request
from orchestrator.windows.views import Ground
from webapp.api.endpoints import Api, Slug

AskedLimitC = Annotated[float, Field(ge=-60.0, le=100.0)]
CompareDays = Annotated[int, Field(ge=1, le=366)]
SearchWords = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


def add_fleet(api: Api) -> None:
    """The fleet as it is now, and the forecasts of each region."""
    _add_overviews(api)

    @api.get("/fleet", Permission.VIEW_FLEET, is_kept=True)
    def get_fleet(asked: Request, question: FleetQuestion) -> FleetView:
        """Active regions with their verdicts; a long fleet comes in pages."""
        return fleet_view(asked, question)

    @api.get("/forecasts/<region_slug>", Permission.VIEW_FLEET, is_kept=True)
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

    @api.get("/forecast-quality", Permission.VIEW_FLEET)
    def get_fleet_quality(asked: Request) -> FleetQualityView:
        """How good the forecasts of every region were until now."""
        return fleet_quality_view(asked)


def _add_overviews(api: Api) -> None:
    @api.get("/overview", Permission.VIEW_FLEET)
    def get_overview(asked: Request) -> OverviewView:
        """Load, carbon, water and cost of the fleet, newest decisions, feeds."""
        return overview(asked, _n_regions(asked))

    @api.get("/fleet/frozen", Permission.VIEW_FLEET)
    def get_frozen_fleet(asked: Request, at_utc: datetime) -> FrozenFleet:
        """Verdicts, alarms and recorded decisions as they were stored at an instant."""
        return frozen_fleet(asked, at_utc)

    @api.get("/fleet/limit-effect", Permission.MANAGE_POLICY)
    def get_limit_effect(
        asked: Request, limit_c: AskedLimitC, region_slug: Slug | None = None
    ) -> LimitEffect:
        """Whom another thermal limit would block or free, by the newest verdicts."""
        return limit_effect(asked, region_slug, limit_c)

    @api.get("/history", Permission.VIEW_FLEET)
    def get_fleet_history(
        asked: Request,
        first_day: date,
        last_day: date,
        compare_days: CompareDays | None = None,
    ) -> HistoryView:
        """What the fleet measured in a period of UTC days, and as many days before."""
        return fleet_history(
            asked,
            first_day,
            last_day,
            n_regions=_n_regions(asked),
            compare_days=compare_days,
        )

    @api.get("/regions/<region_slug>/history", Permission.VIEW_FLEET)
    def get_region_history(
        asked: Request,
        region_slug: Slug,
        first_day: date,
        last_day: date,
        compare_days: CompareDays | None = None,
    ) -> HistoryView:
        """What a region measured in a period of its days, with bounds and decisions."""
        return region_history(
            asked, region_slug, first_day, last_day, compare_days=compare_days
        )

    @api.get("/regions/<region_slug>/overview", Permission.VIEW_FLEET)
    def get_region_overview(asked: Request, region_slug: Slug) -> RegionPage:
        """A region's verdict, facts, limits and newest decisions."""
        return region_page(asked, region_slug)

    @api.get("/search", Permission.VIEW_FLEET)
    def find_anything(asked: Request, words: SearchWords) -> tuple[Found, ...]:
        """Regions, decisions, models and people by words or a number."""
        return search(asked, words)

    @api.get("/search/regions", Permission.VIEW_FLEET)
    def find_regions(
        asked: Request, words: SearchWords, scope: RegionScope = RegionScope.ACTIVE
    ) -> RegionChoices:
        """Regions by a part of their name or slug, or by their country."""
        return search_regions(asked, words, scope=scope)


def _n_regions(asked: Request) -> int:
    return sum(fleet_view(asked, FleetQuestion()).counts.values())
