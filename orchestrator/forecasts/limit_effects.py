"""Whom another thermal limit would block or free, by the newest verdicts."""

from __future__ import annotations

from dataclasses import dataclass

from core.access import Permission
from db import policies
from db.fleet_standing import fleet_standing
from orchestrator.use_cases import Request, query


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEffect:
    """Regions whose verdict another limit would change.

    Attributes
    ----------
    blocked, approved : tuple of str
        Names of those that would become so.
    n_judged, n_unjudged : int
        Regions that take the limit, with a bound and without.
    """

    blocked: tuple[str, ...]
    approved: tuple[str, ...]
    n_judged: int
    n_unjudged: int


@query(Permission.MANAGE_POLICY)
def limit_effect(
    request: Request, region_slug: str | None, limit_c: float
) -> LimitEffect:
    """What the newest verdicts would be with `limit_c` for a region, or the fleet.

    A limit of the fleet is that of the regions without one of their own. Bounds are
    those of the newest issue; a page that judges now may be some minutes ahead.
    """
    session = request.session
    standing = fleet_standing(session, request.now)
    region_ids = [item.region_id for item in standing]
    if not region_ids:
        return LimitEffect(blocked=(), approved=(), n_judged=0, n_unjudged=0)
    own = policies.region_overrides(session, region_ids)
    in_force = policies.effective_policies(session, region_ids)
    taking = [
        item
        for item in standing
        if (
            item.slug == region_slug
            if region_slug is not None
            else "thermal_limit_c" not in own[item.region_id]
        )
    ]
    judged = [
        (item, bound_c)
        for item in taking
        if (bound_c := item.judged_bound_c) is not None
    ]
    moved = [
        (item.name, bound_c <= limit_c)
        for item, bound_c in judged
        if (bound_c <= limit_c) != (bound_c <= in_force[item.region_id].thermal_limit_c)
    ]
    return LimitEffect(
        blocked=tuple(name for name, is_approved in moved if not is_approved),
        approved=tuple(name for name, is_approved in moved if is_approved),
        n_judged=len(judged),
        n_unjudged=len(taking) - len(judged),
    )
