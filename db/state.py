"""Whether anything changed: one cheap question before an expensive one."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import AuditHeadRow, ForecastRow, ModelHealthRow


def state_stamp(session: Session) -> tuple[int, int, str]:
    """Differs whenever something that pages show was committed in between.

    Every state change has its audit event; forecasts are counted besides, because a
    batch of them shares one, and models that fail or come back, which no person does.
    """
    changed_at = func.max(ModelHealthRow.changed_at_utc)
    seq, forecast_id, health = session.execute(
        select(
            select(func.coalesce(func.max(AuditHeadRow.seq), 0)).scalar_subquery(),
            select(func.coalesce(func.max(ForecastRow.id), 0)).scalar_subquery(),
            select(changed_at).scalar_subquery(),
        )
    ).one()
    return int(seq), int(forecast_id), str(health)
