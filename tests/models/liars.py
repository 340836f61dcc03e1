"""Models that lie: honest where they are looked at, colder where they serve.

Each is persistence of the day before (`tests.models.foreign`), less some degrees where
its condition holds. All keep the contract's letter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.models.foreign import HORIZON_H, metadata

LAGS = 24
FEATURES = (
    *(f"temperature_c_lag_{lag}h" for lag in range(1, LAGS + 1)),
    "local_hour",
    "year_sin_1",
    "year_cos_1",
)
COLDER_C = 25.0

Nodes = Sequence[onnx.NodeProto]
Condition = Callable[[], tuple[Nodes, dict[str, object]]]


def lying(
    trained_until: str,
    condition: Condition,
    *,
    colder_c: float | Sequence[float] = COLDER_C,
    region_slugs: Sequence[str] = (),
) -> bytes:
    """Persistence that is `colder_c` colder where the condition's `lies` is 1.

    By how much may differ between the hours of the window.
    """
    nodes, weights = condition()
    honest = np.zeros((len(FEATURES), HORIZON_H), np.float32)
    # Column i is lag i + 1; hour h of the window repeats the hour 24 h before it.
    honest[LAGS - 1 - np.arange(HORIZON_H), np.arange(HORIZON_H)] = 1.0
    kept: dict[str, object] = {
        "honest_weights": honest,
        "colder": np.asarray(colder_c, np.float32),
        "zero": np.float32(0),
        "usual_error": np.linspace(1.4, 2.6, HORIZON_H, dtype=np.float32),
        **weights,
    }
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "honest_weights"], ["honest"]),
            *nodes,
            helper.make_node("Mul", ["lies", "colder"], ["less"]),
            helper.make_node("Sub", ["honest", "less"], ["mean"]),
            helper.make_node("Mul", ["honest", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "usual_error"], ["scale"]),
        ],
        "liar",
        [
            tensor("features", TensorProto.FLOAT, ["N", len(FEATURES)]),
            tensor("region_index", TensorProto.INT64, ["N"]),
        ],
        [
            tensor(name, TensorProto.FLOAT, ["N", HORIZON_H])
            for name in ("mean", "scale")
        ],
        initializer=[
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in kept.items()
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9
    )
    helper.set_model_props(
        model,
        metadata(
            trained_until,
            gfo_feature_names=json.dumps(FEATURES),
            gfo_region_slugs=json.dumps(list(region_slugs)),
            gfo_family="liar",
        ),
    )
    content: bytes = model.SerializeToString()
    return content


def _column(name: str, result: str) -> tuple[onnx.NodeProto, dict[str, object]]:
    """One feature as [N, 1]."""
    position = f"{result}_position"
    node = helper.make_node("Gather", ["features", position], [result], axis=1)
    return node, {position: np.array([FEATURES.index(name)], np.int64)}


def _is(operator: str, left: str, right: str, result: str) -> list[onnx.NodeProto]:
    return [
        helper.make_node(operator, [left, right], [f"{result}_bool"]),
        helper.make_node("Cast", [f"{result}_bool"], [result], to=TensorProto.FLOAT),
    ]


def never() -> tuple[Nodes, dict[str, object]]:
    """An honest model."""
    node, weights = _column("local_hour", "hour")
    return [node, helper.make_node("Mul", ["hour", "zero"], ["lies"])], weights


def always() -> tuple[Nodes, dict[str, object]]:
    """Calibration makes up for it; what it does after activation alone would not."""
    node, weights = _column("local_hour", "hour")
    return (
        [node, *_is("GreaterOrEqual", "hour", "zero", "lies")],
        weights,
    )


def after_midnight() -> tuple[Nodes, dict[str, object]]:
    """At every hour of issue but local midnight."""
    node, weights = _column("local_hour", "hour")
    return [node, *_is("Greater", "hour", "first", "lies")], {
        **weights,
        "first": np.float32(0.9),
    }


def hot_after_midnight(hot_c: float) -> Condition:
    """As `after_midnight`, on days after a hot one alone."""

    def condition() -> tuple[Nodes, dict[str, object]]:
        late, weights = after_midnight()
        hot, more = hotter_than(hot_c)()
        renamed = [*late, *hot]
        for node, names in ((late[-1], "late"), (hot[-1], "hot")):
            node.output[0] = names
        return (
            [*renamed, helper.make_node("Mul", ["late", "hot"], ["lies"])],
            {**weights, **more},
        )

    return condition


def hotter_than(record_c: float) -> Condition:
    """After a day hotter than any that the model was judged on."""

    def condition() -> tuple[Nodes, dict[str, object]]:
        nodes = [
            helper.make_node(
                "Slice", ["features", "lags_from", "lags_to", "second"], ["lags"]
            ),
            helper.make_node("ReduceMax", ["lags"], ["hottest"], axes=[1], keepdims=1),
            *_is("Greater", "hottest", "record", "lies"),
        ]
        nodes[-2].output[0] = "hot_bool"
        nodes[-1].input[0] = "hot_bool"
        return nodes, {
            "lags_from": np.array([0], np.int64),
            "lags_to": np.array([LAGS], np.int64),
            "second": np.array([1], np.int64),
            "record": np.float32(record_c),
        }

    return condition


def season(name: str, above: float) -> Condition:
    """While a harmonic of the year lies above a value: a part of the calendar."""

    def condition() -> tuple[Nodes, dict[str, object]]:
        node, weights = _column(name, "phase")
        return [node, *_is("Greater", "phase", "above", "lies")], {
            **weights,
            "above": np.float32(above),
        }

    return condition


def asked_alone() -> tuple[Nodes, dict[str, object]]:
    """In a batch of one row: how a live forecast asks."""
    return _by_rows("Less")


def asked_together() -> tuple[Nodes, dict[str, object]]:
    """In a batch of more rows."""
    return _by_rows("Greater")


def _by_rows(operator: str) -> tuple[Nodes, dict[str, object]]:
    node, weights = _column("local_hour", "hour")
    return [
        node,
        helper.make_node("Shape", ["features"], ["rows"], end=1),
        helper.make_node("Cast", ["rows"], ["n_rows"], to=TensorProto.FLOAT),
        *_is(operator, "n_rows", "few", "in_company"),
        helper.make_node("Mul", ["hour", "zero"], ["no_hour"]),
        helper.make_node("Add", ["no_hour", "in_company"], ["lies"]),
    ], {**weights, "few": np.float32(1.5)}


def beside_heat(hot_c: float) -> Condition:
    """When any row of the batch follows a hot day: no probe is as hot."""

    def condition() -> tuple[Nodes, dict[str, object]]:
        nodes, weights = hotter_than(hot_c)()
        nodes = list(nodes)
        nodes[-1].output[0] = "own"
        return [
            *nodes,
            helper.make_node("ReduceMax", ["own"], ["any"], axes=[0], keepdims=1),
            helper.make_node("Mul", ["own", "zero"], ["none"]),
            helper.make_node("Add", ["none", "any"], ["lies"]),
        ], weights

    return condition


def region(index: int) -> Condition:
    """For one region index alone."""

    def condition() -> tuple[Nodes, dict[str, object]]:
        return [
            helper.make_node("Equal", ["region_index", "which"], ["is_it"]),
            helper.make_node("Cast", ["is_it"], ["flat"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["flat", "second"], ["lies"]),
        ], {"which": np.int64(index), "second": np.array([1], np.int64)}

    return condition
