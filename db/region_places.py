"""Queries on the zones, stations and nodes that regions are bound to."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.schema import RegionPlaceRow, RegionRow


def places_of_regions(session: Session, format_name: str) -> dict[str, str]:
    """What each region is bound to in files of a format, by the region's slug."""
    rows = session.execute(
        select(RegionRow.slug, RegionPlaceRow.place)
        .join(RegionPlaceRow, RegionPlaceRow.region_id == RegionRow.id)
        .where(RegionPlaceRow.format == format_name)
    )
    return {row.slug: row.place for row in rows}


def bind_place(
    session: Session, *, region_id: int, format_name: str, place: str, batch_id: int
) -> None:
    """Bind a region to a place in files of a format, in place of any other."""
    new = {"place": place, "batch_id": batch_id}
    session.execute(
        insert(RegionPlaceRow)
        .values(region_id=region_id, format=format_name, **new)
        .on_conflict_do_update(index_elements=["region_id", "format"], set_=new)
    )


def release_places(session: Session, batch_id: int) -> None:
    """Remove what an import bound."""
    session.execute(delete(RegionPlaceRow).where(RegionPlaceRow.batch_id == batch_id))
