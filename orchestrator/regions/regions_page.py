"""What admins see of regions: every one of them, with the limits in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from core.access import Permission
from core.errors import NotFound
from core.policies import Policy
from db import policies, regions
from db.regions import StoredRegion
from orchestrator.regions.region_choice import region_choice
from orchestrator.regions.views import FleetTerms, PolicyFacts, RegionFacts, RegionsView
from orchestrator.use_cases import Request, query


@query(Permission.MANAGE_REGIONS)
def regions_view(request: Request, *, slug: str | None) -> RegionsView:
    """Every region with its facts and limits, and the one to edit.

    Raises
    ------
    NotFound
        When there is no region called `slug`.
    """
    stored = regions.list_regions(request.session, active_only=False)
    effective = policies.effective_policies(
        request.session, [r.region_id for r in stored]
    )
    own = policies.all_own_values(request.session)
    found = [
        _facts(item, effective[item.region_id], own.get(item.region_id))
        for item in stored
    ]
    chosen = [facts for facts in found if facts.choice.slug == slug]
    if slug is not None and not chosen:
        message = f"There is no region {slug!r}."
        raise NotFound(message)
    fleet = (
        policies.fleet_policy(request.session)
        if policies.has_fleet_policy(request.session)
        else Policy()
    )
    return RegionsView(
        regions=tuple(found),
        chosen=chosen[0] if chosen else None,
        fleet_policy=_policy_facts(fleet, frozenset(policies.OVERRIDABLE)),
        fleet_terms=FleetTerms(
            **{name: getattr(fleet, name) for name in policies.FLEET_TERMS}
        ),
    )


def _facts(
    stored: StoredRegion, policy: Policy, own: Mapping[str, Any] | None
) -> RegionFacts:
    region = stored.region
    facts = {**asdict(region), **asdict(region.cooling)}
    del facts["cooling"]
    return RegionFacts(
        choice=region_choice(region),
        is_active=region.is_active,
        cooling_type=region.cooling_type.value,
        facts=facts,
        policy=_policy_facts(
            policy,
            frozenset(name for name, value in (own or {}).items() if value is not None),
        ),
    )


def _policy_facts(policy: Policy, overridden: frozenset[str]) -> PolicyFacts:
    return PolicyFacts(
        thermal_limit_c=policy.thermal_limit_c,
        confidence=float(policy.confidence),
        cooling_factor_c_per_pct=policy.cooling_factor_c_per_pct,
        telemetry_max_age_h=policy.telemetry_max_age_h,
        overridden=overridden,
    )
