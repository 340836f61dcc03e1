"""Models as strangers build them: from docs/model-contract.md, with nothing of ours."""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HORIZON_H = 24
FEATURES = tuple(f"temperature_c_lag_{lag}h" for lag in range(1, 25))


def metadata(trained_until: str, **changes: str) -> dict[str, str]:
    """The table of the page's section Metadata."""
    return {
        "gfo_contract_version": "1",
        "gfo_target": "temperature_c",
        "gfo_feature_names": json.dumps(list(FEATURES)),
        "gfo_region_slugs": "[]",
        "gfo_horizon_h": str(HORIZON_H),
        "gfo_trained_from_utc": "2021-01-01T00:00:00Z",
        "gfo_trained_until_utc": trained_until,
        "gfo_family": "foreign",
        "gfo_code_version": "theirs-2",
        "gfo_seed": "0",
    } | changes


def _tensors() -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    tensor = helper.make_tensor_value_info
    inputs = [
        tensor("features", TensorProto.FLOAT, ["N", len(FEATURES)]),
        tensor("region_index", TensorProto.INT64, ["N"]),
    ]
    outputs = [
        tensor(name, TensorProto.FLOAT, ["N", HORIZON_H]) for name in ("mean", "scale")
    ]
    return inputs, outputs


def day_before(
    trained_until: str,
    *,
    scale_c: float = 2.0,
    offset_c: float = 0.0,
    **changes: str,
) -> bytes:
    """The same hour of the day before, and an error that grows; plain onnx.helper."""
    # Column i is lag i + 1; hour h of the window repeats the hour 24 h before it.
    weights = np.zeros((len(FEATURES), HORIZON_H), np.float32)
    weights[23 - np.arange(HORIZON_H), np.arange(HORIZON_H)] = 1.0
    inputs, outputs = _tensors()
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["features", "weights", "offset"], ["mean"]),
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "usual_error"], ["scale"]),
        ],
        "day_before",
        inputs,
        outputs,
        initializer=[
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(
                np.full(HORIZON_H, offset_c, dtype=np.float32), "offset"
            ),
            numpy_helper.from_array(np.zeros((), np.float32), "zero"),
            numpy_helper.from_array(
                np.linspace(0.7, 1.3, HORIZON_H, dtype=np.float32) * scale_c,
                "usual_error",
            ),
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    helper.set_model_props(model, metadata(trained_until, **changes))
    content: bytes = model.SerializeToString()
    return content


def from_scikit_learn(
    trained_until: str, features: np.ndarray, following: np.ndarray
) -> bytes:
    """A random forest by skl2onnx, adapted to the contract.

    skl2onnx gives one input `X` and one output `variable`; the page's names, the
    unused region index and a scale are added around them.
    """
    from skl2onnx import to_onnx  # noqa: PLC0415
    from sklearn.ensemble import RandomForestRegressor  # noqa: PLC0415

    forest = RandomForestRegressor(
        n_estimators=20, max_depth=6, min_samples_leaf=8, random_state=0
    )
    forest.fit(features, following)
    model = to_onnx(forest, features[:1], target_opset={"": 17, "ai.onnx.ml": 3})
    graph = model.graph
    (produced,) = graph.output
    for node in graph.node:
        node.input[:] = ["features" if n == "X" else n for n in node.input]
        node.output[:] = ["mean" if n == produced.name else n for n in node.output]
    residual = following - forest.predict(features)
    error = np.sqrt(np.mean(np.square(residual), axis=0)).astype(np.float32)
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.zeros((), np.float32), "zero"),
            numpy_helper.from_array(error, "usual_error"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "usual_error"], ["scale"]),
        ]
    )
    inputs, outputs = _tensors()
    for field, values in ((graph.input, inputs), (graph.output, outputs)):
        del field[:]
        field.extend(values)
    helper.set_model_props(model, metadata(trained_until, gfo_family="forest"))
    content: bytes = model.SerializeToString()
    return content
