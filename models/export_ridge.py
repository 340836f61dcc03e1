"""The ridge family as nodes of an ONNX graph.

A Gather selects each row's weights and a batched product applies them; the same,
much smaller, for the scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.contract import FEATURES_INPUT, MEAN_OUTPUT, REGION_INPUT, SCALE_OUTPUT
from models.design import LOWEST_MEAN
from models.graph import GraphBuilder

if TYPE_CHECKING:  # scikit-learn takes seconds to import; export itself needs none
    from models.ridge import TrainedRidge


def export_ridge(trained: TrainedRidge) -> bytes:
    """A trained ridge as an ONNX file of docs/model-contract.md."""
    builder = GraphBuilder(np.float32)
    add_ridge(
        builder,
        trained,
        features=FEATURES_INPUT,
        mean=MEAN_OUTPUT,
        scale=SCALE_OUTPUT,
    )
    return builder.model_bytes(trained.contract)


def add_ridge(
    builder: GraphBuilder,
    trained: TrainedRidge,
    *,
    features: str,
    mean: str,
    scale: str,
) -> None:
    """Add the nodes that make `mean` and `scale`, each [N, H], from `features`."""
    _add_constants(builder, trained)
    lowest = LOWEST_MEAN.get(trained.contract.target)
    _add_mean(
        builder,
        features,
        mean if lowest is None else "mean_linear",
        reduced=trained.layout.directions is not None,
    )
    if lowest is not None:
        builder.floats("lowest_mean", lowest)
        builder.node("Max", ["mean_linear", "lowest_mean"], mean)
    _add_scale(builder, features, scale)


def _add_constants(builder: GraphBuilder, trained: TrainedRidge) -> None:
    layout = trained.layout
    builder.floats("state_centre", trained.scaler.mean_)
    builder.floats("state_spread", trained.scaler.scale_)
    factors = layout.mean_factors[:, None]
    if layout.directions is None:
        builder.floats("mean_weights", trained.mean_model.weights() * factors)
    else:
        builder.floats("mean_inputs", layout.directions.inputs * factors)
        builder.floats("mean_pooled", trained.mean_model.pooled_weights())
        builder.halves("mean_weights", trained.mean_model.own_weights())
        builder.floats("mean_hours", layout.directions.hours.T)
    tails = trained.tail_factor
    builder.floats("scale_weights", trained.scale_model.weights() * tails)
    builder.floats("scale_floor", trained.scale_floor * tails)
    builder.floats("one", 1.0)
    builder.integers("hour_columns", layout.hour_columns)
    builder.integers("state_columns", layout.state_columns)
    builder.integers("season_columns", layout.scale_columns)
    builder.integers("one_before", [0, 1, 0, 0])
    builder.integers("last_axis", [2])
    builder.integers("middle_axis", [1])
    builder.integers("one_row_each", [0, 1, -1])


def _add_mean(
    builder: GraphBuilder, features: str, result: str, *, reduced: bool
) -> None:
    builder.node("Gather", [features, "hour_columns"], "hour", axis=1)
    builder.node("Pad", ["hour", "one_before", "one"], "hour_and_one")
    builder.node("Unsqueeze", ["hour_and_one", "last_axis"], "hour_factor")
    builder.node("Gather", [features, "state_columns"], "state", axis=1)
    builder.node("Sub", ["state", "state_centre"], "state_centred")
    builder.node("Div", ["state_centred", "state_spread"], "state_standard")
    _add_product(builder, "mean", "state_standard", result, reduced=reduced)


def _add_scale(builder: GraphBuilder, features: str, result: str) -> None:
    builder.node("Gather", [features, "season_columns"], "season", axis=1)
    _add_product(builder, "scale", "season", "scale_linear")
    builder.node("Gather", ["scale_floor", REGION_INPUT], "floor", axis=0)
    builder.node("Max", ["scale_linear", "floor"], result)


def _add_product(
    builder: GraphBuilder,
    part: str,
    columns: str,
    result: str,
    *,
    reduced: bool = False,
) -> None:
    """(1, hour) times (1, columns), times the weights of the row's region."""
    builder.node("Pad", [columns, "one_before", "one"], f"{part}_and_one")
    builder.node("Unsqueeze", [f"{part}_and_one", "middle_axis"], f"{part}_factor")
    builder.node("Mul", ["hour_factor", f"{part}_factor"], f"{part}_products")
    design = f"{part}_design"
    builder.node("Reshape", [f"{part}_products", "one_row_each"], design)
    if reduced:
        design = builder.node("MatMul", [design, f"{part}_inputs"], f"{part}_reduced")
    chosen = f"{part}_chosen"
    builder.node("Gather", [f"{part}_weights", REGION_INPUT], chosen, axis=0)
    if reduced:
        kind = builder.tensor_type
        chosen = builder.node("Cast", [chosen], f"{part}_own", to=kind)
    row = builder.node("MatMul", [design, chosen], f"{part}_row")
    if reduced:
        builder.node("MatMul", [row, f"{part}_hours"], f"{part}_beyond")
        builder.node("MatMul", [design, f"{part}_pooled"], f"{part}_of_all")
        row = builder.node("Add", [f"{part}_of_all", f"{part}_beyond"], f"{part}_both")
    builder.node("Squeeze", [row, "middle_axis"], result)
