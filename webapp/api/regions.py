"""Endpoints of regions and the policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

from core.access import Permission
from core.ashrae import AshraeClass
from core.regions import CoolingType
from orchestrator.regions.changes import RegionDraft, add_region, set_region
from orchestrator.regions.policies import (
    change_policy,
    change_terms,
    limit_by_class,
)
from orchestrator.regions.regions_page import every_region, regions_view
from orchestrator.regions.views import FleetTerms, PolicyFacts, RegionFacts
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, Slug
from webapp.api.matching import etag, require_match

MANAGE = Permission.MANAGE_REGIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPolicy:
    """The policy of the whole fleet, and its terms of moving load."""

    policy: PolicyFacts
    terms: FleetTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionChanges:
    """Facts of a region and parameters of its cooling; None leaves one as it is."""

    name: str | None = None
    time_zone: str | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    cooling_type: CoolingType | None = None
    it_capacity_mw: float | None = None
    flexible_load_frac: float | None = None
    grid_water_l_per_kwh: float | None = None
    grid_hydro_frac: float | None = None
    colour: str | None = None
    is_active: bool | None = None
    overhead_frac: float | None = None
    chiller_cop: float | None = None
    economiser_full_c: float | None = None
    economiser_none_c: float | None = None
    wue_air_l_per_kwh: float | None = None
    adiabatic_switch_c: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimits:
    """The limits of the fleet."""

    thermal_limit_c: float
    confidence: float
    cooling_factor_c_per_pct: float
    telemetry_max_age_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionLimits:
    """The limits of a region; None takes the fleet's."""

    thermal_limit_c: float | None = None
    confidence: float | None = None
    cooling_factor_c_per_pct: float | None = None
    telemetry_max_age_h: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedTerms:
    """Terms of moving load; None leaves one as it is."""

    migration_energy_frac: float | None = None
    migration_usd_per_mwh: float | None = None
    counts_hydro_water: bool | None = None
    plan_blocked_chance_pct: float | None = None
    falls_back_on_alarm: bool | None = None
    forecasts_kept_days: float | None = None


def add_regions(api: Api) -> None:
    """See and change regions, limits and terms."""

    @api.get("/regions", MANAGE, is_kept=True)
    def list_regions(asked: Request) -> tuple[RegionFacts, ...]:
        """Every region, active or not, with its facts and limits."""
        return every_region(asked)

    @api.get("/regions/<region_slug>", MANAGE, tagged=etag)
    def get_region(asked: Request, region_slug: Slug) -> RegionFacts:
        """One region with its facts and limits."""
        return _region(asked, region_slug)

    @api.post("/regions", MANAGE)
    def add_region_to_fleet(asked: Request, draft: RegionDraft) -> RegionFacts:
        """Add a region with the cooling preset of its type."""
        return _region(asked, add_region(asked, draft).slug)

    @api.patch("/regions/<region_slug>", MANAGE, tagged=etag)
    def change_region(
        asked: Request, region_slug: Slug, changes: RegionChanges
    ) -> RegionFacts:
        """Change what is named; another cooling type brings its preset."""
        _require_seen(asked, region_slug)
        set_region(asked, region_slug, _named(changes))
        return _region(asked, region_slug)

    put_policy = partial(
        api.put, needs=Permission.MANAGE_POLICY, tagged=etag, two_people=True
    )

    @put_policy("/regions/<region_slug>/policy")
    def change_region_policy(
        asked: Request, region_slug: Slug, limits: RegionLimits, reason: str
    ) -> RegionFacts:
        """Set the limits of a region; what is left out or null is the fleet's."""
        _require_seen(asked, region_slug)
        change_policy(
            asked, region_slug=region_slug, values=asdict(limits), reason=reason
        )
        return _region(asked, region_slug)

    @put_policy("/regions/<region_slug>/policy/class-limit")
    def limit_region_by_class(
        asked: Request,
        region_slug: Slug,
        equipment: AshraeClass,
        approach_c: float,
        reason: str,
    ) -> RegionFacts:
        """Set the thermal limit of a region by the class of its equipment."""
        _require_seen(asked, region_slug)
        limit_by_class(
            asked,
            region_slug=region_slug,
            equipment=equipment,
            approach_c=approach_c,
            reason=reason,
        )
        return _region(asked, region_slug)

    @api.get("/policy", MANAGE, tagged=etag)
    def get_fleet_policy(asked: Request) -> FleetPolicy:
        """The policy and the terms of the fleet."""
        return _policy(asked)

    @put_policy("/policy")
    def change_fleet_policy(
        asked: Request, limits: FleetLimits, reason: str
    ) -> FleetPolicy:
        """Set the limits of the fleet; decisions made before keep theirs."""
        require_match(asked, "policy", lambda: _policy(asked))
        change_policy(asked, region_slug=None, values=asdict(limits), reason=reason)
        return _policy(asked)

    @api.patch("/policy/terms", Permission.MANAGE_POLICY, tagged=etag, two_people=True)
    def change_fleet_terms(
        asked: Request, terms: ChangedTerms, reason: str
    ) -> FleetPolicy:
        """Change the terms that are named."""
        require_match(asked, "policy", lambda: _policy(asked))
        change_terms(asked, changes=_named(terms), reason=reason)
        return _policy(asked)


def _require_seen(asked: Request, slug: str) -> None:
    require_match(asked, f"regions/{slug}", lambda: _region(asked, slug))


def _region(asked: Request, slug: str) -> RegionFacts:
    chosen = regions_view(asked, slug=slug).chosen
    if chosen is None:  # with a slug it raises NotFound instead
        raise AssertionError
    return chosen


def _policy(asked: Request) -> FleetPolicy:
    view = regions_view(asked, slug=None)
    return FleetPolicy(policy=view.fleet_policy, terms=view.fleet_terms)


def _named(changes: RegionChanges | ChangedTerms) -> dict[str, object]:
    return {key: value for key, value in asdict(changes).items() if value is not None}
