"""Check that an ONNX file keeps the contract, without running it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from core.errors import ModelRejected
from models.families import require_own_graph
from models.metadata import MAX_MODEL_BYTES, ModelContract, contract_from_metadata

FEATURES_INPUT = "features"
REGION_INPUT = "region_index"
MEAN_OUTPUT = "mean"
SCALE_OUTPUT = "scale"

MAX_OPSET = 21
ML_DOMAIN = "ai.onnx.ml"

ALLOWED_OPERATORS = frozenset(
    {
        "Abs", "Add", "Cast", "Ceil", "Clip", "Concat", "Constant",
        "ConstantOfShape", "Div", "Equal", "Exp", "Expand", "Flatten", "Floor",
        "Gather", "GatherElements", "GatherND", "Gemm", "Greater", "GreaterOrEqual",
        "Identity", "Less", "LessOrEqual", "Log", "MatMul", "Max", "Mean", "Min",
        "Mul", "Neg", "Not", "Pad", "Pow", "ReduceMax", "ReduceMean", "ReduceMin",
        "ReduceSum", "Relu", "Reshape", "Shape", "Sigmoid", "Slice", "Softplus",
        "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose",
        "Unsqueeze", "Where",
        f"{ML_DOMAIN}.TreeEnsemble", f"{ML_DOMAIN}.TreeEnsembleRegressor",
    }
)  # fmt: skip
"""Arithmetic, shapes and tree ensembles: no loops, branches, randomness or files."""

MAX_NODES = 5_000
MAX_WEIGHT_ELEMENTS = MAX_MODEL_BYTES // 2
"""Of a weight: a file may be one of float16."""

MAX_TENSOR_ELEMENTS = MAX_MODEL_BYTES // 4
"""Of a list in an attribute, or of a result whose size is known before the model runs:
as many float32 as a file has room for."""

MAX_NAME_CHARACTERS = 256
"""Of a name of a node, tensor, weight, graph, domain or metadata key."""

MAX_TEXT_BYTES = 2 * 1024 * 1024
"""Of all metadata, names and documentation together: 10,000 slugs take 0.4 MB."""

_MOST_ELEMENTS = f"{MAX_TENSOR_ELEMENTS:,} elements"


def read_contract(onnx_bytes: bytes) -> ModelContract:
    """The contract of a model that keeps it.

    Nothing is executed and no file is opened: the bytes are parsed, and the graph's
    operators, weights, tensors and metadata are checked.

    Raises
    ------
    ModelRejected
        With the sentence that says how the contract is broken.
    """
    model = _parsed(onnx_bytes)
    _require_short_texts(model)
    _require_known_operators(model)
    _require_own_finite_weights(model)
    contract = contract_from_metadata(
        {entry.key: entry.value for entry in model.metadata_props}
    )
    _require_tensors(model, contract)
    _require_well_formed(model)
    _require_bounded_results(model)
    require_own_graph(model, contract.family)
    return contract


def _parsed(onnx_bytes: bytes) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(onnx_bytes)
    except DecodeError as exc:
        message = "The file is not an ONNX model."
        raise ModelRejected(message) from exc
    if not model.graph.node:
        message = "The file holds no ONNX graph."
        raise ModelRejected(message)
    return model


def _require_short_texts(model: onnx.ModelProto) -> None:
    """Refuse names and documents that only serve to fill logs, pages and memory."""
    total = 0
    for names, documents in _texts(model):
        longest = max(map(len, names), default=0)
        if longest > MAX_NAME_CHARACTERS:
            message = (
                f"A name in the graph has {longest:,} characters; at most"
                f" {MAX_NAME_CHARACTERS} are allowed."
            )
            raise ModelRejected(message)
        total += sum(len(text.encode()) for text in (*names, *documents))
    if total > MAX_TEXT_BYTES:
        message = (
            f"Names, documentation and metadata take {total / 2**20:.1f} MiB; at most"
            f" {MAX_TEXT_BYTES // 2**20} MiB are allowed."
        )
        raise ModelRejected(message)


def _texts(model: onnx.ModelProto) -> Iterator[tuple[list[str], list[str]]]:
    """Names and documents of every part of the file."""
    graph = model.graph
    yield (
        [model.producer_name, model.producer_version, model.domain, graph.name],
        [model.doc_string, graph.doc_string],
    )
    for entry in (*model.metadata_props, *graph.metadata_props):
        yield [entry.key], [entry.value]
    for value in (*graph.input, *graph.output, *graph.value_info):
        dimensions = value.type.tensor_type.shape.dim
        yield [value.name, *(d.dim_param for d in dimensions)], [value.doc_string]
    for tensor in _tensors(model):
        yield [tensor.name], [tensor.doc_string]
    for node in graph.node:
        names = [node.name, node.op_type, node.domain, *node.input, *node.output]
        attributes = node.attribute
        yield names, [node.doc_string, *(item.doc_string for item in attributes)]
        yield [item.name for item in attributes], []


def _require_known_operators(model: onnx.ModelProto) -> None:
    if model.functions:
        message = "The model defines functions of its own; write the operators out."
        raise ModelRejected(message)
    # "ai.onnx" is another name of the default domain. skl2onnx repeats an import; only
    # two versions leave open what the operators mean.
    opsets = {
        (opset.domain.removeprefix("ai.onnx"), opset.version)
        for opset in model.opset_import
    }
    if len({domain for domain, _ in opsets}) != len(opsets):
        message = "The file imports an operator set in two versions."
        raise ModelRejected(message)
    for opset in model.opset_import:
        if opset.domain not in {"", "ai.onnx", ML_DOMAIN}:
            message = f"Operator set {opset.domain!r} is not allowed."
            raise ModelRejected(message)
        if opset.domain != ML_DOMAIN and opset.version > MAX_OPSET:
            message = f"Operator set {opset.version} is newer than {MAX_OPSET}."
            raise ModelRejected(message)
    if len(model.graph.node) > MAX_NODES:
        message = f"The graph has more than {MAX_NODES:,} nodes."
        raise ModelRejected(message)
    for node in model.graph.node:
        name = _operator_name(node)
        if name not in ALLOWED_OPERATORS:
            message = f"Operator {name} is not allowed; see docs/model-contract.md."
            raise ModelRejected(message)
        if any(attribute.g.node or attribute.graphs for attribute in node.attribute):
            message = f"Operator {name} holds a graph of its own, which is not allowed."
            raise ModelRejected(message)


def _operator_name(node: onnx.NodeProto) -> str:
    in_default = node.domain in {"", "ai.onnx"}
    return node.op_type if in_default else f"{node.domain}.{node.op_type}"


def _require_own_finite_weights(model: onnx.ModelProto) -> None:
    attributes = [item for node in model.graph.node for item in node.attribute]
    is_sparse = any(
        item.HasField("sparse_tensor") or item.sparse_tensors for item in attributes
    )
    if model.graph.sparse_initializer or is_sparse:
        message = "Sparse weights are not allowed."
        raise ModelRejected(message)
    for item in attributes:
        _require_sound_attribute(item)
    names = [tensor.name for tensor in model.graph.initializer]
    if len(set(names)) != len(names):
        message = "Two weights have the same name."
        raise ModelRejected(message)
    for tensor in _tensors(model):
        if tensor.external_data or tensor.data_location == onnx.TensorProto.EXTERNAL:
            message = f"Weight {tensor.name!r} lies in another file; embed it."
            raise ModelRejected(message)
        if _elements(tensor.dims) > MAX_WEIGHT_ELEMENTS:
            most = f"{MAX_WEIGHT_ELEMENTS:,} elements"
            message = f"Weight {tensor.name!r} has more than {most}."
            raise ModelRejected(message)
        weights = _weights(tensor)
        if weights.dtype.kind not in "fiub":
            message = f"Weight {tensor.name!r} holds values that are not numbers."
            raise ModelRejected(message)
        if weights.dtype.kind == "f" and not np.isfinite(weights).all():
            message = f"Weight {tensor.name!r} holds a value that is not finite."
            raise ModelRejected(message)


def _require_sound_attribute(attribute: onnx.AttributeProto) -> None:
    """Hold numbers of an attribute to what holds for weights."""
    numbers = np.array([attribute.f, *attribute.floats], dtype=np.float32)
    if len(numbers) + len(attribute.ints) > MAX_TENSOR_ELEMENTS:
        message = f"Attribute {attribute.name!r} has more than {_MOST_ELEMENTS}."
        raise ModelRejected(message)
    if not np.isfinite(numbers).all():
        message = f"Attribute {attribute.name!r} holds a value that is not finite."
        raise ModelRejected(message)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _weights(
    tensor: onnx.TensorProto,
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError) as exc:
        message = f"Weight {tensor.name!r} cannot be read: {exc}."
        raise ModelRejected(message) from exc


def _require_tensors(model: onnx.ModelProto, contract: ModelContract) -> None:
    float32, int64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    n_features, horizon_h = len(contract.feature_names), contract.horizon_h
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    _require_values(
        "inputs",
        inputs,
        {FEATURES_INPUT: (float32, [n_features]), REGION_INPUT: (int64, [])},
    )
    _require_values(
        "outputs",
        model.graph.output,
        {MEAN_OUTPUT: (float32, [horizon_h]), SCALE_OUTPUT: (float32, [horizon_h])},
    )


def _require_values(
    role: str,
    values: Sequence[onnx.ValueInfoProto],
    expected: dict[str, tuple[int, list[int]]],
) -> None:
    if {value.name for value in values} != set(expected):
        found = ", ".join(sorted(value.name for value in values)) or "none"
        message = f"The {role} must be {' and '.join(expected)}, but are: {found}."
        raise ModelRejected(message)
    for value in values:
        element_type, row_shape = expected[value.name]
        tensor_type = value.type.tensor_type
        if tensor_type.elem_type != element_type:
            wanted = onnx.TensorProto.DataType.Name(element_type)
            message = f"{value.name} must hold {wanted} values."
            raise ModelRejected(message)
        dimensions = list(tensor_type.shape.dim)
        rest = [d.dim_value for d in dimensions[1:]]
        # A first dimension that is fixed would serve one batch size only.
        if not dimensions or dimensions[0].HasField("dim_value") or rest != row_shape:
            wanted = ", ".join(["N", *map(str, row_shape)])
            message = f"{value.name} must have shape [{wanted}] with N left open."
            raise ModelRejected(message)


def _require_well_formed(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as exc:
        first_line = str(exc).strip().splitlines()[0]
        message = f"The graph is not valid ONNX: {first_line}"
        raise ModelRejected(message) from exc


def _require_bounded_results(model: onnx.ModelProto) -> None:
    """Refuse results that are known to be huge before anything runs."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for value in (*inferred.graph.value_info, *inferred.graph.output):
        dimensions = value.type.tensor_type.shape.dim
        # The open batch dimension counts as one row.
        sizes = [d.dim_value if d.HasField("dim_value") else 1 for d in dimensions]
        if _elements(sizes) > MAX_TENSOR_ELEMENTS:
            message = f"Result {value.name[:60]!r} has more than {_MOST_ELEMENTS}."
            raise ModelRejected(message)


def _elements(sizes: Iterable[int]) -> int:
    # Python integers: a product of dimensions must not overflow.
    return math.prod(max(int(size), 0) for size in sizes)
