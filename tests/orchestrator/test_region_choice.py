"""Choosing among many regions: the first ones, those chosen, and a search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import InvalidInput, NotFound
from db.regions import insert_regions
from db.users import system_actor
from orchestrator.regions.changes import add_regions_from_csv
from orchestrator.regions.region_choice import (
    MOST_CHOICES,
    RegionScope,
    choose_ends,
    choose_region,
    region_choices,
    search_regions,
)
from orchestrator.telemetry.demo_regions import DEMO_REGIONS
from tests.asking import asking

N_REGIONS = 130
REGION = replace(DEMO_REGIONS[0].region, is_synthetic=False)


@pytest.fixture
def actor(session: Session) -> Actor:
    zones = ("America/Phoenix", "Europe/Dublin", "Asia/Kolkata")
    insert_regions(
        session,
        [
            replace(
                REGION,
                slug=f"site-{number:03}",
                name=f"Hall {number} 100%",
                time_zone=zones[number % 3],
                is_active=number != 7,
                is_synthetic=number == 9,
            )
            for number in range(N_REGIONS)
        ],
    )
    return system_actor(session, "cli")


@pytest.mark.usefixtures("actor")
def test_a_list_holds_the_first_regions_and_those_chosen(session: Session) -> None:
    found = region_choices(session, "site-129", "site-003", None)
    slugs = [region.slug for region in found.shown]
    assert len(slugs) == len(set(slugs)) == MOST_CHOICES + 1
    assert slugs[:3] == ["site-000", "site-001", "site-002"]
    assert slugs[-1] == "site-129"
    assert "site-007" not in slugs
    assert found.count == N_REGIONS - 1
    assert found.left_out == N_REGIONS - 1 - len(slugs)
    assert found.without("site-003").left_out == found.left_out


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("hall 12", 11),
        ("SITE-01", 10),
        ("ireland", 42),
        ("IE", 42),
        ("site-_", 0),
        ("100%", 129),
        ("%", 129),
        ("  ", 129),
        ("nowhere", 0),
    ],
)
def test_a_search_goes_by_name_slug_or_country(
    session: Session, actor: Actor, text: str, count: int
) -> None:
    found = search_regions(asking(session, actor), text, chosen="site-128")
    assert found.count == count
    assert "site-128" in [region.slug for region in found.shown]


@pytest.mark.usefixtures("actor")
def test_files_are_for_measured_regions_and_lists_of_all(session: Session) -> None:
    counts = {
        scope: region_choices(session, scope=scope).count for scope in RegionScope
    }
    assert counts == {
        RegionScope.ACTIVE: N_REGIONS - 1,
        RegionScope.MEASURED: N_REGIONS - 1,
        RegionScope.ALL: N_REGIONS,
    }


@pytest.mark.usefixtures("actor")
def test_ends_are_the_first_regions_unless_they_are_named(session: Session) -> None:
    source, target = choose_ends(session, None, None)
    assert target is not None
    assert (source.slug, target.slug) == ("site-000", "site-001")
    source, target = choose_ends(session, "site-129", None)
    assert target is not None
    assert (source.slug, target.slug) == ("site-129", "site-000")
    with pytest.raises(InvalidInput, match="different regions"):
        choose_ends(session, "site-001", "site-001")
    with pytest.raises(NotFound, match=r"site-000, .* and 119 more"):
        choose_region(session, "site-007")


def test_without_a_region_the_next_step_is_named(session: Session) -> None:
    with pytest.raises(NotFound, match="gfo region add"):
        choose_region(session, None)


def test_a_file_of_regions_takes_the_same_statements_whatever_its_length(
    session: Session, tmp_path: Path
) -> None:
    statements: list[str] = []
    connection = session.connection()

    @event.listens_for(connection, "before_cursor_execute")
    def count(*given: object) -> None:
        statements.append(str(given[2]))

    def added(first: int, n_regions: int) -> int:
        lines = [
            f"new-{number},Hall {number},Europe/Dublin,53.3,-6.3"
            for number in range(first, first + n_regions)
        ]
        path = tmp_path / f"{first}.csv"
        path.write_text("\n".join(["slug,name,time_zone,latitude,longitude", *lines]))
        statements.clear()
        request = asking(session, system_actor(session, "cli"))
        assert len(add_regions_from_csv(request, path).added) == n_regions
        return len(statements)

    assert added(0, 40) == added(40, 160)
