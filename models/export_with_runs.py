"""A model with weather forecasts and one without as one ONNX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import onnx

from models.contract import FEATURES_INPUT, MEAN_OUTPUT, REGION_INPUT, SCALE_OUTPUT
from models.export_boosting import add_boosting
from models.export_ridge import add_ridge
from models.graph import GraphBuilder
from models.metadata import Family

if TYPE_CHECKING:  # scikit-learn takes seconds to import; export itself needs none
    from models.boosting import TrainedBoosting
    from models.ridge import TrainedRidge
    from models.with_runs import TrainedWithRuns


def export_with_runs(trained: TrainedWithRuns) -> bytes:
    """Both models as one ONNX file of docs/model-contract.md."""
    is_boosted = trained.contract.family == Family.BOOSTING
    builder = GraphBuilder(np.float64 if is_boosted else np.float32)
    builder.integers("without_columns", range(trained.n_without))
    builder.node("Gather", [FEATURES_INPUT, "without_columns"], "without", axis=1)
    _add_model(builder, "without", trained.without, "without")
    _add_filled(builder, trained)
    _add_model(builder, "runs", trained.with_runs, "filled")
    builder.floats("half", 0.5)
    builder.node("Greater", ["known", "half"], "has_run")
    for output, part in ((MEAN_OUTPUT, "mean"), (SCALE_OUTPUT, "scale")):
        builder.node(
            "Where", ["has_run", f"runs_{part}", f"without_{part}"], part + "s"
        )
        builder.node("Cast", [part + "s"], output, to=onnx.TensorProto.FLOAT)
    return builder.model_bytes(trained.contract)


def _add_model(
    builder: GraphBuilder,
    name: str,
    trained: TrainedRidge | TrainedBoosting,
    features: str,
) -> None:
    mean, scale = f"{name}_mean", f"{name}_scale"
    part = builder.part(f"{name}/", REGION_INPUT, features, mean, scale)
    if trained.contract.family == Family.BOOSTING:
        boosting = cast("TrainedBoosting", trained)
        add_boosting(part, boosting, features=features, mean=mean, scale=scale)
    else:
        ridge = cast("TrainedRidge", trained)
        add_ridge(part, ridge, features=features, mean=mean, scale=scale)


def _add_filled(builder: GraphBuilder, trained: TrainedWithRuns) -> None:
    """The features with the mean without runs in the hours that have none."""
    builder.node("Cast", [FEATURES_INPUT], "wide", to=builder.tensor_type)
    builder.integers("known_columns", trained.known_columns)
    builder.integers("corrected_columns", trained.corrected_columns)
    builder.node("Gather", ["wide", "known_columns"], "known", axis=1)
    builder.node("Gather", ["wide", "corrected_columns"], "corrected_run", axis=1)
    builder.floats("one", 1.0)
    builder.node("Sub", ["one", "known"], "unknown")
    builder.node("Sub", ["without_mean", "corrected_run"], "other_mean")
    builder.node("Mul", ["other_mean", "unknown"], "replacement")
    places = np.zeros((len(trained.known_columns), len(trained.contract.feature_names)))
    places[np.arange(len(places)), trained.corrected_columns] = 1.0
    builder.floats("corrected_places", places)
    builder.node("MatMul", ["replacement", "corrected_places"], "replacements")
    builder.node("Add", ["wide", "replacements"], "filled_wide")
    builder.node("Cast", ["filled_wide"], "filled", to=onnx.TensorProto.FLOAT)
