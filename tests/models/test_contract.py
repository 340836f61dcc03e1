"""A model is accepted for keeping the contract and refused by name for breaking it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from core.errors import ModelRejected
from core.forecasts import Target
from models.contract import read_contract
from models.export import export_onnx
from models.onnx_model import OnnxModel
from models.ridge import TrainedRidge

Change = Callable[[onnx.ModelProto], None]


def _changed(onnx_bytes: bytes, change: Change) -> bytes:
    model = onnx.load_model_from_string(onnx_bytes)
    change(model)
    return model.SerializeToString()


def _set(key: str, value: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        entry = next(e for e in model.metadata_props if e.key == f"gfo_{key}")
        entry.value = value

    return change


def _drop(key: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        kept = [e for e in model.metadata_props if e.key != f"gfo_{key}"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)

    return change


def _weight(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(t for t in model.graph.initializer if t.name == name)


def _poison(model: onnx.ModelProto) -> None:
    tensor = _weight(model, "scale_floor")
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _external(model: onnx.ModelProto) -> None:
    tensor = _weight(model, "scale_floor")
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")


def _truncated_weight(model: onnx.ModelProto) -> None:
    _weight(model, "scale_floor").raw_data = b"\0\0"


def _fixed_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 5


def _double_features(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE


def _rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[1].name = "spread"


def _narrow_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 12


def _random_node(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("RandomNormal", [], ["r"], shape=[1]))


def _other_domain(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.example", 1))


def _newer_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def _dangling(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "nowhere"


def _function(model: onnx.ModelProto) -> None:
    model.functions.add(name="f", domain="com.example")


BROKEN: list[tuple[Change, str]] = [
    (_drop("target"), "no gfo_target"),
    (_set("target", "humidity"), "not one of temperature_c"),
    (_set("contract_version", "3"), "Contract version 3"),
    (_set("contract_version", "one"), "not a whole number"),
    (_set("horizon_h", "12"), "forecasts 12 h; decisions are taken on 24 h"),
    (_set("horizon_h", "0"), "forecasts 0 h; decisions are taken on 24 h"),
    (_narrow_output, r"mean must have shape \[N, 24\]"),
    (_set("feature_names", "temperature_c"), "not a JSON list"),
    (_set("feature_names", "{}"), "JSON list of names"),
    (_set("feature_names", "[" * 100_000), "not a JSON list"),
    (_set("feature_names", '["noise"]'), "'noise' is not in the catalogue"),
    (_set("feature_names", '["local_hour"]'), r"features must have shape \[N, 1\]"),
    (_set("region_slugs", '["aa","aa"]'), "once each"),
    (_set("region_slugs", '["../x"]'), "slugs must be valid"),
    (_set("trained_until_utc", "2022"), "not an ISO 8601 instant"),
    (_set("trained_until_utc", "2022-02-20T00:00:00"), "no time zone"),
    (_set("trained_until_utc", "2001-02-20T00:00:00Z"), "begin before it ends"),
    (_poison, "'scale_floor' holds a value that is not finite"),
    (_external, "lies in another file"),
    (_truncated_weight, "cannot be read"),
    (_fixed_batch, "N left open"),
    (_double_features, "features must hold FLOAT"),
    (_rename_output, "outputs must be mean and scale, but are: mean, spread"),
    (_random_node, "RandomNormal is not allowed"),
    (_other_domain, "'com.example' is not allowed"),
    (_newer_opset, "newer than"),
    (_function, "functions of its own"),
    (_dangling, "not valid ONNX"),
]


def test_exported_model_keeps_the_contract(
    trained: TrainedRidge, onnx_bytes: bytes
) -> None:
    contract = read_contract(onnx_bytes)
    assert contract == trained.contract
    assert contract.target is Target.TEMPERATURE_C
    assert contract.region_slugs == ("aa", "bb")
    assert [contract.region_index(s) for s in ("aa", "bb", "cc")] == [1, 2, 0]


def test_same_model_gives_the_same_bytes(
    trained: TrainedRidge, onnx_bytes: bytes
) -> None:
    assert export_onnx(trained) == onnx_bytes


@pytest.mark.parametrize(("change", "sentence"), BROKEN)
def test_broken_contract_is_refused_with_the_sentence_that_says_how(
    onnx_bytes: bytes, change: Change, sentence: str
) -> None:
    with pytest.raises(ModelRejected, match=sentence):
        read_contract(_changed(onnx_bytes, change))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04K\x01."])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(ModelRejected, match=r"not an ONNX model|no ONNX graph"):
        read_contract(content)


def test_the_page_s_own_example_keeps_the_contract_and_runs() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/model-contract.md").read_text(
        encoding="utf-8"
    )
    script = page.split("```python\n")[1].split("```")[0]
    names: dict[str, bytes] = {}
    exec(script, names)  # noqa: S102 -- the page is ours, and its readers will run it
    onnx_bytes = names["onnx_bytes"]
    assert read_contract(onnx_bytes).family == "last-hour"
    runtime = OnnxModel(onnx_bytes, hashlib.sha256(onnx_bytes).hexdigest())
    mean, scale = runtime.predict(
        np.array([[21.5]], dtype=np.float32), np.zeros(1, dtype=np.int64)
    )
    np.testing.assert_array_equal(mean, np.full((1, 24), 21.5))
    assert scale[0, 0] == 0.5
