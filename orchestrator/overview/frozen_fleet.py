"""The fleet at an instant that has passed: what was stored by then, not judged anew."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.access import Permission
from core.errors import InvalidInput
from core.policies import Policy
from core.telemetry import HOUR
from core.wording import setting
from db import alarms
from db.alarms import AlarmMark
from db.decision_lists import DecisionFilter
from db.decisions import StoredDecision, decisions_by_ids
from db.fleet_standing import RegionStanding, fleet_standing
from db.policies import effective_policies
from orchestrator.decisions.lists import decision_page
from orchestrator.decisions.views import DecisionSummary
from orchestrator.forecasts.fleet import standing_group
from orchestrator.forecasts.views import Group
from orchestrator.regions.region_choice import PAGE_ROWS, no_region_yet
from orchestrator.use_cases import Request, query

DECISIONS_SHOWN = 6
ALARMS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenRow:
    """The newest verdict of a region at that instant.

    Attributes
    ----------
    decision_id : int | None
        Where it is stored with all that it rested on; None before the first.
    """

    slug: str
    name: str
    group: Group
    reason: str | None
    bound_c: float | None
    limit_c: float | None
    issued_at_utc: datetime | None
    decision_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenFleet:
    """The fleet at an instant.

    Attributes
    ----------
    counts : mapping
        Of all regions, by their verdict.
    rows : tuple of FrozenRow
        The worst first; of a long fleet the first page.
    alarms : tuple of AlarmMark
        Raised by then and not cleared, newest first.
    decisions : tuple of DecisionSummary
        The last that had been recorded.
    """

    at_utc: datetime
    counts: Mapping[Group, int]
    rows: tuple[FrozenRow, ...]
    alarms: tuple[AlarmMark, ...]
    decisions: tuple[DecisionSummary, ...]


@query(Permission.VIEW_FLEET)
def frozen_fleet(request: Request, at_utc: datetime) -> FrozenFleet:
    """What the verdicts, alarms and recorded decisions of the fleet were at an instant.

    A bound is that of the newest verdict, held against the limit of that instant and
    by the age that its telemetry had, as live pages hold it. Regions are those that are
    in the fleet now; whether the model could be used then is not known.

    Raises
    ------
    NotFound
        When there is no region yet.
    InvalidInput
        For an instant that has not come.
    """
    session = request.session
    if at_utc > request.now:
        message = f"{at_utc:%Y-%m-%d %H:%M} UTC has not come yet."
        raise InvalidInput(message)
    standing = fleet_standing(session, at_utc, stored_by=at_utc)
    if not standing:
        raise no_region_yet()
    judged = [item.region_id for item in standing if item.decision_id is not None]
    policies = effective_policies(session, judged, at_utc=at_utc) if judged else {}
    terms = {item.slug: policies.get(item.region_id) for item in standing}
    groups = {item.slug: _group(item, terms[item.slug], at_utc) for item in standing}
    rank = {group: place for place, group in enumerate(Group)}
    shown = sorted(
        standing,
        key=lambda item: (
            rank[groups[item.slug]],
            _margin_c(item, terms[item.slug]),
            item.name,
        ),
    )[:PAGE_ROWS]
    stored = decisions_by_ids(
        session, [item.decision_id for item in shown if item.decision_id is not None]
    )
    recorded = decision_page(
        request,
        DecisionFilter(kind="recorded", until_utc=at_utc),
        limit=DECISIONS_SHOWN,
    )
    return FrozenFleet(
        at_utc=at_utc,
        counts={group: list(groups.values()).count(group) for group in Group},
        rows=tuple(
            _row(item, terms[item.slug], stored.get(item.decision_id or 0), at_utc)
            for item in shown
        ),
        alarms=tuple(alarms.active_at(session, at_utc, limit=ALARMS_SHOWN)),
        decisions=recorded.rows,
    )


def _row(
    item: RegionStanding,
    terms: Policy | None,
    decision: StoredDecision | None,
    at_utc: datetime,
) -> FrozenRow:
    return FrozenRow(
        slug=item.slug,
        name=item.name,
        group=_group(item, terms, at_utc),
        reason=_changed_since(item, terms, at_utc)
        or (decision.facts.reason_text if decision else None),
        bound_c=item.bound_c,
        limit_c=terms.thermal_limit_c if terms else None,
        issued_at_utc=item.issued_at_utc,
        decision_id=item.decision_id,
    )


def _group(item: RegionStanding, terms: Policy | None, at_utc: datetime) -> Group:
    """By the terms of that instant; without any there is no verdict."""
    return Group.UNJUDGED if terms is None else standing_group(item, terms, at_utc)


def _changed_since(
    item: RegionStanding, terms: Policy | None, at_utc: datetime
) -> str | None:
    """What became of a verdict's ground until that instant; None if nothing.

    The next verdict rests on the new terms.
    """
    if terms is None or item.limit_c is None or item.confidence is None:
        return None
    if item.confidence != terms.confidence:
        return "The confidence was changed after this verdict: its bound is of another."
    if item.limit_c != terms.thermal_limit_c:
        return (
            f"The limit was changed after this verdict, from {setting(item.limit_c)} to"
            f" {setting(terms.thermal_limit_c)} °C."
        )
    if item.known_until_utc is not None and item.judged_bound_c is not None:
        age_h = (at_utc - item.known_until_utc) / HOUR
        if age_h > terms.telemetry_max_age_h:
            return (
                f"The telemetry behind this verdict was {setting(round(age_h, 1))} h"
                f" old; {setting(terms.telemetry_max_age_h)} h are allowed."
            )
    return None


def _margin_c(item: RegionStanding, terms: Policy | None) -> float:
    if item.bound_c is None or terms is None:
        return -math.inf
    return terms.thermal_limit_c - item.bound_c
