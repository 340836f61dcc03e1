"""Everything about one region on one page."""

from __future__ import annotations

from dataclasses import dataclass

from core.access import Permission
from db import policies, regions
from db.decision_lists import DecisionFilter
from orchestrator.decisions.lists import decision_page
from orchestrator.decisions.views import DecisionSummary, NamedValue
from orchestrator.forecasts.fleet import fleet_row
from orchestrator.forecasts.views import FleetRow
from orchestrator.use_cases import Request, query

DECISIONS_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPage:
    """A region now, what it is and what is judged by, and what was decided on it.

    Attributes
    ----------
    is_active : bool
        Whether it belongs to the fleet.
    """

    row: FleetRow
    is_active: bool
    facts: tuple[NamedValue, ...]
    limits: tuple[NamedValue, ...]
    decisions: tuple[DecisionSummary, ...]


@query(Permission.VIEW_FLEET)
def region_page(request: Request, slug: str) -> RegionPage:
    """Raises NotFound without such a region."""
    session = request.session
    stored = regions.region_by_slug(session, slug)
    region = stored.region
    policy = policies.effective_policy(session, stored.region_id)
    own = policies.own_values(session, stored.region_id) or {}
    is_own = own.get("thermal_limit_c") is not None
    page = decision_page(
        request,
        DecisionFilter(region_slug=slug, without_automatic=True),
        limit=DECISIONS_SHOWN,
    )
    return RegionPage(
        row=fleet_row(request, slug),
        is_active=region.is_active,
        facts=(
            _named("Place", f"{region.latitude_deg:.2f}°, {region.longitude_deg:.2f}°"),
            _named("Time zone", region.time_zone),
            _named("Cooling", region.cooling_type.value),
            _named("IT capacity", f"{region.it_capacity_mw:,.0f} MW"),
            _named("May move", f"{100 * region.flexible_load_frac:.0f} % of its load"),
            _named("Water of its grid", f"{region.grid_water_l_per_kwh:g} l/kWh"),
        ),
        limits=(
            _named(
                "Thermal limit",
                f"{policy.thermal_limit_c:g} °C,"
                f" {'its own' if is_own else 'the fleet’s'}",
            ),
            _named("Confidence", f"{100 * float(policy.confidence):g} %"),
            _named(
                "Cooling factor",
                f"{policy.cooling_factor_c_per_pct:g} °C per % of its load",
            ),
            _named("Oldest telemetry", f"{policy.telemetry_max_age_h:g} h"),
        ),
        decisions=page.rows,
    )


def _named(label: str, value: str) -> NamedValue:
    return NamedValue(label=label, value=value)
