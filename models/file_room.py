"""What a model file has room for: all weights of each region, or directions of them."""

from __future__ import annotations

from core.errors import InvalidInput
from models.design import DesignLayout
from models.metadata import MAX_MODEL_BYTES, MAX_REGIONS, ModelContract
from models.ridge import TrainedRidge

OTHER_BYTES = 2**20
"""Of a file beside weights: names of its regions, the graph and trees."""

ROOM_BYTES = MAX_MODEL_BYTES - OTHER_BYTES


def require_room(
    contract: ModelContract,
    layout: DesignLayout,
    base: TrainedRidge | None,
    room_bytes: int,
) -> None:
    """Refuse more regions than a boosted model has room for before they are learned.

    Parameters
    ----------
    base : TrainedRidge | None
        The model without weather forecasts, whose regions the file has.
    room_bytes : int
        Of its ridge's weights, float64.

    Raises
    ------
    InvalidInput
        When there are more.
    """
    n_regions = len((base.contract if base else contract).region_slugs)
    if layout.file_bytes(n_regions, 8) > room_bytes:
        most = max(room_bytes // layout.file_bytes(0, 8) - 1, 0)
        message = (
            f"A boosted model of {MAX_MODEL_BYTES // 2**20} MiB has room for the"
            f" weights of {most:,} regions, and {n_regions:,} have enough"
            f" {contract.target}. Train the ridge family (`gfo train --family ridge`),"
            f" which serves up to {MAX_REGIONS:,} regions, or deactivate some."
        )
        raise InvalidInput(message)
