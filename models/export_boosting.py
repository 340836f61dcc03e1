"""The boosted family as nodes of an ONNX graph, in float64 up to its outputs.

A row whose input lies next to a threshold must take the branch that scikit-learn
takes. So the inputs are computed in float64, rounded to float32 as in training, and
compared with the thresholds of scikit-learn's trees in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

from core.days import WINDOW_H
from models.contract import FEATURES_INPUT, MEAN_OUTPUT, ML_DOMAIN, SCALE_OUTPUT
from models.design import LOWEST_MEAN
from models.export_ridge import add_ridge
from models.graph import GraphBuilder
from models.tree_inputs import DIFFERENCES, MIN_SCALE_RATIO

if TYPE_CHECKING:  # scikit-learn takes seconds to import; export itself needs none
    from sklearn.ensemble import HistGradientBoostingRegressor

    from models.boosting import TrainedBoosting
    from models.tree_inputs import TreeInputs

_WIDE, _RIDGE_MEAN, _RIDGE_SCALE = "features_wide", "ridge_mean", "ridge_scale"


def export_boosting(trained: TrainedBoosting) -> bytes:
    """A trained boosted model as an ONNX file of docs/model-contract.md."""
    builder = GraphBuilder(np.float64)
    add_boosting(
        builder, trained, features=FEATURES_INPUT, mean="mean_wide", scale="scale_wide"
    )
    builder.node("Cast", ["mean_wide"], MEAN_OUTPUT, to=onnx.TensorProto.FLOAT)
    builder.node("Cast", ["scale_wide"], SCALE_OUTPUT, to=onnx.TensorProto.FLOAT)
    return builder.model_bytes(trained.contract)


def add_boosting(
    builder: GraphBuilder,
    trained: TrainedBoosting,
    *,
    features: str,
    mean: str,
    scale: str,
) -> None:
    """Add the nodes that make `mean` and `scale`, each [N, H] in float64.

    Parameters
    ----------
    features : str
        Name of a float32 tensor [N, F].
    """
    builder.node("Cast", [features], _WIDE, to=builder.tensor_type)
    add_ridge(
        builder, trained.ridge, features=_WIDE, mean=_RIDGE_MEAN, scale=_RIDGE_SCALE
    )
    table = _add_table(builder, trained.inputs)
    correction = _add_trees(builder, "correction", trained.correction, table)
    ratio = _add_trees(builder, "ratio", trained.ratio, table)
    builder.node("Mul", [correction, _RIDGE_SCALE], "correction_in_unit")
    if LOWEST_MEAN.get(trained.contract.target) is None:
        builder.node("Add", [_RIDGE_MEAN, "correction_in_unit"], mean)
    else:
        builder.node("Add", [_RIDGE_MEAN, "correction_in_unit"], "corrected")
        builder.node("Max", ["corrected", "lowest_mean"], mean)
    builder.floats("min_ratio", MIN_SCALE_RATIO)
    builder.floats("tree_tails", trained.tail_factor)
    builder.node("Max", [ratio, "min_ratio"], "ratio_floored")
    builder.node("Mul", ["ratio_floored", "tree_tails"], "ratio_matched")
    builder.node("Mul", [_RIDGE_SCALE, "ratio_matched"], scale)


def _add_table(builder: GraphBuilder, inputs: TreeInputs) -> str:
    """The trees' inputs, [N * H, C]: what `TreeInputs.table` computes."""
    builder.integers("each_hour", [1, WINDOW_H, 1])
    builder.integers("table_rows", [-1, inputs.n_columns])
    builder.floats("row_terms_weights", inputs.row_weights)
    builder.node("MatMul", [_WIDE, "row_terms_weights"], "row_terms")
    by_row = [_add_differences(builder, inputs)]
    if inputs.raw_weights.shape[1]:
        builder.floats("raw_weights", inputs.raw_weights)
        by_row.append(builder.node("MatMul", [_WIDE, "raw_weights"], "raw_terms"))
    builder.node("Concat", by_row, "by_row", axis=1)
    builder.node("Unsqueeze", ["by_row", "middle_axis"], "by_row_once")
    builder.node("Expand", ["by_row_once", "each_hour"], "by_row_each_hour")
    columns = ["by_row_each_hour", *_add_by_hour(builder, inputs)]
    builder.node("Concat", columns, "table_wide", axis=2)
    builder.node("Reshape", ["table_wide", "table_rows"], "table_flat")
    builder.node("Cast", ["table_flat"], "table_rounded", to=onnx.TensorProto.FLOAT)
    return builder.node("Cast", ["table_rounded"], "table", to=onnx.TensorProto.DOUBLE)


def _add_differences(builder: GraphBuilder, inputs: TreeInputs) -> str:
    terms = ["row_terms"]
    for day, columns in (
        ("day", inputs.day_columns),
        ("day_before", inputs.day_before_columns),
    ):
        builder.integers(f"{day}_columns", columns)
        hours = builder.node("Gather", [_WIDE, f"{day}_columns"], day, axis=1)
        terms += [_extreme(builder, "Max", hours), _extreme(builder, "Min", hours)]
    builder.node("ReduceMean", [_RIDGE_MEAN], "ridge_mean_of_day", axes=[1])
    highest = _extreme(builder, "Max", _RIDGE_MEAN)
    lowest = _extreme(builder, "Min", _RIDGE_MEAN)
    builder.node(
        "Concat", [*terms, "ridge_mean_of_day", highest, lowest], "terms", axis=1
    )
    builder.floats("difference_weights", DIFFERENCES)
    builder.node("MatMul", ["terms", "difference_weights"], "differences_in_unit")
    builder.node("ReduceMean", [_RIDGE_SCALE], "unit", axes=[1])
    return builder.node("Div", ["differences_in_unit", "unit"], "differences")


def _extreme(builder: GraphBuilder, which: str, values: str) -> str:
    return builder.node(
        f"Reduce{which}", [values], f"{values}_{which.lower()}", axes=[1]
    )


def _add_by_hour(builder: GraphBuilder, inputs: TreeInputs) -> list[str]:
    builder.integers("same_hour_columns", inputs.same_hour_columns)
    builder.integers("day_mean_column", [0])
    builder.node("Gather", [_WIDE, "same_hour_columns"], "same_hour", axis=1)
    builder.node("Gather", ["row_terms", "day_mean_column"], "day_mean", axis=1)
    columns = [
        _in_scales(builder, "since_same_hour", [_RIDGE_MEAN, "same_hour"]),
        _in_scales(builder, "since_day_mean", [_RIDGE_MEAN, "day_mean"]),
        _in_scales(builder, "below_highest", [f"{_RIDGE_MEAN}_max", _RIDGE_MEAN]),
        _RIDGE_MEAN,
        _RIDGE_SCALE,
        _add_hours(builder),
        *_add_clock(builder, inputs),
        *_add_runs(builder, inputs),
    ]
    return [
        builder.node("Unsqueeze", [column, "last_axis"], f"{column}_column")
        for column in columns
    ]


def _in_scales(builder: GraphBuilder, name: str, terms: list[str]) -> str:
    builder.node("Sub", terms, f"{name}_in_unit")
    return builder.node("Div", [f"{name}_in_unit", _RIDGE_SCALE], name)


def _add_hours(builder: GraphBuilder) -> str:
    builder.floats("hour_numbers", np.arange(WINDOW_H)[None, :])
    builder.node("Shape", [_RIDGE_MEAN], "table_shape")
    return builder.node("Expand", ["hour_numbers", "table_shape"], "hours")


def _add_runs(builder: GraphBuilder, inputs: TreeInputs) -> list[str]:
    added = []
    if inputs.run_columns:
        builder.integers("run_columns", inputs.run_columns)
        builder.node("Gather", [_WIDE, "run_columns"], "run", axis=1)
        added.append(_in_scales(builder, "run_beyond", ["run", _RIDGE_MEAN]))
    for number, columns in enumerate(inputs.hourly_columns):
        name = f"hourly_{number}"
        builder.integers(f"{name}_columns", columns)
        added.append(builder.node("Gather", [_WIDE, f"{name}_columns"], name, axis=1))
    return added


def _add_clock(builder: GraphBuilder, inputs: TreeInputs) -> list[str]:
    builder.integers("clock_columns", inputs.clock_columns)
    builder.node("Gather", [_WIDE, "clock_columns"], "clock", axis=1)
    turns = np.split(inputs.clock_turns, 2, axis=1)
    for wave, turn in zip(("sin", "cos"), turns, strict=True):
        builder.floats(f"clock_{wave}_turns", turn)
        builder.node("MatMul", ["clock", f"clock_{wave}_turns"], f"clock_{wave}")
    return ["clock_sin", "clock_cos"]


def _add_trees(
    builder: GraphBuilder,
    name: str,
    trees: HistGradientBoostingRegressor,
    table: str,
) -> str:
    builder.node(
        "TreeEnsembleRegressor",
        [table],
        f"{name}_flat",
        domain=ML_DOMAIN,
        **tree_attributes(trees),
    )
    builder.node("Cast", [f"{name}_flat"], f"{name}_wide", to=builder.tensor_type)
    builder.integers(f"{name}_rows", [-1, WINDOW_H])
    return builder.node("Reshape", [f"{name}_wide", f"{name}_rows"], name)


def tree_attributes(trees: HistGradientBoostingRegressor) -> dict[str, object]:
    """Attributes of a TreeEnsembleRegressor that decides as scikit-learn's trees do.

    Both send x <= threshold to the left. Inputs are never missing, so the branches
    for missing values do not matter.
    """
    # scikit-learn has no public access to the nodes; the parity check guards this.
    ensemble = [iteration[0].nodes for iteration in trees._predictors]
    nodes = np.concatenate(ensemble)
    tree_ids = np.repeat(np.arange(len(ensemble)), [len(tree) for tree in ensemble])
    node_ids = np.concatenate([np.arange(len(tree)) for tree in ensemble])
    is_leaf = nodes["is_leaf"].astype(bool)
    thresholds = np.where(is_leaf, 0.0, nodes["num_threshold"])
    return {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values_as_tensor": _double("base", [trees._baseline_prediction.item()]),
        "nodes_treeids": tree_ids.tolist(),
        "nodes_nodeids": node_ids.tolist(),
        "nodes_featureids": np.where(is_leaf, 0, nodes["feature_idx"]).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values_as_tensor": _double("thresholds", thresholds),
        "nodes_truenodeids": np.where(is_leaf, 0, nodes["left"]).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, nodes["right"]).tolist(),
        "target_treeids": tree_ids[is_leaf].tolist(),
        "target_nodeids": node_ids[is_leaf].tolist(),
        "target_ids": [0] * int(is_leaf.sum()),
        "target_weights_as_tensor": _double("leaves", nodes["value"][is_leaf]),
    }


def _double(name: str, values: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.float64), name)
