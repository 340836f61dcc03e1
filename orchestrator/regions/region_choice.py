"""Which regions there are to choose from."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core.errors import InvalidInput, NotFound
from core.regions import Region
from core.wording import listed
from db import regions
from db.regions import StoredRegion
from orchestrator.regions.views import RegionChoice


def active_regions(session: Session) -> list[StoredRegion]:
    """Regions in their fixed order.

    Raises
    ------
    NotFound
        When there is none yet, with the next step.
    """
    found = regions.list_regions(session, active_only=True)
    if not found:
        raise no_region_yet()
    return found


def no_region_yet() -> NotFound:
    """That there is no region, with the next step."""
    return NotFound(
        "There is no region yet. An admin adds one on the Regions page, or with `gfo"
        " region add`."
    )


def pick_region(found: list[StoredRegion], slug: str | None) -> StoredRegion:
    """The region called `slug`, or the first without one."""
    if slug is None:
        return found[0]
    for stored in found:
        if stored.region.slug == slug:
            return stored
    known = listed(stored.region.slug for stored in found)
    message = f"There is no active region {slug!r}. Known: {known}."
    raise NotFound(message)


def pick_ends(
    found: list[StoredRegion], source_slug: str | None, target_slug: str | None
) -> tuple[StoredRegion, StoredRegion | None]:
    """Source and target of a shift; without a slug, the first and the first other."""
    source = pick_region(found, source_slug)
    others = (item for item in found if item.region_id != source.region_id)
    target = next(others, None)
    if target_slug is not None:
        target = pick_region(found, target_slug)
    if target is not None and target.region_id == source.region_id:
        message = "Source and target must be different regions."
        raise InvalidInput(message)
    return source, target


def region_choice(region: Region) -> RegionChoice:
    """A region as a choice in a list."""
    return RegionChoice(
        slug=region.slug,
        name=region.name,
        time_zone=region.time_zone,
        is_synthetic=region.is_synthetic,
    )
