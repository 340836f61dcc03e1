"""Builder of ONNX graphs for docs/model-contract.md."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, DTypeLike, NDArray
from onnx import helper, numpy_helper

from models.contract import (
    FEATURES_INPUT,
    MEAN_OUTPUT,
    ML_DOMAIN,
    REGION_INPUT,
    SCALE_OUTPUT,
)
from models.metadata import ModelContract

OPSET = 17
ML_OPSET = 3
IR_VERSION = 9


class GraphBuilder:
    """Nodes and weights of a graph under construction.

    Parameters
    ----------
    float_type : dtype
        Of the floating point weights: float32, or float64 where rounding could change
        the branch of a tree that a row takes.
    """

    def __init__(self, float_type: DTypeLike) -> None:
        self._float_type = np.dtype(float_type)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._prefix = ""
        self._shared: frozenset[str] = frozenset()

    def part(self, prefix: str, *shared: str) -> GraphBuilder:
        """A builder of the same graph whose names get a prefix, but for shared ones."""
        part = GraphBuilder(self._float_type)
        part._nodes, part._weights = self._nodes, self._weights
        part._prefix, part._shared = prefix, frozenset(shared)
        return part

    @property
    def tensor_type(self) -> int:
        """ONNX number of the floating point type."""
        return int(helper.np_dtype_to_tensor_dtype(self._float_type))

    def node(
        self,
        operator: str,
        inputs: list[str],
        output: str,
        domain: str = "",
        **attributes: Any,  # noqa: ANN401 -- what onnx takes
    ) -> str:
        """Add a node with one output; returns the output's name."""
        self._nodes.append(
            helper.make_node(
                operator,
                [self._own(name) for name in inputs],
                [self._own(output)],
                domain=domain,
                **attributes,
            )
        )
        return output

    def floats(self, name: str, values: ArrayLike) -> str:
        """Add floating point weights; returns their name."""
        return self._add(name, np.array(values, dtype=self._float_type))

    def halves(self, name: str, values: ArrayLike) -> str:
        """Add float16 weights, which a graph casts; returns their name."""
        return self._add(name, np.array(values, dtype=np.float16))

    def integers(self, name: str, values: ArrayLike) -> str:
        """Add int64 weights, such as positions; returns their name."""
        return self._add(name, np.array(values, dtype=np.int64))

    def model_bytes(self, contract: ModelContract) -> bytes:
        """The graph as an ONNX model with the metadata of `contract`.

        The same nodes and weights give the same bytes.
        """
        float32, int64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
        row = len(contract.feature_names)
        graph = helper.make_graph(
            self._nodes,
            f"gfo_{contract.family}",
            inputs=[
                helper.make_tensor_value_info(FEATURES_INPUT, float32, ["N", row]),
                helper.make_tensor_value_info(REGION_INPUT, int64, ["N"]),
            ],
            outputs=[
                helper.make_tensor_value_info(name, float32, ["N", contract.horizon_h])
                for name in (MEAN_OUTPUT, SCALE_OUTPUT)
            ],
            initializer=self._weights,
        )
        domains = {node.domain for node in self._nodes}
        opsets = [helper.make_opsetid("", OPSET)]
        if ML_DOMAIN in domains:
            opsets.append(helper.make_opsetid(ML_DOMAIN, ML_OPSET))
        model = helper.make_model(
            graph,
            producer_name="global-fleet-orchestrator",
            opset_imports=opsets,
            ir_version=IR_VERSION,
        )
        helper.set_model_props(model, contract.to_metadata())
        exported: bytes = model.SerializeToString(deterministic=True)
        return exported

    def _add(
        self, name: str, values: NDArray[np.floating[Any]] | NDArray[np.int64]
    ) -> str:
        self._weights.append(numpy_helper.from_array(values, self._own(name)))
        return name

    def _own(self, name: str) -> str:
        return name if name in self._shared else self._prefix + name
