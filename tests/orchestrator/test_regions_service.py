"""Adding and changing regions: permission, defaults, audit, files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.pue import PRESETS
from core.regions import CoolingType
from db.audit import list_events
from db.regions import list_regions, region_by_slug
from db.users import system_actor
from orchestrator.regions.changes import (
    PALETTE,
    RegionDraft,
    add_region,
    add_regions_from_csv,
    set_region,
)
from tests.asking import asking

DRAFT = RegionDraft(
    slug="CA-ON",
    name="Toronto",
    time_zone="America/Toronto",
    latitude_deg=43.7,
    longitude_deg=-79.4,
)
OPERATOR = Actor(user_id=1, name="op", role=Role.OPERATOR)


@pytest.fixture
def actor(session: Session) -> Actor:
    return system_actor(session, "cli")


def test_a_region_gets_the_preset_of_its_cooling(
    session: Session, actor: Actor
) -> None:
    draft = replace(DRAFT, cooling_type=CoolingType.AIR)
    region = add_region(asking(session, actor), draft).region
    assert region.cooling == PRESETS[CoolingType.AIR]
    assert (region.it_capacity_mw, region.flexible_load_frac) == (100.0, 0.5)
    assert not region.is_synthetic
    assert region_by_slug(session, "CA-ON").region == region


def test_regions_get_different_colours(session: Session, actor: Actor) -> None:
    colours = [
        add_region(asking(session, actor), replace(DRAFT, slug=f"r{n}")).region.colour
        for n in range(len(PALETTE))
    ]
    assert sorted(colours) == sorted(PALETTE)


def test_adding_is_audited(session: Session, actor: Actor) -> None:
    add_region(asking(session, actor), DRAFT)
    event = list_events(session)[0]
    assert (event.action, event.object_id) == (AuditAction.REGION_ADDED, "CA-ON")
    assert json.loads(event.payload)["after"]["it_capacity_mw"] == "100.0"


def test_a_slug_is_taken_once(session: Session, actor: Actor) -> None:
    add_region(asking(session, actor), DRAFT)
    with pytest.raises(Conflict, match="already a region CA-ON"):
        add_region(asking(session, actor), DRAFT)
    assert len(list_regions(session)) == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"slug": "a b"}, "slug"),
        ({"time_zone": "Mars/Olympus"}, "Time zone"),
        ({"latitude_deg": 91.0}, "latitude"),
        ({"longitude_deg": float("nan")}, "longitude"),
        ({"it_capacity_mw": 0.0}, "it_capacity_mw"),
        ({"flexible_load_frac": 1.1}, "flexible_load_frac"),
        ({"colour": "red"}, "Colour"),
        ({"name": " "}, "name"),
    ],
)
def test_impossible_facts_are_refused_and_nothing_is_stored(
    session: Session, actor: Actor, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        add_region(asking(session, actor), replace(DRAFT, **changes))  # type: ignore[arg-type]
    assert list_regions(session) == []


def test_a_change_is_stored_and_audited_with_before_and_after(
    session: Session, actor: Actor
) -> None:
    add_region(asking(session, actor), DRAFT)
    changed = set_region(asking(session, actor), "CA-ON", {"it_capacity_mw": 80.0})
    assert region_by_slug(session, "CA-ON") == changed
    assert changed.region.it_capacity_mw == 80.0
    payload = json.loads(list_events(session)[0].payload)
    assert payload["action"] == AuditAction.REGION_CHANGED
    assert payload["before"]["it_capacity_mw"] == "100.0"
    assert payload["after"]["it_capacity_mw"] == "80.0"


def test_a_change_to_the_same_leaves_no_event(session: Session, actor: Actor) -> None:
    add_region(asking(session, actor), DRAFT)
    events = list_events(session)
    set_region(asking(session, actor), "CA-ON", {"it_capacity_mw": 100.0})
    assert list_events(session) == events


def test_another_cooling_type_brings_its_preset_under_named_parameters(
    session: Session, actor: Actor
) -> None:
    add_region(asking(session, actor), DRAFT)
    changes = {"cooling_type": CoolingType.AIR, "chiller_cop": 5.5}
    region = set_region(asking(session, actor), "CA-ON", changes).region
    assert region.cooling_type is CoolingType.AIR
    assert region.cooling == replace(PRESETS[CoolingType.AIR], chiller_cop=5.5)
    kept = set_region(asking(session, actor), "CA-ON", {"name": "Ontario"}).region
    assert kept.cooling == region.cooling


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"is_synthetic": True}, "cannot change"),
        ({"slug": "other"}, "cannot change"),
        ({"id": 5}, "has no 'id'"),
        ({"chiller_cop": -1.0}, "chiller_cop"),
        ({"economiser_full_c": 40.0}, "economiser_full_c"),
    ],
)
def test_changes_that_cannot_be_are_refused(
    session: Session, actor: Actor, changes: dict[str, object], sentence: str
) -> None:
    before = add_region(asking(session, actor), DRAFT)
    with pytest.raises(InvalidInput, match=sentence):
        set_region(asking(session, actor), "CA-ON", changes)
    assert region_by_slug(session, "CA-ON") == before


def test_an_inactive_region_leaves_the_fleet_and_stays_known(
    session: Session, actor: Actor
) -> None:
    add_region(asking(session, actor), DRAFT)
    set_region(asking(session, actor), "CA-ON", {"is_active": False})
    assert list_regions(session) == []
    assert [r.slug for r in list_regions(session, active_only=False)] == ["CA-ON"]


def test_an_unknown_region_is_not_found(session: Session, actor: Actor) -> None:
    add_region(asking(session, actor), DRAFT)
    with pytest.raises(NotFound, match="known regions: CA-ON"):
        set_region(asking(session, actor), "nowhere", {"name": "x"})


def test_operators_manage_no_regions(session: Session, tmp_path: Path) -> None:
    with pytest.raises(Forbidden):
        add_region(asking(session, OPERATOR), DRAFT)
    with pytest.raises(Forbidden):
        set_region(asking(session, OPERATOR), "CA-ON", {})
    with pytest.raises(Forbidden):
        add_regions_from_csv(asking(session, OPERATOR), tmp_path / "regions.csv")


HEADER = "slug,name,time_zone,latitude,longitude\n"


def test_a_file_adds_its_regions_once(
    session: Session, actor: Actor, tmp_path: Path
) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(
        f"{HEADER}SG,Singapore,Asia/Singapore,1.3,103.9\n"
        "DE-LU,Frankfurt,Europe/Berlin,50.1,8.7\n"
    )
    first = add_regions_from_csv(asking(session, actor), path)
    again = add_regions_from_csv(asking(session, actor), path)
    assert (first.added, first.already_there) == (("SG", "DE-LU"), ())
    assert (again.added, again.already_there) == ((), ("SG", "DE-LU"))
    assert region_by_slug(session, "SG").region.time_zone == "Asia/Singapore"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "has no region"),
        (HEADER, "has no region"),
        ("slug,name\nSG,Singapore\n", "no column 'time_zone'"),
        (f"{HEADER}SG,Singapore,Asia/Singapore,north,103.9\n", "Line 2"),
        (f"{HEADER}SG,Singapore\n", "Line 2"),
        (f"{HEADER}SG,Singapore,Asia/Nowhere,1.3,103.9\n", "Line 2.*Asia/Nowhere"),
        (f"{HEADER}SG,Singapore,Asia/Singapore,1.3,103.9,5\n", "more cells"),
        (f"{HEADER}SG,Singapore,Asia/Singapore,95,103.9\n", "Line 2: .*latitude"),
        (f"{HEADER}AA,One,UTC,1,1\n\nAA,Two,UTC,2,2\n", "Line 4.*AA.*twice.*line 2"),
        (f"{HEADER}DE-LU,One,UTC,1,1\nde_lu,Two,UTC,2,2\n", "case or punctuation"),
        (f"{HEADER}SG,Singapore,Asia/Singapore,103.9,1.3\n", "Line 2: .*latitude"),
        (f"{HEADER}SG,Singapore,Asia/Singapore,-1.3,-103.9\n", "Line 2: .*at sea"),
        (
            "slug,name,time_zone,latitude,longitude,cooling\nSG,S,Asia/Singapore,1,104,ice\n",
            "Line 2: cooling is 'ice'; it must be one of evaporative",
        ),
        (
            "slug,slug,name,time_zone,latitude,longitude\nA,B,S,Asia/Singapore,1,104\n",
            "column 'slug' twice",
        ),
    ],
)
def test_a_wrong_file_is_refused(
    session: Session, actor: Actor, tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=sentence):
        add_regions_from_csv(asking(session, actor), path)


def test_a_file_says_how_a_region_is_cooled_and_how_large_it_is(
    session: Session, actor: Actor, tmp_path: Path
) -> None:
    path = tmp_path / "regions.csv"
    path.write_text(
        "slug,name,time_zone,latitude,longitude,capacity_mw,cooling,flexible_frac,tier\n"
        "DUB,Dublin,Europe/Dublin,53.3,-6.2,24,air,0.2,3\n"
    )
    done = add_regions_from_csv(asking(session, actor), path)
    region = region_by_slug(session, "DUB").region
    assert region.cooling == PRESETS[CoolingType.AIR]
    assert (region.it_capacity_mw, region.flexible_load_frac) == (24.0, 0.2)
    assert done.unused_columns == ("tier",)


def test_a_file_that_differs_from_the_fleet_says_where(
    session: Session, actor: Actor, tmp_path: Path
) -> None:
    add_region(asking(session, actor), DRAFT)
    path = tmp_path / "regions.csv"
    path.write_text(f"{HEADER}CA-ON,Toronto,America/Toronto,43.7,-79.5\n")
    done = add_regions_from_csv(asking(session, actor), path)
    assert done.left_different == ("CA-ON: longitude -79.5 in the file, -79.4 here.",)
    assert region_by_slug(session, "CA-ON").region.longitude_deg == -79.4


def test_a_near_twin_of_a_region_is_refused(
    session: Session, actor: Actor, tmp_path: Path
) -> None:
    add_region(asking(session, actor), DRAFT)
    with pytest.raises(InvalidInput, match="ca-on differs from CA-ON only in case"):
        add_region(asking(session, actor), replace(DRAFT, slug="ca-on"))
    path = tmp_path / "regions.csv"
    path.write_text(f"{HEADER}caon,Toronto,America/Toronto,43.7,-79.4\n")
    with pytest.raises(InvalidInput, match="Line 2: Region caon differs from CA-ON"):
        add_regions_from_csv(asking(session, actor), path)


def test_a_region_stays_in_its_time_zone(session: Session, actor: Actor) -> None:
    add_region(asking(session, actor), DRAFT)
    with pytest.raises(InvalidInput, match="not in Europe/Dublin"):
        set_region(asking(session, actor), "CA-ON", {"time_zone": "Europe/Dublin"})
    moved = set_region(asking(session, actor), "CA-ON", {"longitude_deg": -79.6})
    assert moved.region.longitude_deg == -79.6


def test_an_absent_file_is_said_so(
    session: Session, actor: Actor, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="no file"):
        add_regions_from_csv(asking(session, actor), tmp_path / "absent.csv")
