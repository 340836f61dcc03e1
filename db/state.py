"""Whether anything changed: one cheap question before an expensive one."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import AuditHeadRow, ForecastRow


def state_stamp(session: Session) -> tuple[int, int]:
    """Differs whenever something that pages show was committed in between.

    Every state change has its audit event; forecasts are counted besides, because a
    batch of them shares one.
    """
    seq, forecast_id = session.execute(
        select(
            select(func.coalesce(func.max(AuditHeadRow.seq), 0)).scalar_subquery(),
            select(func.coalesce(func.max(ForecastRow.id), 0)).scalar_subquery(),
        )
    ).one()
    return int(seq), int(forecast_id)
