"""Queries on the inputs of forecasts, which replay needs.

Inputs of following hours share almost all their numbers. The first of half a day is
stored whole; the others are deflate streams that have it for their dictionary, in a
third of the space, and are read back to the bit.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session, aliased

from db.copying import copy_rows
from db.schema import ForecastInputRow

BASE_EVERY = timedelta(hours=12)
"""An issue at a multiple of it gives the base of those that follow. With 6 or 24 hours
the whole and the compressed inputs of a day take as much."""

_FLOAT32 = np.dtype("<f4")

_BASES = text(
    """
    select distinct on (f.id) f.id, i.forecast_id, i.features
    from forecast f
    join forecast b on b.region_id = f.region_id and b.target = f.target
        and b.model_version_id = f.model_version_id and b.kind = 'live'
        and b.issued_at_utc = date_bin(:every, f.issued_at_utc, 'epoch')
        and b.issued_at_utc < f.issued_at_utc
    join forecast_input i on i.forecast_id = b.id
    where f.id = any(:ids) and i.base_id is null and i.forecast_id < f.id
    order by f.id, i.forecast_id
    """
)


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
    """Store the inputs of forecasts by their ids; the forecasts must be there."""
    given = {"ids": list(inputs), "every": BASE_EVERY}
    bases = {
        forecast_id: (base_id, base)
        for forecast_id, base_id, base in session.execute(_BASES, given)
    }
    rows = []
    for forecast_id, item in inputs.items():
        whole = item.features.astype(_FLOAT32).tobytes()
        base_id, base = bases.get(forecast_id, (None, b""))
        features = whole if base_id is None else _beside(whole, base)
        rows.append((forecast_id, item.region_index, features, base_id))
    copy_rows(
        session,
        ForecastInputRow.__tablename__,
        ("forecast_id", "region_index", "features", "base_id"),
        rows,
    )


def forecast_input(session: Session, forecast_id: int) -> ForecastInput | None:
    """The input of a forecast; None when it was not stored."""
    return forecast_inputs(session, [forecast_id]).get(forecast_id)


def forecast_inputs(
    session: Session, forecast_ids: Collection[int]
) -> dict[int, ForecastInput]:
    """The inputs of forecasts by their ids, as far as they were stored."""
    base = aliased(ForecastInputRow)
    rows = session.execute(
        select(ForecastInputRow, base.features)
        .outerjoin(base, base.forecast_id == ForecastInputRow.base_id)
        .where(ForecastInputRow.forecast_id.in_(forecast_ids))
    )
    return {
        row.forecast_id: ForecastInput(
            region_index=row.region_index,
            features=np.frombuffer(
                row.features if whole is None else _whole(row.features, whole),
                dtype=_FLOAT32,
            ).astype(np.float32),
        )
        for row, whole in rows
    }


def _beside(whole: bytes, base: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=base)
    return stream.compress(whole) + stream.flush()


def _whole(stored: bytes, base: bytes) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS, zdict=base).decompress(stored)
