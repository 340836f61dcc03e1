"""Regions: add and change them, with permission and audit."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.pue import PRESETS
from core.regions import CoolingParameters, CoolingType, Region
from db.regions import (
    StoredRegion,
    insert_region,
    list_regions,
    region_by_slug,
    update_region,
)
from orchestrator.use_cases import Done, Event, Request, change

PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#332288",
    "#882255",
    "#117733",
    "#999933",
    "#44AA99",
    "#AA4499",
    "#DDCC77",
    "#88CCEE",
)
"""Colour-blind-safe colours of Okabe & Ito (2008) and Tol (2021, muted)."""

DEFAULT_GRID_WATER_L_PER_KWH = 1.02
"""That of gas power (see `core.water`); assumed where nothing better is known."""

_REQUIRED_COLUMNS = ("slug", "name", "time_zone", "latitude", "longitude")
_UNCHANGEABLE = frozenset({"slug", "is_synthetic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionDraft:
    """A region as an admin describes it; what is left out has a default."""

    slug: str
    name: str
    time_zone: str
    latitude_deg: float
    longitude_deg: float
    cooling_type: CoolingType = CoolingType.EVAPORATIVE
    it_capacity_mw: float = 100.0
    flexible_load_frac: float = 0.5
    grid_water_l_per_kwh: float = DEFAULT_GRID_WATER_L_PER_KWH
    grid_hydro_frac: float = 0.0
    colour: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsAdded:
    """Outcome of adding several regions: the new ones, and those already there."""

    added: tuple[str, ...]
    already_there: tuple[str, ...]


@change(
    Permission.MANAGE_REGIONS,
    AuditAction.REGION_ADDED,
    repeat=lambda request, slug: region_by_slug(request.session, slug),
)
def add_region(request: Request, draft: RegionDraft) -> Done[StoredRegion]:
    """Add a region with the cooling preset of its type.

    Raises
    ------
    Forbidden, InvalidInput, Conflict, RequestReused
        Without the right to manage regions; for facts that cannot be; when the slug
        is taken; when the request id was used for something else.
    """
    stored = _insert_draft(request.session, draft)
    return Done(answer=stored, events=(region_added(stored.region),), kept=stored.slug)


def _insert_draft(session: Session, draft: RegionDraft) -> StoredRegion:
    colour = draft.colour or _next_colour(list_regions(session, active_only=False))
    region = Region(
        slug=draft.slug,
        name=draft.name,
        time_zone=draft.time_zone,
        latitude_deg=draft.latitude_deg,
        longitude_deg=draft.longitude_deg,
        cooling_type=draft.cooling_type,
        cooling=PRESETS[draft.cooling_type],
        it_capacity_mw=draft.it_capacity_mw,
        flexible_load_frac=draft.flexible_load_frac,
        grid_water_l_per_kwh=draft.grid_water_l_per_kwh,
        grid_hydro_frac=draft.grid_hydro_frac,
        colour=colour,
    )
    return insert_region(session, region)


@change(
    Permission.MANAGE_REGIONS,
    AuditAction.REGION_CHANGED,
    repeat=lambda request, slug: region_by_slug(request.session, slug),
)
def set_region(
    request: Request, slug: str, changes: Mapping[str, object]
) -> Done[StoredRegion]:
    """Change facts of a region, named as in `Region` and `CoolingParameters`.

    Another cooling type brings its preset, on which named parameters go.

    Raises
    ------
    Forbidden, NotFound, InvalidInput, RequestReused
        Without the right to manage regions; without such a region; for a fact that
        is unknown, cannot be, or is fixed (slug, is_synthetic); when the request id
        was used for something else.
    """
    before = region_by_slug(request.session, slug)
    after = _changed(before.region, changes)
    if after == before.region:
        return Done(answer=before)
    event = Event(
        action=AuditAction.REGION_CHANGED,
        object_type="region",
        object_id=slug,
        before=asdict(before.region),
        after=asdict(after),
    )
    stored = update_region(request.session, after)
    return Done(answer=stored, events=(event,), kept=slug)


@change(Permission.MANAGE_REGIONS, AuditAction.REGION_ADDED, repeat=None)
def add_regions_from_csv(request: Request, path: Path) -> Done[RegionsAdded]:
    """Add the regions of a file with slug, name, time_zone, latitude, longitude.

    A region that is already there is left as it is, so the file can be given again.

    Raises
    ------
    Forbidden, InvalidInput
        Without the right to manage regions; when a line is wrong, and then no region
        of the file should be kept: roll the transaction back.
    """
    session, drafts = request.session, _read_drafts(path)
    known = {stored.slug for stored in list_regions(session, active_only=False)}
    added: dict[str, Region] = {}
    for draft in drafts:
        if draft.slug not in known | added.keys():
            added[draft.slug] = _insert_draft(session, draft).region
    outcome = RegionsAdded(
        added=tuple(added),
        already_there=tuple(d.slug for d in drafts if d.slug not in added),
    )
    return Done(answer=outcome, events=tuple(map(region_added, added.values())))


def insert_missing_regions(
    session: Session, actor: Actor, regions: Sequence[Region]
) -> tuple[Event, ...]:
    """Store the synthetic regions that are not there yet, and return their events.

    Raises
    ------
    Forbidden, InvalidInput
        Without the right to manage regions when one is missing; when such a slug
        belongs to a region with measured telemetry.
    """
    stored = {r.slug: r.region for r in list_regions(session, active_only=False)}
    added: list[Event] = []
    for region in regions:
        if region.slug not in stored:
            actor.require(Permission.MANAGE_REGIONS)
            added.append(region_added(insert_region(session, region).region))
        elif not stored[region.slug].is_synthetic:
            message = (
                f"Region {region.slug} holds measured telemetry; generated data may"
                " not be mixed into it."
            )
            raise InvalidInput(message)
    return tuple(added)


def region_added(region: Region) -> Event:
    """The audit event of a new region."""
    return Event(
        action=AuditAction.REGION_ADDED,
        object_type="region",
        object_id=region.slug,
        after=asdict(region),
    )


def _next_colour(regions: Sequence[StoredRegion]) -> str:
    taken = [stored.region.colour.upper() for stored in regions]
    return min(PALETTE, key=lambda colour: taken.count(colour.upper()))


def _changed(region: Region, changes: Mapping[str, object]) -> Region:
    cooling_names = {field.name for field in fields(CoolingParameters)}
    region_names = {field.name for field in fields(Region)} - {"cooling"}
    for name in changes:
        if name in _UNCHANGEABLE:
            message = f"{name} of a region cannot change; add another region."
            raise InvalidInput(message)
        if name not in cooling_names | region_names:
            message = f"A region has no {name!r}."
            raise InvalidInput(message)
    # The values are checked by the types themselves, on construction.
    facts: dict[str, Any] = {k: v for k, v in changes.items() if k in region_names}
    cooling: dict[str, Any] = {k: v for k, v in changes.items() if k in cooling_names}
    cooling_type = CoolingType(facts.pop("cooling_type", region.cooling_type))
    same_type = cooling_type is region.cooling_type
    preset = region.cooling if same_type else PRESETS[cooling_type]
    return replace(
        region, **facts, cooling_type=cooling_type, cooling=replace(preset, **cooling)
    )


def _read_drafts(path: Path) -> list[RegionDraft]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except FileNotFoundError as exc:
        message = f"There is no file {path}."
        raise InvalidInput(message) from exc
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        message = f"{path} cannot be read as CSV: {exc}."
        raise InvalidInput(message) from exc
    if not rows:
        message = f"{path} has no region."
        raise InvalidInput(message)
    missing = [name for name in _REQUIRED_COLUMNS if name not in rows[0]]
    if missing:
        message = f"{path} has no column {missing[0]!r}."
        raise InvalidInput(message)
    return [_draft(row, line_number) for line_number, row in enumerate(rows, start=2)]


def _draft(row: Mapping[str, str | None], line_number: int) -> RegionDraft:
    cells = {name: (row[name] or "").strip() for name in _REQUIRED_COLUMNS}
    try:
        latitude_deg, longitude_deg = (
            float(cells["latitude"]),
            float(cells["longitude"]),
        )
    except ValueError as exc:
        message = f"Line {line_number}: latitude and longitude must be numbers."
        raise InvalidInput(message) from exc
    return RegionDraft(
        slug=cells["slug"],
        name=cells["name"],
        time_zone=cells["time_zone"],
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
    )
