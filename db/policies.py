"""Queries on policy versions: fleet rows are complete, region rows override fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, any_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.policies import Policy
from db.schema import PolicyRow

OVERRIDABLE = (
    "thermal_limit_c",
    "confidence",
    "cooling_factor_c_per_pct",
    "telemetry_max_age_h",
)
FLEET_TERMS = (
    "migration_energy_frac",
    "migration_usd_per_mwh",
    "counts_hydro_water",
    "plan_blocked_chance_pct",
    "falls_back_on_alarm",
    "forecasts_kept_days",
)
"""Terms of the whole fleet; a new version keeps the terms that it does not name."""
_MANY_REGIONS = 1000
_DEFAULTS = {field.name: field.default for field in fields(Policy)}


def effective_policy(session: Session, region_id: int) -> Policy:
    """The policy in force for a region."""
    return effective_policies(session, [region_id])[region_id]


def effective_policies(
    session: Session, region_ids: Sequence[int], *, at_utc: datetime | None = None
) -> dict[int, Policy]:
    """The policy in force for each region: its overrides on the fleet's policy.

    With `at_utc`, the one that was in force then.
    """
    newest = _newest(session, region_ids, at_utc)
    fleet = _required(newest)
    common = _compose(fleet, None)
    return {
        region_id: _compose(fleet, own) if (own := newest.get(region_id)) else common
        for region_id in region_ids
    }


def fleet_policy(session: Session) -> Policy:
    """The fleet's own policy; raises NotFound before there is one."""
    return _compose(_required(_newest(session)), None)


def region_overrides(
    session: Session, region_ids: Sequence[int]
) -> dict[int, dict[str, object]]:
    """What the newest policy of each region overrides; nothing of most."""
    newest = _newest(session, region_ids)
    return {
        region_id: {
            name: value
            for name in OVERRIDABLE
            if (value := getattr(newest.get(region_id), name, None)) is not None
        }
        for region_id in region_ids
    }


def has_fleet_policy(session: Session) -> bool:
    """Whether there is a fleet policy."""
    return None in _newest(session)


def insert_policy(
    session: Session,
    *,
    region_id: int | None,
    values: Mapping[str, object],
    actor_id: int,
    reason: str | None,
) -> int:
    """Add the next version for the fleet or a region; `values` overrides fields."""
    version = session.scalar(
        select(func.coalesce(func.max(PolicyRow.version), 0) + 1).where(
            PolicyRow.region_id.is_not_distinct_from(region_id)
        )
    )
    row = PolicyRow(
        region_id=region_id,
        version=version,
        created_by_id=actor_id,
        reason=reason,
        **{name: values.get(name) for name in OVERRIDABLE},
        **_terms(session, region_id, values),
    )
    session.add(row)
    session.flush()
    return row.id


def own_values(session: Session, region_id: int | None) -> dict[str, Any] | None:
    """What the newest version of the fleet or a region sets; None without one."""
    row = _newest(session, [] if region_id is None else [region_id]).get(region_id)
    if row is None:
        return None
    return {name: getattr(row, name) for name in OVERRIDABLE}


def _terms(
    session: Session, region_id: int | None, values: Mapping[str, object]
) -> dict[str, object]:
    if region_id is not None:
        return {}
    before = _newest(session).get(None)
    return {
        name: values.get(name, getattr(before, name) if before else None)
        for name in FLEET_TERMS
    }


def _newest(
    session: Session, region_ids: Sequence[int] = (), at_utc: datetime | None = None
) -> dict[int | None, PolicyRow]:
    """The newest version of the fleet, and of these regions where they have one."""
    statement = (
        select(PolicyRow)
        .ext(distinct_on(PolicyRow.region_id))
        .order_by(PolicyRow.region_id, PolicyRow.version.desc())
    )
    # Few regions of a long fleet have their own; naming all takes longer than the rest.
    if len(region_ids) < _MANY_REGIONS:
        statement = statement.where(
            or_(
                PolicyRow.region_id.is_(None),
                PolicyRow.region_id == any_(cast(list(region_ids), ARRAY(Integer))),
            )
        )
    if at_utc is not None:
        statement = statement.where(PolicyRow.created_at_utc <= at_utc)
    return {row.region_id: row for row in session.scalars(statement)}


def _required(newest: Mapping[int | None, PolicyRow]) -> PolicyRow:
    fleet = newest.get(None)
    if fleet is None:
        message = "There is no policy yet; start the portal once to create the first."
        raise NotFound(message)
    return fleet


def _compose(fleet: PolicyRow, region: PolicyRow | None) -> Policy:
    def pick(name: str) -> object:
        override = getattr(region, name) if region else None
        return getattr(fleet, name) if override is None else override

    def term(name: str) -> object:
        # A policy without a value for a term uses the term's default.
        known = getattr(fleet, name)
        return _DEFAULTS[name] if known is None else known

    return Policy(
        **{name: pick(name) for name in OVERRIDABLE},  # type: ignore[arg-type]
        **{name: term(name) for name in FLEET_TERMS},  # type: ignore[arg-type]
        fleet_policy_id=fleet.id,
        region_policy_id=region.id if region else None,
    )
