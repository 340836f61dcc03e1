"""Whether the database can serve this release."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy.orm import Session

from core.forecasts import Target
from db.migrate import head_revision, revision_of
from db.model_versions import active_model


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """What a load balancer and an operator want to know."""

    is_migrated: bool
    has_active_model: bool


def read_state(session: Session) -> Readiness:
    """Ask the database; raises whatever the connection raises when it is gone."""
    is_migrated = revision_of(session.connection()) == _newest_revision()
    return Readiness(
        is_migrated=is_migrated,
        has_active_model=is_migrated
        and active_model(session, Target.TEMPERATURE_C) is not None,
    )


@cache
def _newest_revision() -> str:
    """Read once: a release's migrations do not change while it runs."""
    return head_revision()
