"""What admins see of regions, with the limits in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy.orm import Session

from core.access import Permission
from core.policies import Policy
from db import policies, regions
from db.regions import StoredRegion
from orchestrator.regions.region_choice import region_choice, region_page
from orchestrator.regions.views import (
    FleetTerms,
    PolicyFacts,
    RegionFacts,
    RegionQuestion,
    RegionsView,
)
from orchestrator.use_cases import Request, query


@query(Permission.MANAGE_REGIONS)
def regions_view(
    request: Request,
    *,
    slug: str | None,
    question: RegionQuestion = RegionQuestion(),  # noqa: B008 -- frozen
) -> RegionsView:
    """A page of regions with their facts and limits, and the one to edit.

    Raises
    ------
    NotFound
        When there is no region called `slug`.
    """
    session = request.session
    stored, part = region_page(session, question, active_only=False)
    chosen = None
    if slug is not None:
        (chosen,) = _all_facts(session, [regions.region_by_slug(session, slug)])
    fleet = (
        policies.fleet_policy(session)
        if policies.has_fleet_policy(session)
        else Policy()
    )
    return RegionsView(
        regions=_all_facts(session, stored),
        part=part,
        chosen=chosen,
        fleet_policy=_policy_facts(fleet, frozenset(policies.OVERRIDABLE)),
        fleet_terms=FleetTerms(
            **{name: getattr(fleet, name) for name in policies.FLEET_TERMS}
        ),
    )


@query(Permission.MANAGE_REGIONS)
def every_region(request: Request) -> tuple[RegionFacts, ...]:
    """Every region, active or not, with its facts and limits."""
    session = request.session
    return _all_facts(session, regions.list_regions(session, active_only=False))


def _all_facts(
    session: Session, stored: Sequence[StoredRegion]
) -> tuple[RegionFacts, ...]:
    if not stored:
        return ()  # perhaps before there is a policy
    region_ids = [item.region_id for item in stored]
    effective = policies.effective_policies(session, region_ids)
    own = policies.region_overrides(session, region_ids)
    return tuple(
        _facts(item, effective[item.region_id], own[item.region_id]) for item in stored
    )


def _facts(
    stored: StoredRegion, policy: Policy, own: Mapping[str, object]
) -> RegionFacts:
    region = stored.region
    facts = {**asdict(region), **asdict(region.cooling)}
    del facts["cooling"]
    return RegionFacts(
        choice=region_choice(region),
        is_active=region.is_active,
        cooling_type=region.cooling_type.value,
        facts=facts,
        policy=_policy_facts(policy, frozenset(own)),
    )


def _policy_facts(policy: Policy, overridden: frozenset[str]) -> PolicyFacts:
    return PolicyFacts(
        thermal_limit_c=policy.thermal_limit_c,
        confidence=float(policy.confidence),
        cooling_factor_c_per_pct=policy.cooling_factor_c_per_pct,
        telemetry_max_age_h=policy.telemetry_max_age_h,
        overridden=overridden,
    )
