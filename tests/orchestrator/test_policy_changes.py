"""Limits change with a reason, in versions, and never outside their ranges."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.errors import Forbidden, InvalidInput, NotFound, OutOfRange
from core.policies import Policy
from db.audit import list_events
from db.policies import effective_policy, own_values
from db.regions import region_by_slug
from db.users import system_actor
from orchestrator.regions.changes import RegionDraft, add_region
from orchestrator.regions.policies import change_policy, ensure_first_policy
from orchestrator.regions.regions_page import regions_view
from tests.asking import asking

FLEET = {
    "thermal_limit_c": 32.0,
    "confidence": 0.9,
    "cooling_factor_c_per_pct": 0.04,
    "telemetry_max_age_h": 2.0,
}
OWN = {
    "thermal_limit_c": 28.5,
    "confidence": None,
    "cooling_factor_c_per_pct": None,
    "telemetry_max_age_h": None,
}


@pytest.fixture
def admin(session: Session) -> Actor:
    actor = system_actor(session, "cli")
    ensure_first_policy(asking(session, actor), Policy())
    add_region(
        asking(session, actor),
        RegionDraft(
            slug="CA-ON",
            name="Toronto",
            time_zone="America/Toronto",
            latitude_deg=43.7,
            longitude_deg=-79.4,
        ),
    )
    return actor


def policy_of(session: Session) -> Policy:
    return effective_policy(session, region_by_slug(session, "CA-ON").region_id)


def change(
    session: Session, actor: Actor, region: str | None, values: dict[str, float | None]
) -> bool:
    return change_policy(
        asking(session, actor), region_slug=region, values=values, reason="Heat wave."
    )


def test_the_fleets_limits_are_those_of_every_region(
    session: Session, admin: Actor
) -> None:
    assert change(session, admin, None, FLEET)
    policy = policy_of(session)
    assert policy.thermal_limit_c == 32.0
    assert policy.confidence == Decimal("0.9")


def test_a_regions_own_value_stands_until_it_is_emptied(
    session: Session, admin: Actor
) -> None:
    change(session, admin, "CA-ON", OWN)
    change(session, admin, None, FLEET)
    policy = policy_of(session)
    assert (policy.thermal_limit_c, policy.telemetry_max_age_h) == (28.5, 2.0)
    assert change(session, admin, "CA-ON", dict.fromkeys(OWN))
    assert policy_of(session).thermal_limit_c == 32.0


def test_a_change_is_an_event_with_its_reason(session: Session, admin: Actor) -> None:
    change(session, admin, "CA-ON", OWN)
    event = list_events(session, limit=1)[0]
    assert event.action == AuditAction.POLICY_CHANGED
    payload = json.loads(event.payload)
    assert "Heat wave." in event.payload
    assert "28.5" in json.dumps(payload)


def test_the_same_values_again_change_nothing(session: Session, admin: Actor) -> None:
    assert change(session, admin, None, FLEET)
    before = len(list_events(session, limit=50))
    assert not change(session, admin, None, FLEET)
    assert len(list_events(session, limit=50)) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("thermal_limit_c", 101.0),
        ("thermal_limit_c", float("nan")),
        ("confidence", 0.995),
        ("confidence", float("nan")),
        ("cooling_factor_c_per_pct", -0.1),
        ("telemetry_max_age_h", 0.0),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    session: Session, admin: Actor, name: str, value: float
) -> None:
    with pytest.raises(OutOfRange, match=name):
        change(session, admin, None, {**FLEET, name: value})
    own = own_values(session, None)
    assert own is not None
    assert own["thermal_limit_c"] == 35.0


def test_the_fleet_needs_every_value(session: Session, admin: Actor) -> None:
    with pytest.raises(InvalidInput, match="needs a value for thermal_limit_c"):
        change(session, admin, None, {**FLEET, "thermal_limit_c": None})


def test_a_reason_a_region_and_a_right_are_needed(
    session: Session, admin: Actor
) -> None:
    with pytest.raises(InvalidInput, match="reason"):
        change_policy(
            asking(session, admin), region_slug=None, values=FLEET, reason="  "
        )
    with pytest.raises(NotFound):
        change(session, admin, "atlantis", OWN)
    with pytest.raises(Forbidden):
        change(session, Actor(user_id=1, name="op", role=Role.OPERATOR), None, FLEET)


def test_admins_see_which_values_are_a_regions_own(
    session: Session, admin: Actor
) -> None:
    change(session, admin, "CA-ON", OWN)
    view = regions_view(asking(session, admin), slug="CA-ON")
    assert view.chosen is not None
    assert view.chosen.policy.overridden == {"thermal_limit_c"}
    assert view.chosen.policy.thermal_limit_c == 28.5
    assert view.fleet_policy.thermal_limit_c == 35.0
    with pytest.raises(NotFound):
        regions_view(asking(session, admin), slug="atlantis")
