"""What a file may not bring along: hidden constants, long texts, a borrowed name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core.errors import ModelRejected
from core.forecasts import Target
from core.telemetry import HOUR, Quantity, TelemetryFrame
from core.weather_runs import IssuedRun, weather_runs
from models.contract import MAX_NAME_CHARACTERS, MAX_TEXT_BYTES, read_contract
from models.export import export_onnx
from models.families import GRAPHS, graph_sha256
from models.file_room import OTHER_BYTES
from models.metadata import Family, require_trained_in_past
from models.normalised import TYPICAL_FRAC, NormalisedModel
from models.onnx_model import OnnxModel
from models.smallest import smallest_model
from models.train import train_model
from models.with_runs import TrainedWithRuns
from tests.models.foreign import FEATURES, day_before

Change = Callable[[onnx.ModelProto], None]
UNTIL = "2022-01-01T00:00:00Z"
NOW = datetime(2025, 7, 20, tzinfo=UTC)


def _changed(change: Change) -> bytes:
    model = onnx.load_model_from_string(smallest_model())
    change(model)
    content: bytes = model.SerializeToString()
    return content


def _with_constant(**attributes: object) -> Change:
    def change(model: onnx.ModelProto) -> None:
        model.graph.node.append(
            helper.make_node("Constant", [], ["more"], **attributes)
        )

    return change


def _sparse(model: onnx.ModelProto) -> None:
    values = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    places = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    sparse = helper.make_sparse_tensor(values, places, [3])
    _with_constant(sparse_value=sparse)(model)


def _opset_twice(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("", 18))


def _opset_by_both_names(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx", 18))


def _long_name(model: onnx.ModelProto) -> None:
    model.graph.node[0].name = "n" * (MAX_NAME_CHARACTERS + 1)


def _long_key(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="k" * (MAX_NAME_CHARACTERS + 1), value="")


def _long_document(model: onnx.ModelProto) -> None:
    model.doc_string = "d" * (MAX_TEXT_BYTES + 1)


def _many_documents(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.doc_string = "d" * (MAX_TEXT_BYTES // 2)


def _long_metadata(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="more", value="v" * (MAX_TEXT_BYTES + 1))


REFUSED: dict[str, tuple[Change, str]] = {
    "not a number in an attribute": (_with_constant(value_float=np.nan), "not finite"),
    "infinite in a list": (_with_constant(value_floats=[1.0, np.inf]), "not finite"),
    "sparse in an attribute": (_sparse, "Sparse weights"),
    "an operator set twice": (_opset_twice, "in two versions"),
    "an operator set by two names": (_opset_by_both_names, "in two versions"),
    "a long name": (_long_name, "257 characters; at most 256"),
    "a long key": (_long_key, "257 characters; at most 256"),
    "a long document": (_long_document, r"take 2\.0 MiB; at most 2 MiB"),
    "long documents together": (_many_documents, "at most 2 MiB"),
    "long metadata": (_long_metadata, "at most 2 MiB"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_the_reason(what: str) -> None:
    change, sentence = REFUSED[what]
    with pytest.raises(ModelRejected, match=sentence):
        read_contract(_changed(change))


def test_a_constant_by_attribute_is_no_offence_by_itself() -> None:
    content = _changed(_with_constant(value_float=1.5))
    assert read_contract(content).family == "smallest"


@pytest.mark.parametrize("family", list(Family))
def test_a_family_s_name_on_another_graph_is_refused(family: Family) -> None:
    with pytest.raises(ModelRejected, match="a family of the portal's own"):
        read_contract(day_before(UNTIL, gfo_family=family.value))


@pytest.mark.slow
@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("target", list(Target))
def test_every_export_has_a_known_graph(
    make_frame: Callable[..., TelemetryFrame], family: Family, target: Target
) -> None:
    frames = {"aa": (make_frame("aa", seed=1), "Europe/Dublin")}
    until_utc = frames["aa"][0].start_utc + 50 * 24 * HOUR
    content = export_onnx(train_model(frames, target, until_utc, family=family, seed=1))
    model = onnx.load_model_from_string(content)
    assert graph_sha256(model) in GRAPHS[family]
    assert read_contract(content).family == family


@pytest.mark.parametrize("family", list(Family))
def test_an_export_with_weather_forecasts_is_known_too(
    make_frame: Callable[..., TelemetryFrame], family: Family
) -> None:
    made = make_frame("aa", n_hours=80 * 24, seed=1)
    truth = made.column(Quantity.TEMPERATURE_C)
    runs = [
        IssuedRun(
            source="test",
            model="a",
            member="",
            issued_at_utc=made.start_utc + hour * HOUR,
            known_at_utc=made.start_utc + (hour + 5) * HOUR,
            first_lead_h=0,
            values={Quantity.TEMPERATURE_C: truth[hour : hour + 60] + 1.0},
        )
        for hour in range(0, made.n_hours - 60, 6)
    ]
    frames = {"aa": (replace(made, runs=weather_runs(runs)), "Europe/Dublin")}
    trained = train_model(
        frames,
        Target.TEMPERATURE_C,
        made.start_utc + 70 * 24 * HOUR,
        family=family,
        seed=1,
    )
    assert isinstance(trained, TrainedWithRuns)
    content = export_onnx(trained)
    assert read_contract(content).family == family
    model = onnx.load_model_from_string(content)
    (node,) = [item for item in model.graph.node if item.output[0] == "mean"]
    node.input[0] = "without_mean"
    with pytest.raises(ModelRejected, match="a family of the portal's own"):
        read_contract(model.SerializeToString())


@pytest.mark.slow
@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("target", list(Target))
def test_every_export_with_weather_forecasts_has_a_known_graph(
    make_frame: Callable[..., TelemetryFrame], family: Family, target: Target
) -> None:
    frame = make_frame("aa", seed=1)
    runs = (
        IssuedRun(
            source="test",
            model="",
            member="",
            issued_at_utc=frame.start_utc + hour * HOUR,
            known_at_utc=frame.start_utc + hour * HOUR,
            first_lead_h=0,
            values={q: column[hour : hour + 48] for q, column in frame.values.items()},
        )
        for hour in range(0, frame.n_hours, 6)
    )
    with_runs = replace(frame, runs=weather_runs(runs)), "Europe/Dublin"
    frames = dict.fromkeys(("aa", "bb", "cc"), with_runs)
    until_utc = frame.start_utc + 50 * 24 * HOUR
    train = partial(train_model, frames, target, until_utc, family=family, seed=1)
    trained = train()
    contents = [export_onnx(trained)]
    if family is Family.RIDGE:
        assert isinstance(trained, TrainedWithRuns)
        first_bytes = trained.without.weight_bytes
        # One file has room for all weights of the model without forecasts, one not.
        for bytes_left in (trained.with_runs.weight_bytes, first_bytes):
            file_bytes = OTHER_BYTES + first_bytes + bytes_left - 2_000
            contents.append(export_onnx(train(file_bytes=file_bytes)))
            assert len(contents[-1]) < file_bytes
    hashes = [graph_sha256(onnx.load_model_from_string(item)) for item in contents]
    assert GRAPHS[family].issuperset(hashes)
    assert len(set(hashes)) == len(hashes)
    assert [read_contract(item).contract_version for item in contents] == [
        2 for _ in contents
    ]


def test_a_training_window_that_ends_in_the_future_is_refused() -> None:
    contract = read_contract(day_before("2030-01-01T00:00:00Z"))
    with pytest.raises(ModelRejected, match=r"2030-01-01 00:00 UTC, in the future"):
        require_trained_in_past(contract, NOW)
    require_trained_in_past(read_contract(day_before(UNTIL)), NOW)


@pytest.mark.parametrize("factor", [0.01, 1.0, 37.0, 1e4])
def test_the_size_of_the_scale_does_not_matter(factor: float) -> None:
    features = np.full((2, len(FEATURES)), 21.5, np.float32)
    index = np.zeros(2, np.int64)
    served = []
    for size in (1.0, factor):
        content = day_before(UNTIL, scale_c=2.0 * size)
        digest = hashlib.sha256(content).hexdigest()
        served.append(NormalisedModel(OnnxModel(content, digest)))
    (mean, scale), (same_mean, same_scale) = (
        model.predict(features, index) for model in served
    )
    np.testing.assert_array_equal(mean, same_mean)
    np.testing.assert_allclose(scale, same_scale, rtol=1e-5)
    assert np.median(scale) == pytest.approx(110.0 * TYPICAL_FRAC, rel=1e-5)
    np.testing.assert_allclose(
        served[1].predict_together(features, index)[1], same_scale, rtol=1e-5
    )
