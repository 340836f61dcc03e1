"""Regions as stored."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from db.regions import insert_region, list_regions, region_by_slug, update_region
from orchestrator.telemetry.demo_regions import DEMO_REGIONS

ARIZONA, IRELAND = (profile.region for profile in DEMO_REGIONS[:2])


def test_every_fact_of_a_region_comes_back(session: Session) -> None:
    for profile in DEMO_REGIONS:
        insert_region(session, profile.region)
    session.expire_all()
    assert [stored.region for stored in list_regions(session)] == [
        profile.region for profile in DEMO_REGIONS
    ]


def test_an_update_replaces_the_facts_and_keeps_the_id(session: Session) -> None:
    before = insert_region(session, ARIZONA)
    changed = replace(ARIZONA, name="Phoenix", is_active=False)
    after = update_region(session, changed)
    assert after.region_id == before.region_id
    assert region_by_slug(session, "arizona").region == changed


def test_inactive_regions_are_listed_only_on_request(session: Session) -> None:
    insert_region(session, replace(ARIZONA, is_active=False))
    insert_region(session, IRELAND)
    assert [r.slug for r in list_regions(session)] == ["ireland"]
    everything = list_regions(session, active_only=False)
    assert [r.slug for r in everything] == ["arizona", "ireland"]


def test_a_taken_slug_is_a_conflict_and_the_session_goes_on(session: Session) -> None:
    insert_region(session, ARIZONA)
    with pytest.raises(Conflict, match="arizona"):
        insert_region(session, ARIZONA)
    insert_region(session, IRELAND)
    assert len(list_regions(session)) == 2


def test_an_unknown_slug_names_the_known_ones(session: Session) -> None:
    with pytest.raises(NotFound, match="known regions: none"):
        region_by_slug(session, "nowhere")
    insert_region(session, ARIZONA)
    with pytest.raises(NotFound, match="known regions: arizona"):
        update_region(session, IRELAND)


def test_a_fleet_of_any_size_is_listed_whole_and_named_in_part(
    session: Session,
) -> None:
    slugs = [f"r-{number:04}" for number in range(1_101)]
    for slug in slugs:
        insert_region(session, replace(ARIZONA, slug=slug))

    assert [stored.slug for stored in list_regions(session)] == slugs
    assert region_by_slug(session, slugs[1_000]).slug == slugs[1_000]
    with pytest.raises(NotFound, match=r"r-0000, .*, r-0009 … and 1,091 more\.$"):
        region_by_slug(session, "nowhere")
