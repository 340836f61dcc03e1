"""Train a model of any family. Imports scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from core.forecasts import Target
from models.boosting import TrainedBoosting
from models.boosting_training import train_boosting
from models.catalogue import guiding_quantity
from models.file_room import OTHER_BYTES
from models.fleet_ridge import train_fleet_ridge
from models.fleet_telemetry import RegionTelemetry, run_quantities
from models.metadata import (
    DEFAULT_FAMILY,
    MAX_MODEL_BYTES,
    RUN_CONTRACT_VERSION,
    Family,
)
from models.ridge import TrainedRidge
from models.training_rows import TooFewWindows
from models.with_runs import TrainedWithRuns

TrainedModel = TrainedRidge | TrainedBoosting | TrainedWithRuns


_TRAINERS: Mapping[Family, Callable[..., TrainedRidge | TrainedBoosting]] = {
    Family.RIDGE: train_fleet_ridge,
    Family.BOOSTING: train_boosting,
}


def train_model(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    *,
    family: Family = DEFAULT_FAMILY,
    seed: int = 0,
    file_bytes: int = MAX_MODEL_BYTES,
) -> TrainedModel:
    """Train one model of `family` on every window that ended by `until_utc`.

    Where regions have weather forecasts, it uses them, and serves without them too.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)
    file_bytes : int
        Largest file. Two models have half of it each, the second also what the first
        leaves.

    Raises
    ------
    InvalidInput
        When no region has enough complete windows, or a boosted model has no room for
        the weights of all.
    """
    train = _TRAINERS[family]
    has_runs = guiding_quantity(target, run_quantities(frames)) is not None
    room_bytes = file_bytes - OTHER_BYTES
    of_first = room_bytes // 2 if has_runs else room_bytes
    without = train(frames, target, until_utc, seed, room_bytes=of_first)
    if not has_runs:
        return without
    try:
        left_bytes = room_bytes - without.weight_bytes
        with_runs = train(
            frames, target, until_utc, seed, base=without, room_bytes=left_bytes
        )
    except TooFewWindows:
        # Weather forecasts of less than four weeks: telemetry alone has to do.
        return without
    with_runs = with_runs.for_regions(without.contract.region_slugs)
    contract = replace(
        without.contract,
        feature_names=with_runs.contract.feature_names,
        contract_version=RUN_CONTRACT_VERSION,
    )
    return TrainedWithRuns(contract=contract, without=without, with_runs=with_runs)
