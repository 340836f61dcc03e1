"""Which place a region's files are about: bound at the first import, then required."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from core.regions import SAME_PLACE_DEG, degrees_apart
from core.wording import listed
from db.region_places import bind_place, places_of_regions
from db.regions import StoredRegion
from orchestrator.telemetry.readers.rows import BadFile, TelemetryFile


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceBinding:
    """A region that is bound to a place by an import.

    Attributes
    ----------
    former : str | None
        The place that it was bound to in files of this format.
    """

    region_id: int
    region_slug: str
    format: str
    place: str
    former: str | None

    @property
    def sentence(self) -> str:
        """The binding in words."""
        instead = f", no longer to {self.former}" if self.former else ""
        return (
            f"Region {self.region_slug} is bound to {self.place} in {self.format}"
            f" files{instead}; a file of another place will be refused."
        )

    def store(self, session: Session, batch_id: int) -> None:
        """Keep it, as of an import."""
        bind_place(
            session,
            region_id=self.region_id,
            format_name=self.format,
            place=self.place,
            batch_id=batch_id,
        )


def require_own_place(
    session: Session,
    opened: TelemetryFile,
    regions: Sequence[StoredRegion],
    *,
    region_slug: str | None,
    binds_anew: bool,
) -> PlaceBinding | None:
    """The binding that importing the file makes; None when it makes none.

    Parameters
    ----------
    region_slug : str | None
        The region that the file is imported for; None where the file names it.
    binds_anew : bool
        Whether the region shall be bound to the file's place, whatever was bound.

    Raises
    ------
    BadFile
        When the file's point is far from the region, its place is the name of another
        region or bound to one, or the region is bound to another place.
    """
    by_slug = {stored.slug: stored for stored in regions}
    stored = by_slug.get(region_slug or opened.place or "")
    if stored is not None and stored.slug == region_slug:
        _require_near(opened, stored)
    if stored is None or opened.place is None:
        return None
    bound = places_of_regions(session, opened.format)
    former = bound.get(stored.slug)
    if former == opened.place:
        return None
    if not binds_anew:
        _require_free(opened, stored.slug, by_slug, bound)
    return PlaceBinding(
        region_id=stored.region_id,
        region_slug=stored.slug,
        format=opened.format,
        place=opened.place,
        former=former,
    )


def _require_near(opened: TelemetryFile, stored: StoredRegion) -> None:
    region = stored.region
    if opened.location_deg is None:
        return
    point = region.latitude_deg, region.longitude_deg
    if not degrees_apart(opened.location_deg, point) <= SAME_PLACE_DEG:
        latitude, longitude = opened.location_deg
        message = (
            f"The file is about {latitude:.2f}, {longitude:.2f}; region"
            f" {region.slug} lies at {region.latitude_deg:.2f},"
            f" {region.longitude_deg:.2f}."
        )
        raise BadFile(message)


def _require_free(
    opened: TelemetryFile,
    slug: str,
    by_slug: Mapping[str, StoredRegion],
    bound: Mapping[str, str],
) -> None:
    """Refuse a place that is another region's, and a region that has another place."""
    place = opened.place
    others = [other for other, its in bound.items() if its == place]
    if place in by_slug and place != slug:
        message = f"The file is about zone {place}, which is region {place}, not {slug}"
    elif slug in bound:
        message = (
            f"The file is about {place}; region {slug} takes {opened.format} files of"
            f" {bound[slug]}"
        )
    elif others:
        message = (
            f"The file is about {place}, to which {listed(sorted(others))} is bound in"
            f" {opened.format} files, not {slug}"
        )
    else:
        return
    message += (
        f". Import it for its own region; if it is right for {slug}, bind {slug} to"
        f" {place} with --bind-place (on the page: Zone)."
    )
    raise BadFile(message)
