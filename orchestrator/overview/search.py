"""What a few typed words can mean: a region, a decision, a model, a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from core.access import Permission
from core.errors import NotFound
from db import decisions, model_versions, regions, users
from orchestrator.use_cases import Request, query

LONGEST_SEARCH = 64
MOST_REGIONS, MOST_PEOPLE = 6, 4
_LARGEST_ID = 2**63 - 1


class FoundKind(StrEnum):
    """What was found."""

    REGION = "region"
    DECISION = "decision"
    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that the words can mean.

    Attributes
    ----------
    key : str
        A region's slug, the number of a decision or a model, a person's name.
    """

    kind: FoundKind
    key: str
    title: str
    detail: str


@query(Permission.VIEW_FLEET)
def search(request: Request, words: str) -> tuple[Found, ...]:
    """Regions by name, decisions and models by number, people who decided by name.

    Models are found by those who may see them.
    """
    wanted = words.strip()[:LONGEST_SEARCH]
    if not wanted or not wanted.isprintable():
        return ()
    session = request.session
    number = wanted.lstrip("#")
    found: list[Found] = []
    if number.isascii() and number.isdigit() and 0 < int(number) <= _LARGEST_ID:
        found += _decision(session, int(number))
        if request.actor.may(Permission.MANAGE_MODELS) and int(number) < 2**31:
            found += _model(session, int(number))
    found += [
        Found(
            kind=FoundKind.REGION,
            key=stored.slug,
            title=stored.region.name,
            detail=stored.region.time_zone,
        )
        for stored in regions.find_regions(session, text=wanted, limit=MOST_REGIONS)[0]
    ]
    return (*found, *_people(session, wanted.casefold()))


def _decision(session: Session, decision_id: int) -> list[Found]:
    try:
        stored = decisions.decision_by_id(session, decision_id)
    except NotFound:
        return []
    facts = stored.facts
    ends = " → ".join(filter(None, [stored.source_slug, stored.target_slug]))
    return [
        Found(
            kind=FoundKind.DECISION,
            key=str(decision_id),
            title=f"Decision {decision_id}",
            detail=f"{facts.outcome}, {ends}, {facts.local_day}",
        )
    ]


def _model(session: Session, version_id: int) -> list[Found]:
    return [
        Found(
            kind=FoundKind.MODEL,
            key=str(version.version_id),
            title=f"Model {version.label}",
            detail=f"{version.target}, {version.state}",
        )
        for version in model_versions.list_model_versions(
            session, version_id=version_id, limit=1
        )
    ]


def _people(session: Session, words: str) -> list[Found]:
    names = [
        user.name
        for user in users.list_users(session)
        if not user.is_system and words in user.name.casefold()
    ]
    return [
        Found(kind=FoundKind.PERSON, key=name, title=name, detail="their decisions")
        for name in names[:MOST_PEOPLE]
    ]
