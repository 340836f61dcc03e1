"""The smallest model that keeps the contract, for the self-check of the sandbox."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

from core.days import WINDOW_H
from models.contract import FEATURES_INPUT, MEAN_OUTPUT, REGION_INPUT, SCALE_OUTPUT

_METADATA = {
    "gfo_contract_version": "1",
    "gfo_target": "temperature_c",
    "gfo_feature_names": '["temperature_c_lag_1h"]',
    "gfo_region_slugs": "[]",
    "gfo_horizon_h": str(WINDOW_H),
    "gfo_trained_from_utc": "2021-01-01T00:00:00Z",
    "gfo_trained_until_utc": "2022-01-01T00:00:00Z",
    "gfo_family": "smallest",
    "gfo_code_version": "1",
    "gfo_seed": "0",
}


def smallest_model() -> bytes:
    """Forecasts the last hour's temperature for all hours, with a scale of 3 degC."""
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", [FEATURES_INPUT, "ones"], [MEAN_OUTPUT]),
            helper.make_node("Sub", [MEAN_OUTPUT, MEAN_OUTPUT], ["zeros"]),
            helper.make_node("Add", ["zeros", "usual_error"], [SCALE_OUTPUT]),
        ],
        "smallest",
        inputs=[
            tensor(FEATURES_INPUT, onnx.TensorProto.FLOAT, ["N", 1]),
            tensor(REGION_INPUT, onnx.TensorProto.INT64, ["N"]),
        ],
        outputs=[
            tensor(name, onnx.TensorProto.FLOAT, ["N", WINDOW_H])
            for name in (MEAN_OUTPUT, SCALE_OUTPUT)
        ],
        initializer=[
            numpy_helper.from_array(np.ones((1, WINDOW_H), np.float32), "ones"),
            numpy_helper.from_array(np.array(3, np.float32), "usual_error"),
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    helper.set_model_props(model, _METADATA)
    onnx_bytes: bytes = model.SerializeToString(deterministic=True)
    return onnx_bytes
