"""Which regions there are to choose from."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy.orm import Session

from core.access import Permission
from core.errors import InvalidInput, NotFound
from core.regions import Region
from core.wording import MOST_LISTED, listed
from db import regions
from db.regions import StoredRegion
from orchestrator.regions.countries import zones_of_country
from orchestrator.regions.views import (
    RegionChoice,
    RegionChoices,
    RegionPart,
    RegionQuestion,
)
from orchestrator.use_cases import Request, query

MOST_CHOICES = 50
"""Options that a page holds; further regions are found by a search."""

LONGEST_SEARCH = 80

PAGE_ROWS = 40
"""Regions on one page of a list; a list of no more is shown whole."""


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


class RegionScope(StrEnum):
    """Which regions there are to choose from."""

    ACTIVE = "active"
    MEASURED = "measured"
    ALL = "all"


def choose_region(session: Session, slug: str | None) -> StoredRegion:
    """The active region called `slug`, or the first without one.

    Raises
    ------
    NotFound
        When there is none.
    """
    for stored in regions.regions_by_slug(session, [] if slug is None else [slug]):
        if stored.region.is_active:
            return stored
    first, count = regions.find_regions(session, limit=MOST_LISTED)
    if not first:
        raise no_region_yet()
    if slug is None:
        return first[0]
    known = listed((stored.slug for stored in first), count=count)
    message = f"There is no active region {slug!r}. Known: {known}."
    raise NotFound(message)


def choose_ends(
    session: Session, source_slug: str | None, target_slug: str | None
) -> tuple[StoredRegion, StoredRegion | None]:
    """Source and target of a shift; without a slug, the first and the first other.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region; when source and target are one.
    """
    source = choose_region(session, source_slug)
    if target_slug is not None:
        target: StoredRegion | None = choose_region(session, target_slug)
    else:
        first, _ = regions.find_regions(session, limit=2)
        target = next((item for item in first if item.slug != source.slug), None)
    if target is not None and target.region_id == source.region_id:
        message = "Source and target must be different regions."
        raise InvalidInput(message)
    return source, target


@query(Permission.VIEW_FLEET)
def search_regions(
    request: Request,
    text: str,
    *,
    chosen: str | None = None,
    scope: RegionScope = RegionScope.ACTIVE,
) -> RegionChoices:
    """Regions by a part of their name or slug, or by their country.

    Raises
    ------
    Forbidden
        Without the right to see the fleet.
    """
    return region_choices(request.session, chosen, text=text, scope=scope)


def region_choices(
    session: Session,
    *chosen: str | None,
    text: str = "",
    scope: RegionScope = RegionScope.ACTIVE,
) -> RegionChoices:
    """The first `MOST_CHOICES` regions with this text, and those that are chosen."""
    wanted = text.strip()[:LONGEST_SEARCH]
    found, count = regions.find_regions(
        session,
        limit=MOST_CHOICES,
        text=wanted,
        zones=zones_of_country(wanted),
        active_only=scope is RegionScope.ACTIVE,
        measured_only=scope is RegionScope.MEASURED,
    )
    known = {stored.slug for stored in found}
    others = [slug for slug in dict.fromkeys(chosen) if slug and slug not in known]
    found += regions.regions_by_slug(session, others)
    return RegionChoices(
        shown=tuple(region_choice(stored.region) for stored in found), count=count
    )


def region_page(
    session: Session,
    question: RegionQuestion,
    *,
    active_only: bool,
    n_rows: int = PAGE_ROWS,
) -> tuple[list[StoredRegion], RegionPart]:
    """The page of a list of regions that is asked for, in their fixed order."""
    wanted = question.search.strip()[:LONGEST_SEARCH]
    before = (question.page - 1) * n_rows
    found, count = regions.find_regions(
        session,
        limit=n_rows,
        offset=before,
        text=wanted,
        zones=zones_of_country(wanted),
        active_only=active_only,
    )
    return found, RegionPart(n_found=count, first=before + 1, n_shown=len(found))


def region_choice(region: Region) -> RegionChoice:
    """A region as a choice in a list."""
    return RegionChoice(
        slug=region.slug,
        name=region.name,
        time_zone=region.time_zone,
        is_synthetic=region.is_synthetic,
    )
