"""Events that the portal delivers to others: stable names, and where each comes from.

Every delivered event is an event of the audit chain under its public name. Names and
payloads are described in docs/deliveries.md; a name is never given another meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

VERSION = 1
"""Of the payloads. Members are only ever added to a version."""


class PublicKind(StrEnum):
    """The name of a delivered event."""

    DECISION_RECORDED = "decision.recorded"
    DECISION_SUPERSEDED = "decision.superseded"
    DECISION_COMMENTED = "decision.commented"
    VERDICT_CHANGED = "verdict.changed"
    PLAN_FOUND = "plan.found"
    PLAN_RECORDED = "plan.recorded"
    PLAN_UNDONE = "plan.undone"
    PLAN_CHANGED = "plan.changed"
    MODEL_ACTIVATED = "model.activated"
    MODEL_IMPLAUSIBLE = "model.implausible"
    MODEL_UNAVAILABLE = "model.unavailable"
    MODEL_AVAILABLE = "model.available"
    MODEL_COVERAGE_LOST = "model.coverage_lost"
    MODEL_SKILL_LOST = "model.skill_lost"
    FEED_FAILING = "feed.failing"
    FEED_RECOVERED = "feed.recovered"
    ALARM_RAISED = "alarm.raised"
    ALARM_ACKNOWLEDGED = "alarm.acknowledged"
    ALARM_SHELVED = "alarm.shelved"
    ALARM_UNSHELVED = "alarm.unshelved"
    ALARM_CLEARED = "alarm.cleared"
    ALARM_OUT_OF_SERVICE = "alarm.out_of_service"
    ALARM_BACK_IN_SERVICE = "alarm.back_in_service"
    ALARM_COMMENTED = "alarm.commented"
    CHAIN_BROKEN = "chain.broken"
    POLICY_CHANGED = "policy.changed"
    SUBSCRIPTION_TESTED = "subscription.tested"
    DAILY_DIGEST = "digest.daily"


KIND_WORDS: Mapping[PublicKind, str] = {
    PublicKind.DECISION_RECORDED: "Decision recorded",
    PublicKind.DECISION_SUPERSEDED: "Decision superseded",
    PublicKind.DECISION_COMMENTED: "Decision commented",
    PublicKind.VERDICT_CHANGED: "Verdict of a region changed",
    PublicKind.PLAN_FOUND: "Plan found",
    PublicKind.PLAN_RECORDED: "Plan recorded",
    PublicKind.PLAN_UNDONE: "Plan undone",
    PublicKind.PLAN_CHANGED: "Plan changed",
    PublicKind.MODEL_ACTIVATED: "Model activated",
    PublicKind.MODEL_IMPLAUSIBLE: "Model implausible",
    PublicKind.MODEL_UNAVAILABLE: "Model unavailable",
    PublicKind.MODEL_AVAILABLE: "Model available again",
    PublicKind.MODEL_COVERAGE_LOST: "Model lost its coverage",
    PublicKind.MODEL_SKILL_LOST: "Model lost its skill",
    PublicKind.FEED_FAILING: "Feed failing",
    PublicKind.FEED_RECOVERED: "Feed recovered",
    PublicKind.ALARM_RAISED: "Alarm raised",
    PublicKind.ALARM_ACKNOWLEDGED: "Alarm acknowledged",
    PublicKind.ALARM_SHELVED: "Alarm shelved",
    PublicKind.ALARM_UNSHELVED: "Alarm unshelved",
    PublicKind.ALARM_CLEARED: "Alarm cleared",
    PublicKind.ALARM_OUT_OF_SERVICE: "Alarm out of service",
    PublicKind.ALARM_BACK_IN_SERVICE: "Alarm back in service",
    PublicKind.ALARM_COMMENTED: "Alarm commented",
    PublicKind.CHAIN_BROKEN: "Audit chain broken",
    PublicKind.POLICY_CHANGED: "Policy changed",
    PublicKind.SUBSCRIPTION_TESTED: "Test of a subscription",
    PublicKind.DAILY_DIGEST: "Daily digest",
}
"""Every kind for people."""

_CANDIDATES: Mapping[str, PublicKind] = {
    kind.value.replace(".", "_"): kind
    for kind in PublicKind
    if kind
    not in {
        PublicKind.DECISION_SUPERSEDED,
        PublicKind.VERDICT_CHANGED,
        PublicKind.DAILY_DIGEST,
    }
}
"""By audit action; both are named alike."""

_DECISION_AUTOMATIC = "decision_automatic"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEvent:
    """What an audit event is for those who subscribed.

    Attributes
    ----------
    regions : tuple of str
        Slugs of the regions that it is about; empty for the whole fleet. Deliveries of
        the first one stay in order.
    only_subscription : str | None
        The one that it goes to, whatever it chose.
    """

    kind: PublicKind
    regions: tuple[str, ...] = ()
    only_subscription: str | None = None


def public_events_of(
    action: str,
    *,
    object_type: str | None,
    object_id: str | None,
    after: Mapping[str, object] | None,
) -> tuple[PublicEvent, ...]:
    """The public events that an audit event may be; empty for most.

    A live automatic decision is a candidate for `verdict.changed`: whether the verdict
    differs from the region's former one is for the database to say.
    """
    facts = after or {}
    if action == _DECISION_AUTOMATIC:
        if facts.get("is_simulated"):
            return ()
        source = _slugs(facts.get("source"))
        return (PublicEvent(kind=PublicKind.VERDICT_CHANGED, regions=source),)
    kind = _CANDIDATES.get(action)
    if kind is None:
        return ()
    if kind is PublicKind.SUBSCRIPTION_TESTED:
        return (PublicEvent(kind=kind, only_subscription=object_id),)
    regions = _regions(object_type, object_id, facts)
    event = PublicEvent(kind=kind, regions=regions)
    if kind is PublicKind.DECISION_RECORDED and facts.get("supersedes_id") is not None:
        return event, PublicEvent(kind=PublicKind.DECISION_SUPERSEDED, regions=regions)
    return (event,)


def _regions(
    object_type: str | None, object_id: str | None, facts: Mapping[str, object]
) -> tuple[str, ...]:
    if object_type == "region":
        return _slugs(object_id)
    if object_type == "policy":
        return () if object_id == "fleet" else _slugs(object_id)
    found = [_slugs(facts.get(name)) for name in _REGION_MEMBERS]
    return tuple(dict.fromkeys(slug for slugs in found for slug in slugs))


_REGION_MEMBERS = ("source", "target", "region", "region_slugs", "regions")


def _slugs(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Sequence):
        return tuple(item for item in value if isinstance(item, str))
    return ()
