"""Hostile files, made here: about 1 KB at most, each with what its refusal says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.smallest import smallest_model

MOST_BYTES = 1_100

Change = Callable[[onnx.ModelProto], None]


def _model() -> onnx.ModelProto:
    return onnx.load_model_from_string(smallest_model())


def _changed(change: Change) -> bytes:
    model = _model()
    change(model)
    return model.SerializeToString()


def _feeding(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto] = (),
    *,
    into: str = "mean",
    with_ml: bool = False,
) -> bytes:
    """The smallest model, with what `nodes` leave in "extra" added to an output."""

    def change(model: onnx.ModelProto) -> None:
        graph = model.graph
        kept = list(graph.node)
        del graph.node[:]
        for node in kept:
            node.output[0] = (
                f"{into}_before" if node.output[0] == into else (node.output[0])
            )
            if into == "mean":
                node.input[:] = [
                    "mean_before" if name == "mean" else name for name in node.input
                ]
        graph.node.extend(kept)
        graph.node.extend(nodes)
        graph.node.append(helper.make_node("Add", [f"{into}_before", "extra"], [into]))
        graph.initializer.extend(weights)
        if with_ml:
            model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))

    return _changed(change)


def _floats(name: str, values: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.float32), name)


def _ints(name: str, values: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def _external(location: str) -> Change:
    def change(model: onnx.ModelProto) -> None:
        _set_external(model.graph.initializer[0], location)

    return change


def _set_external(tensor: onnx.TensorProto, location: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def _external_in_attribute() -> bytes:
    value = _floats("v", [0.0])
    _set_external(value, "/etc/hostname")
    return _feeding([helper.make_node("Constant", [], ["extra"], value=value)])


def _filled(name: str) -> list[onnx.NodeProto]:
    return [helper.make_node("ConstantOfShape", [f"{name}_shape"], [name])]


def _constant_of_shape() -> bytes:
    nodes = [
        *_filled("big"),
        helper.make_node("ReduceSum", ["big"], ["extra"], keepdims=0),
    ]
    return _feeding(nodes, [_ints("big_shape", [100_000, 1_000_000])])


def _constant_of_computed_shape() -> bytes:
    """The size is known only when the model runs: 216 rows times 10 million."""
    nodes = [
        helper.make_node("Shape", ["features"], ["rows"]),
        helper.make_node("Mul", ["rows", "much"], ["big_shape"]),
        *_filled("big"),
        helper.make_node("ReduceSum", ["big"], ["extra"], keepdims=0),
    ]
    return _feeding(nodes, [_ints("much", [10_000, 10_000])])


def _two_big_products() -> bytes:
    nodes = [
        *_filled("a"),
        helper.make_node("MatMul", ["a", "a"], ["b"]),
        helper.make_node("MatMul", ["b", "a"], ["c"]),
        helper.make_node("ReduceSum", ["c"], ["extra"], keepdims=0),
    ]
    return _feeding(nodes, [_ints("a_shape", [60_000, 60_000])])


def long_products(per_row: int = 7_650) -> bytes:
    """Products that fit into memory and take minutes, for each row anew."""
    nodes = [
        helper.make_node("Shape", ["features"], ["n"], end=1),
        helper.make_node("Mul", ["n", "k"], ["m0_shape"]),
        *_filled("m0"),
    ]
    nodes += [
        helper.make_node("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"]) for i in range(5)
    ]
    nodes.append(helper.make_node("ReduceSum", ["m5"], ["extra"], keepdims=0))
    return _feeding(nodes, [_ints("k", [per_row, per_row])])


def _loop() -> bytes:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_in"], ["go"]),
            helper.make_node("Identity", ["x_in"], ["x"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x_in", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("x", TensorProto.FLOAT, []),
        ],
    )
    return _feeding(
        [helper.make_node("Loop", ["n", "", "nothing"], ["extra"], body=body)],
        [_ints("n", 10**9), _floats("nothing", 0.0)],
    )


def _functions(model: onnx.ModelProto) -> None:
    """Ten functions, each calling the one before twice."""
    for i in range(5):
        model.functions.add(
            name=f"f{i}",
            domain="d",
            node=[helper.make_node(f"f{i - 1}", ["x"], ["y"], domain="d")] * 2,
        )


def _recursive_function(model: onnx.ModelProto) -> None:
    model.functions.add(
        name="f", domain="d", node=[helper.make_node("f", ["x"], ["y"], domain="d")]
    )
    model.graph.node.append(helper.make_node("f", ["mean"], ["m"], domain="d"))


def _nested_graphs() -> bytes:
    inner = helper.make_graph([helper.make_node("Neg", ["mean"], ["m"])], "g", [], [])
    for _ in range(6):
        node = helper.make_node("If", ["c"], ["m"], then_branch=inner)
        inner = helper.make_graph([node], "g", [], [])

    def change(model: onnx.ModelProto) -> None:
        model.graph.node.extend(inner.node)

    return _changed(change)


def _divided(numerator: float, into: str) -> bytes:
    """The quotient is made when the model runs: no weight is anything but finite."""
    nodes = [
        helper.make_node("Sub", ["features", "features"], ["zero"]),
        helper.make_node("Add", ["zero", "n"], ["numerator"]),
        helper.make_node("Div", ["numerator", "zero"], ["extra"]),
    ]
    return _feeding(nodes, [_floats("n", numerator)], into=into)


def _text_weight(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(
        helper.make_tensor("s", TensorProto.STRING, [1], [b"x"])
    )


def _text_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING


def _duplicate(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(model.graph.initializer[0])


def _renamed_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "x"


def _other_rank(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=24)


def _double_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def _not_a_number(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[1]
    weight.CopyFrom(_floats(weight.name, np.nan))


def _too_many_nodes() -> bytes:
    """Not small: 5,001 nodes have to be written out."""
    nodes = [helper.make_node("Neg", ["features"], [f"n{i}"]) for i in range(5_001)]
    return _feeding([*nodes, helper.make_node("Neg", ["features"], ["extra"])])


def _rows_mixed() -> bytes:
    nodes = [
        helper.make_node("ReduceSum", ["features"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "little"], ["extra"]),
    ]
    return _feeding(nodes, [_floats("little", 1e-3)])


def _far_off() -> bytes:
    nodes = [helper.make_node("Identity", ["much"], ["extra"])]
    return _feeding(nodes, [_floats("much", 4000.0)])


def _negative_scale() -> bytes:
    nodes = [helper.make_node("Identity", ["minus"], ["extra"])]
    return _feeding(nodes, [_floats("minus", -4.0)], into="scale")


def _tree(true_ids: list[int], false_ids: list[int]) -> bytes:
    """A tree of one split whose branches lead wherever they are told."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["extra"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0],
        nodes_nodeids=[0, 1],
        nodes_featureids=[0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF"],
        nodes_values=[1e9, 0.0],
        nodes_truenodeids=true_ids,
        nodes_falsenodeids=false_ids,
        target_ids=[0],
        target_nodeids=[1],
        target_treeids=[0],
        target_weights=[0.0],
    )
    return _feeding([node], with_ml=True)


def _zip_file() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("model.onnx", smallest_model()[:100])
    return content.getvalue()


def _bytes_at_random() -> bytes:
    return np.random.default_rng(1).bytes(700)


ATTACKS: dict[str, tuple[bytes, str]] = {
    "external data, relative": (_changed(_external("w.bin")), "in another file"),
    "external data, parent": (_changed(_external("../../w")), "in another file"),
    "external data, absolute": (_changed(_external("/etc/passwd")), "in another file"),
    "external data in an attribute": (_external_in_attribute(), "in another file"),
    "loop of 1e9": (_loop(), "Loop is not allowed"),
    "two big products": (_two_big_products(), "more than 16,777,216 elements"),
    "constant of shape": (_constant_of_shape(), "more than 16,777,216 elements"),
    "constant of computed shape": (
        _constant_of_computed_shape(),
        "more memory|brought its check down|fails on its probes|cannot be loaded",
    ),
    "deep functions": (_changed(_functions), "functions of its own"),
    "recursive function": (_changed(_recursive_function), "functions of its own"),
    "nested graphs": (_nested_graphs(), "If is not allowed"),
    "nan weight": (_changed(_not_a_number), "not finite"),
    "nan when run": (_divided(0.0, "mean"), "not finite"),
    "inf when run": (_divided(1.0, "mean"), "not finite"),
    "inf scale when run": (_divided(1.0, "scale"), "not finite"),
    "negative scale": (_negative_scale(), "not positive"),
    "far off": (_far_off(), "outside -61 to 71"),
    "wrong name": (_changed(_renamed_input), "The inputs must be"),
    "wrong rank": (_changed(_other_rank), "must have shape"),
    "wrong type": (_changed(_double_output), "must hold FLOAT"),
    "text weight": (_changed(_text_weight), "not numbers"),
    "text input": (_changed(_text_input), "must hold FLOAT"),
    "duplicate weight": (_changed(_duplicate), "the same name"),
    "rows mixed": (_rows_mixed(), "depends on the rows beside it"),
    "tree that goes round": (
        _tree([0, 0], [0, 0]),
        "cannot be loaded|brought|not done|more than",
    ),
    "tree into nowhere": (_tree([9, 0], [9, 0]), "cannot be loaded|brought"),
    "truncated": (smallest_model()[:-200], "not an ONNX model|no ONNX graph|metadata"),
    "random bytes": (_bytes_at_random(), "not an ONNX model"),
    "no bytes": (b"", "is empty"),
    "zero bytes": (bytes(512), "not an ONNX model"),
    "web page": (b"<!doctype html><title>model</title>", "not an ONNX model"),
    "zip": (_zip_file(), "not an ONNX model"),
    "pickle": (b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n", "not an"),
}
"""Every one is refused before it costs anybody but its own process anything."""

TOO_MANY_NODES = _too_many_nodes()
