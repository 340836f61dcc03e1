"""Queries on regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from core.regions import CoolingParameters, CoolingType, Region
from core.wording import listed
from db.schema import RegionRow

_COOLING_FIELDS = tuple(field.name for field in fields(CoolingParameters))
_REGION_FIELDS = tuple(
    field.name
    for field in fields(Region)
    if field.name not in {"cooling", "cooling_type"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRegion:
    """A region and the id under which rows refer to it."""

    region_id: int
    region: Region

    @property
    def slug(self) -> str:
        """Slug of the region."""
        return self.region.slug


def list_regions(session: Session, *, active_only: bool = True) -> list[StoredRegion]:
    """Regions in the order in which they were added."""
    statement = select(RegionRow).order_by(RegionRow.id)
    if active_only:
        statement = statement.where(RegionRow.is_active)
    return [_stored(row) for row in session.scalars(statement)]


def region_by_slug(session: Session, slug: str) -> StoredRegion:
    """The region called `slug`, active or not.

    Raises
    ------
    NotFound
        When there is none; the sentence names the first of those there are.
    """
    return _stored(_row(session, slug))


def regions_by_slug(session: Session, slugs: Sequence[str]) -> list[StoredRegion]:
    """The regions called so, in this order; unknown slugs are left out."""
    rows = session.scalars(select(RegionRow).where(RegionRow.slug.in_(slugs)))
    found = {row.slug: _stored(row) for row in rows}
    return [found[slug] for slug in slugs if slug in found]


def regions_matching(session: Session, words: str, *, limit: int) -> list[StoredRegion]:
    """Active regions whose name or slug contains some text, ignoring case."""
    held = words.casefold()
    is_named = func.lower(RegionRow.name).contains(held, autoescape=True)
    statement = (
        select(RegionRow)
        .where(
            RegionRow.is_active,
            is_named | RegionRow.slug.contains(held, autoescape=True),
        )
        .order_by(func.length(RegionRow.name), RegionRow.name)
        .limit(limit)
    )
    return [_stored(row) for row in session.scalars(statement)]


def insert_region(session: Session, region: Region) -> StoredRegion:
    """Store a new region; raises Conflict when the slug is taken."""
    row = RegionRow(**_columns(region))
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as exc:
        message = f"There is already a region {region.slug}."
        raise Conflict(message) from exc
    return _stored(row)


def update_region(session: Session, region: Region) -> StoredRegion:
    """Replace the facts of the region with this slug; raises NotFound without one."""
    row = _row(session, region.slug)
    for name, value in _columns(region).items():
        setattr(row, name, value)
    session.flush()
    return _stored(row)


def _row(session: Session, slug: str) -> RegionRow:
    row = session.scalar(select(RegionRow).where(RegionRow.slug == slug))
    if row is None:
        slugs = session.scalars(select(RegionRow.slug).order_by(RegionRow.id))
        message = f"There is no region {slug[:40]!r}; known regions: {listed(slugs)}."
        raise NotFound(message)
    return row


def _columns(region: Region) -> dict[str, object]:
    columns: dict[str, object] = {
        name: getattr(region, name) for name in _REGION_FIELDS
    }
    columns |= {name: getattr(region.cooling, name) for name in _COOLING_FIELDS}
    columns["cooling_type"] = region.cooling_type.value
    return columns


def _stored(row: RegionRow) -> StoredRegion:
    cooling = CoolingParameters(
        **{name: getattr(row, name) for name in _COOLING_FIELDS}
    )
    region = Region(
        **{name: getattr(row, name) for name in _REGION_FIELDS},
        cooling_type=CoolingType(row.cooling_type),
        cooling=cooling,
    )
    return StoredRegion(region_id=row.id, region=region)
