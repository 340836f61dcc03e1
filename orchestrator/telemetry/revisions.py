"""What was shown with telemetry that was replaced since says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from core.wording import listed
from db.telemetry_revisions import revised_since


def revised_text(
    session: Session,
    region_slugs: Sequence[str],
    *,
    start_utc: datetime,
    end_utc: datetime,
    known_at_utc: datetime,
) -> str | None:
    """How many hours of [start_utc, end_utc) were replaced since, and by which imports.

    None when all that was known then is so still.
    """
    revised = revised_since(
        session,
        region_slugs,
        start_utc=start_utc,
        end_utc=end_utc,
        known_at_utc=known_at_utc,
    )
    if revised is None:
        return None
    imports = listed(str(batch_id) for batch_id in revised.batch_ids)
    return f"{revised.hour_count:,} h that it may rest on, by imports {imports}"
