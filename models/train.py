"""Train a model of any family. Imports scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from core.forecasts import Target
from models.boosting import TrainedBoosting
from models.boosting_training import train_boosting
from models.catalogue import guiding_quantity
from models.metadata import DEFAULT_FAMILY, RUN_CONTRACT_VERSION, Family
from models.ridge import TrainedRidge
from models.ridge_training import run_quantities, train_ridge
from models.training_rows import RegionTelemetry, TooFewWindows
from models.with_runs import TrainedWithRuns

TrainedModel = TrainedRidge | TrainedBoosting | TrainedWithRuns


_TRAINERS: Mapping[Family, Callable[..., TrainedRidge | TrainedBoosting]] = {
    Family.RIDGE: train_ridge,
    Family.BOOSTING: train_boosting,
}


def train_model(
    frames: Mapping[str, RegionTelemetry],
    target: Target,
    until_utc: datetime,
    *,
    family: Family = DEFAULT_FAMILY,
    seed: int = 0,
) -> TrainedModel:
    """Train one model of `family` on every window that ended by `until_utc`.

    Where regions have weather forecasts, it uses them, and serves without them too.

    Parameters
    ----------
    frames : Mapping of slug to (TelemetryFrame, IANA time zone)

    Raises
    ------
    InvalidInput
        When no region has enough complete windows.
    """
    train = _TRAINERS[family]
    without = train(frames, target, until_utc, seed)
    if guiding_quantity(target, run_quantities(frames)) is None:
        return without
    try:
        with_runs = train(frames, target, until_utc, seed, base=without.contract)
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
