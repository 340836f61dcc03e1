"""The fleet's terms of moving load, and limits by equipment class."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.access import Actor, Role
from core.ashrae import AshraeClass
from core.errors import Forbidden, InvalidInput, NotFound, OutOfRange
from db import policies, regions
from orchestrator.regions.policies import change_terms, limit_by_class
from tests.asking import asking
from tests.fleet import Fleet


def test_terms_change_for_the_fleet_and_limits_stay(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        before = policies.fleet_policy(session)
        change_terms(
            asking(session, actor),
            changes={"migration_energy_frac": 0.02, "counts_hydro_water": True},
            reason="measured",
        )
        region_id = regions.region_by_slug(session, "ireland").region_id
        after = policies.effective_policy(session, region_id)
        payload = session.scalar(
            text("select payload from audit_event order by seq desc limit 1")
        )
    assert after.migration_energy_frac == 0.02
    assert after.counts_hydro_water
    assert after.migration_usd_per_mwh == 0.0
    assert after.thermal_limit_c == before.thermal_limit_c
    assert after.fleet_policy_id != before.fleet_policy_id
    assert '"action":"policy_changed"' in payload
    assert '"migration_energy_frac":"0.02"' in payload


def test_a_later_policy_keeps_the_terms_it_does_not_name(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        change_terms(
            asking(session, actor),
            changes={"migration_usd_per_mwh": 1.5},
            reason="bill",
        )
        now = policies.fleet_policy(session)
        values = {name: getattr(now, name) for name in policies.OVERRIDABLE}
        policies.insert_policy(
            session,
            region_id=None,
            values=values | {"thermal_limit_c": 34.0},
            actor_id=actor.user_id,
            reason="cooler",
        )
        later = policies.fleet_policy(session)
    assert later.thermal_limit_c == 34.0
    assert later.migration_usd_per_mwh == 1.5


def test_terms_that_are_so_already_make_no_version(fleet: Fleet) -> None:
    changes = {"migration_usd_per_mwh": 1.5}
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        assert change_terms(asking(session, actor), changes=changes, reason="bill")
        made = policies.fleet_policy(session).fleet_policy_id
        assert not change_terms(asking(session, actor), changes=changes, reason="bill")
        assert policies.fleet_policy(session).fleet_policy_id == made


def test_a_class_gives_a_region_its_limit_and_says_so(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        limit_c = limit_by_class(
            asking(session, actor),
            region_slug="ireland",
            equipment=AshraeClass.A2,
            approach_c=6.0,
            reason="free cooling",
        )
        region_id = regions.region_by_slug(session, "ireland").region_id
        policy = policies.effective_policy(session, region_id)
        reason = session.scalar(
            text("select reason from policy where id = :id"),
            {"id": policy.region_policy_id},
        )
    assert limit_c == policy.thermal_limit_c == 29.0
    assert reason == (
        "ASHRAE TC 9.9 (2021) A2, inlet 10 to 35 °C, approach 6 °C: limit 29 °C."
        " free cooling"
    )


def test_what_cannot_be_is_refused(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        actor = fleet.actor(session)
        operator = Actor(user_id=1, name="op", role=Role.OPERATOR)
        with pytest.raises(Forbidden):
            change_terms(
                asking(session, operator),
                changes={"counts_hydro_water": True},
                reason="x",
            )
        with pytest.raises(InvalidInput, match="Name some of"):
            change_terms(asking(session, actor), changes={"speed": 1}, reason="x")
        with pytest.raises(InvalidInput, match="Name some of"):
            change_terms(asking(session, actor), changes={}, reason="x")
        with pytest.raises(InvalidInput, match="reason"):
            change_terms(
                asking(session, actor), changes={"counts_hydro_water": True}, reason=" "
            )
        with pytest.raises(OutOfRange, match="migration_energy_frac"):
            change_terms(
                asking(session, actor),
                changes={"migration_energy_frac": 1.5},
                reason="x",
            )
        with pytest.raises(NotFound, match="no region 'mars'"):
            limit_by_class(
                asking(session, actor),
                region_slug="mars",
                equipment=AshraeClass.A1,
                approach_c=5.0,
                reason="x",
            )
