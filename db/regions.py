"""Queries on regions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, func, insert, or_, select
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


def list_regions(
    session: Session,
    *,
    active_only: bool = True,
    id_span: tuple[int, int] | None = None,
) -> list[StoredRegion]:
    """Regions in the order in which they were added.

    Parameters
    ----------
    id_span : tuple of int, optional
        First and last id of those that are read.
    """
    statement = select(RegionRow).order_by(RegionRow.id)
    if active_only:
        statement = statement.where(RegionRow.is_active)
    if id_span is not None:
        statement = statement.where(RegionRow.id.between(*id_span))
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
    if not slugs:
        return []
    rows = session.scalars(select(RegionRow).where(RegionRow.slug.in_(slugs)))
    found = {row.slug: _stored(row) for row in rows}
    return [found[slug] for slug in slugs if slug in found]


def active_time_zones(session: Session) -> set[str]:
    """The time zones of active regions."""
    zones = select(RegionRow.time_zone).where(RegionRow.is_active).distinct()
    return set(session.scalars(zones))


def any_id_of(slugs: Collection[str]) -> ColumnElement[int]:
    """Any of the ids of these regions, to compare a column with.

    The planner takes them for few, and finds their rows by an index. Joined by slug, a
    hundred of a thousand regions are found among the rows of all, for each hundred.
    """
    ids = select(RegionRow.id).where(RegionRow.slug.in_(slugs)).scalar_subquery()
    return func.any(func.array(ids))


def slugs_of(session: Session, region_ids: Collection[int]) -> dict[int, str]:
    """The slugs of regions, by their ids."""
    columns = select(RegionRow.id, RegionRow.slug)
    rows = session.execute(columns.where(RegionRow.id.in_(region_ids)))
    return {row.id: row.slug for row in rows}


def find_regions(
    session: Session,
    *,
    limit: int,
    offset: int = 0,
    text: str = "",
    zones: Collection[str] = (),
    active_only: bool = True,
    measured_only: bool = False,
) -> tuple[list[StoredRegion], int]:
    """The first regions with `text` in name or slug, or in `zones`; and their count.

    The first after `offset` of them, in the order in which they were added.
    """
    statement = select(RegionRow)
    if active_only:
        statement = statement.where(RegionRow.is_active)
    if measured_only:
        statement = statement.where(RegionRow.is_synthetic.is_(False))
    if text:
        statement = statement.where(
            or_(
                RegionRow.name.icontains(text, autoescape=True),
                RegionRow.slug.icontains(text, autoescape=True),
                RegionRow.time_zone.in_(zones),
            )
        )
    rows = session.scalars(statement.order_by(RegionRow.id).limit(limit).offset(offset))
    found = [_stored(row) for row in rows]
    if not offset and len(found) < limit:
        return found, len(found)
    count = session.scalar(select(func.count()).select_from(statement.subquery()))
    return found, count or 0


def insert_region(session: Session, region: Region) -> StoredRegion:
    """Store a new region; raises Conflict when the slug is taken."""
    return insert_regions(session, [region])[0]


def insert_regions(session: Session, regions: Sequence[Region]) -> list[StoredRegion]:
    """Store new regions in this order; raises Conflict when a slug is taken."""
    if not regions:
        return []
    statement = insert(RegionRow).returning(RegionRow, sort_by_parameter_order=True)
    try:
        with session.begin_nested():
            rows = session.scalars(statement, [_columns(region) for region in regions])
            return [_stored(row) for row in rows]
    except IntegrityError as exc:
        taken = regions_by_slug(session, [region.slug for region in regions])
        slug = taken[0].slug if taken else regions[0].slug
        message = f"There is already a region {slug}."
        raise Conflict(message) from exc


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
