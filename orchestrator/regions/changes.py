"""Regions: add and change them, with permission and audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from core.access import Actor, Permission
from core.audit import AuditAction
from core.errors import InvalidInput, OutOfRange
from core.places import require_place_in_zone
from core.pue import PRESETS
from core.regions import CoolingParameters, CoolingType, Region
from db.regions import (
    StoredRegion,
    insert_region,
    insert_regions,
    list_regions,
    region_by_slug,
    update_region,
)
from orchestrator.regions.regions_file import (
    RegionLine,
    read_regions_file,
    slug_key,
    twin_sentence,
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

_COLUMNS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "slug": ("slug", str),
    "name": ("name", str),
    "time_zone": ("time_zone", str),
    "latitude": ("latitude_deg", float),
    "longitude": ("longitude_deg", float),
    "cooling": ("cooling_type", CoolingType),
    "capacity_mw": ("it_capacity_mw", float),
    "flexible_frac": ("flexible_load_frac", float),
    "grid_water_l_per_kwh": ("grid_water_l_per_kwh", float),
    "hydro_frac": ("grid_hydro_frac", float),
    "colour": ("colour", str),
}
"""Column of a file of regions: field of the draft and how its text is read."""

REQUIRED_COLUMNS = ("slug", "name", "time_zone", "latitude", "longitude")
OPTIONAL_COLUMNS = tuple(name for name in _COLUMNS if name not in REQUIRED_COLUMNS)
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
    """Outcome of adding the regions of a file.

    Attributes
    ----------
    already_there : tuple of str
        Slugs that the fleet has, left as they are.
    left_different : tuple of str
        A sentence for each of these that the file describes otherwise.
    unused_columns : tuple of str
        Columns of the file that no region has.
    """

    added: tuple[str, ...]
    already_there: tuple[str, ...]
    left_different: tuple[str, ...]
    unused_columns: tuple[str, ...]


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
        Without the right to manage regions; for facts that cannot be, such as a place
        outside its time zone; when the slug, or one that differs from it only in case
        or punctuation, is taken; when the request id was used for something else.
    """
    known = list_regions(request.session, active_only=False)
    region = _region(draft, _next_colour(stored.region for stored in known))
    _require_own_place(request, region, _slugs_by_key(known))
    stored = insert_region(request.session, region)
    return Done(answer=stored, events=(region_added(stored.region),), kept=stored.slug)


def _slugs_by_key(known: Iterable[StoredRegion]) -> dict[str, str]:
    return {slug_key(stored.slug): stored.slug for stored in known}


def _require_own_place(
    request: Request, region: Region, slugs_by_key: Mapping[str, str]
) -> None:
    """Refuse a near twin of a known region, and a place outside its time zone."""
    twin = slugs_by_key.get(slug_key(region.slug), region.slug)
    if twin != region.slug:
        raise InvalidInput(twin_sentence(region.slug, twin))
    _require_place(request, region)


def _require_place(request: Request, region: Region) -> None:
    require_place_in_zone(
        region.latitude_deg,
        region.longitude_deg,
        region.time_zone,
        now_utc=request.now,
    )


def _region(draft: RegionDraft, colour: str) -> Region:
    return Region(
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
        colour=draft.colour or colour,
    )


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
        is unknown, cannot be, or is fixed (slug, is_synthetic); for a new place outside
        its time zone; when the request id was used for something else.
    """
    before = region_by_slug(request.session, slug)
    after = _changed(before.region, changes)
    if after == before.region:
        return Done(answer=before)
    if _place(after) != _place(before.region):
        _require_place(request, after)
    event = Event(
        action=AuditAction.REGION_CHANGED,
        object_type="region",
        object_id=slug,
        before=asdict(before.region),
        after=asdict(after),
    )
    stored = update_region(request.session, after)
    return Done(answer=stored, events=(event,), kept=slug)


def out_of_fleet(request: Request, stored: StoredRegion) -> Event:
    """Take a region out of the fleet, and return the event of that."""
    after = replace(stored.region, is_active=False)
    update_region(request.session, after)
    return Event(
        action=AuditAction.REGION_CHANGED,
        object_type="region",
        object_id=stored.slug,
        before=asdict(stored.region),
        after=asdict(after),
    )


@change(Permission.MANAGE_REGIONS, AuditAction.REGION_ADDED, repeat=None)
def add_regions_from_csv(request: Request, path: Path) -> Done[RegionsAdded]:
    """Add the regions of a file: `REQUIRED_COLUMNS` and any of `OPTIONAL_COLUMNS`.

    A region that is already there is left as it is, so the file can be given again.

    Raises
    ------
    Forbidden, InvalidInput
        Without the right to manage regions; when a line is wrong, and then no region
        of the file should be kept: roll the transaction back.
    """
    file = read_regions_file(path, REQUIRED_COLUMNS, OPTIONAL_COLUMNS)
    known = list_regions(request.session, active_only=False)
    by_slug = {stored.slug: stored.region for stored in known}
    slugs_by_key = _slugs_by_key(known)
    colours = Counter(region.colour.upper() for region in by_slug.values())
    added: list[Region] = []
    there: list[str] = []
    different: list[str] = []
    for line in file.lines:
        draft = _draft(line)
        if draft.slug in by_slug:
            there.append(draft.slug)
            different += _differences(line, draft, by_slug[draft.slug])
            continue
        try:
            region = _region(draft, _least_used(colours))
            _require_own_place(request, region, slugs_by_key)
        except (InvalidInput, OutOfRange) as exc:
            message = f"Line {line.number}: {exc}"
            raise InvalidInput(message) from exc
        added.append(region)
        colours[region.colour.upper()] += 1
    insert_regions(request.session, added)
    outcome = RegionsAdded(
        added=tuple(region.slug for region in added),
        already_there=tuple(there),
        left_different=tuple(different),
        unused_columns=file.unused_columns,
    )
    return Done(answer=outcome, events=tuple(map(region_added, added)))


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


def _next_colour(regions: Iterable[Region]) -> str:
    return _least_used(Counter(region.colour.upper() for region in regions))


def _least_used(colours: Counter[str]) -> str:
    return min(PALETTE, key=lambda colour: colours[colour.upper()])


def _place(region: Region) -> tuple[float, float, str]:
    return region.latitude_deg, region.longitude_deg, region.time_zone


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


def _draft(line: RegionLine) -> RegionDraft:
    facts: dict[str, Any] = {}
    for name, text in line.cells.items():
        field, read = _COLUMNS[name]
        try:
            facts[field] = read(text)
        except ValueError as exc:
            wanted = (
                f"one of {', '.join(CoolingType)}"
                if read is CoolingType
                else "a number"
            )
            message = f"Line {line.number}: {name} is {text!r}; it must be {wanted}."
            raise InvalidInput(message) from exc
    return RegionDraft(**facts)


def _differences(line: RegionLine, draft: RegionDraft, stored: Region) -> list[str]:
    """What the file says of a region that is there, where that is something else."""
    named = [(name, _COLUMNS[name][0]) for name in line.cells]
    different = [
        f"{name} {line.cells[name]} in the file, {getattr(stored, field)} here"
        for name, field in named
        if getattr(draft, field) != getattr(stored, field)
    ]
    return [f"{draft.slug}: {'; '.join(different)}."] if different else []
