"""Write a trained model as ONNX bytes: the same model, the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

from models.contract import FEATURES_INPUT, MEAN_OUTPUT, REGION_INPUT, SCALE_OUTPUT
from models.design import LOWEST_MEAN

if TYPE_CHECKING:  # scikit-learn takes seconds to import; export itself needs none
    from models.ridge import TrainedRidge

OPSET = 17
IR_VERSION = 9


def export_onnx(trained: TrainedRidge) -> bytes:
    """The model as an ONNX file of docs/model-contract.md.

    One gather picks each row's weights, one batched product applies them; the same
    again, much smaller, for the scale.
    """
    nodes = [
        *_mean_nodes(lowest=LOWEST_MEAN.get(trained.contract.target)),
        *_scale_nodes(),
    ]
    graph = helper.make_graph(
        nodes,
        "gfo_ridge",
        inputs=[
            helper.make_tensor_value_info(
                FEATURES_INPUT,
                onnx.TensorProto.FLOAT,
                ["N", len(trained.contract.feature_names)],
            ),
            helper.make_tensor_value_info(REGION_INPUT, onnx.TensorProto.INT64, ["N"]),
        ],
        outputs=[
            helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, ["N", trained.contract.horizon_h]
            )
            for name in (MEAN_OUTPUT, SCALE_OUTPUT)
        ],
        initializer=_weights(trained),
    )
    model = helper.make_model(
        graph,
        producer_name="global-fleet-orchestrator",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    helper.set_model_props(model, trained.contract.to_metadata())
    exported: bytes = model.SerializeToString(deterministic=True)
    return exported


def _mean_nodes(lowest: float | None) -> list[onnx.NodeProto]:
    product = "mean_linear" if lowest is not None else MEAN_OUTPUT
    nodes = [
        helper.make_node("Gather", [FEATURES_INPUT, "hour_columns"], ["hour"], axis=1),
        helper.make_node("Pad", ["hour", "one_before", "one"], ["hour_and_one"]),
        helper.make_node("Unsqueeze", ["hour_and_one", "last_axis"], ["hour_factor"]),
        helper.make_node(
            "Gather", [FEATURES_INPUT, "state_columns"], ["state"], axis=1
        ),
        helper.make_node("Sub", ["state", "state_centre"], ["state_centred"]),
        helper.make_node("Div", ["state_centred", "state_spread"], ["state_standard"]),
        *_product_nodes("mean", "state_standard", product),
    ]
    if lowest is not None:
        nodes.append(helper.make_node("Max", [product, "lowest_mean"], [MEAN_OUTPUT]))
    return nodes


def _scale_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node(
            "Gather", [FEATURES_INPUT, "season_columns"], ["season"], axis=1
        ),
        *_product_nodes("scale", "season", "scale_linear"),
        helper.make_node("Gather", ["scale_floor", REGION_INPUT], ["floor"], axis=0),
        helper.make_node("Max", ["scale_linear", "floor"], [SCALE_OUTPUT]),
    ]


def _product_nodes(part: str, columns: str, result: str) -> list[onnx.NodeProto]:
    """(1, hour) times (1, columns), times the weights of the row's region."""
    return [
        helper.make_node("Pad", [columns, "one_before", "one"], [f"{part}_and_one"]),
        helper.make_node(
            "Unsqueeze", [f"{part}_and_one", "middle_axis"], [f"{part}_factor"]
        ),
        helper.make_node(
            "Mul", ["hour_factor", f"{part}_factor"], [f"{part}_products"]
        ),
        helper.make_node(
            "Reshape", [f"{part}_products", "one_row_each"], [f"{part}_design"]
        ),
        helper.make_node(
            "Gather", [f"{part}_weights", REGION_INPUT], [f"{part}_chosen"], axis=0
        ),
        helper.make_node(
            "MatMul", [f"{part}_design", f"{part}_chosen"], [f"{part}_row"]
        ),
        helper.make_node("Squeeze", [f"{part}_row", "middle_axis"], [result]),
    ]


def _weights(trained: TrainedRidge) -> list[onnx.TensorProto]:
    layout = trained.layout
    weights = [
        _float32("state_centre", trained.scaler.mean_),
        _float32("state_spread", trained.scaler.scale_),
        _float32("mean_weights", trained.mean_model.weights()),
        _float32("scale_weights", trained.scale_model.weights()),
        _float32("scale_floor", trained.scale_floor),
        _float32("one", 1.0),
        _int64("hour_columns", layout.hour_columns),
        _int64("state_columns", layout.state_columns),
        _int64("season_columns", layout.season_columns),
        _int64("one_before", [0, 1, 0, 0]),
        _int64("last_axis", [2]),
        _int64("middle_axis", [1]),
        _int64("one_row_each", [0, 1, -1]),
    ]
    lowest = LOWEST_MEAN.get(trained.contract.target)
    return weights if lowest is None else [*weights, _float32("lowest_mean", lowest)]


def _float32(name: str, values: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.float32), name)


def _int64(name: str, values: Sequence[int]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=np.int64), name)
