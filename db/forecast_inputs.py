"""Queries on the inputs of forecasts, which replay needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.copying import copy_rows
from db.schema import ForecastInputRow

_FLOAT32 = np.dtype("<f4")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastInput:
    """One row of a model's input.

    Attributes
    ----------
    features : ndarray of float32, shape (F,)
        In the order of the model's feature names.
    """

    region_index: int
    features: NDArray[np.float32]


def insert_forecast_inputs(
    session: Session, inputs: Mapping[int, ForecastInput]
) -> None:
    """Store the inputs of forecasts by their ids."""
    copy_rows(
        session,
        ForecastInputRow.__tablename__,
        ("forecast_id", "region_index", "features"),
        (
            (
                forecast_id,
                given.region_index,
                given.features.astype(_FLOAT32).tobytes(),
            )
            for forecast_id, given in inputs.items()
        ),
    )


def forecast_input(session: Session, forecast_id: int) -> ForecastInput | None:
    """The input of a forecast; None when it was not stored."""
    return forecast_inputs(session, [forecast_id]).get(forecast_id)


def forecast_inputs(
    session: Session, forecast_ids: Collection[int]
) -> dict[int, ForecastInput]:
    """The inputs of forecasts by their ids, as far as they were stored."""
    rows = session.scalars(
        select(ForecastInputRow).where(ForecastInputRow.forecast_id.in_(forecast_ids))
    )
    return {
        row.forecast_id: ForecastInput(
            region_index=row.region_index,
            features=np.frombuffer(row.features, dtype=_FLOAT32).astype(np.float32),
        )
        for row in rows
    }
