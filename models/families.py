"""Does a file that names one of the portal's families have that family's graph?

Whoever reads "ridge" on a page takes the file for one that `gfo train` made. The graphs
of both families are fixed but for their weights, so another graph is another family.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import onnx

from core.errors import ModelRejected
from models.metadata import Family

GRAPHS: Mapping[Family, frozenset[str]] = {
    Family.RIDGE: frozenset(
        {
            "1e29a43ff02d682c3f87896d5db34ff0a0d59643fb03d5964d02acf741a69a8e",
            "df2e87314856b60f90645b4b969d74c831a0f9ceb1d76086cf8d5bdbe56f0a4e",
            # With weather forecasts:
            "9337ab0c01c9c2629f8be13cd9cef7d346d51b650a0f57bc49aec9e407ed805a",
            "1aced762cc73a0b04ddefe6aab3e75e9559c36ab378d6414b8edfc088082a00b",
            # Of a fleet whose regions share directions:
            "08fc43bd376a3b202405edec990f08f79acdee21982e4947ec7ed73be519bb81",
            "8ca4b7d3e9c639c41a1322289945d71ecc679ff90e3e6ec31a8c192965ea7ebc",
            # With weather forecasts, where both models share directions:
            "7244a397d4dd5cbe1fd6d19bced98df8f3301297c17f301109932b638ba0fac0",
            "70863063dc4e772ec7affbb8f170382dc18ae5afeefd200a9a9ed83c3d55170b",
            # Where only the one that uses them does:
            "02a442ec7a508f6f003a8040f228f6f3147ad70949f60d70b8532cd805689161",
            "5343e311ead76c0d46459672605249e259d98495292fee0d972c5f3da90ddfb1",
        }
    ),
    Family.BOOSTING: frozenset(
        {
            "3a2fee330459ee086a270e3652ee2af88769ea2c2f44ca57499a6b726a7efdaa",
            "40acd610c458f5fd3f4110d19b23a0fc68bb572fe1b5cca9bce3abf66546497f",
            "f7af3aa52549b7de9568a7b116f3c5cb81c5a911aa124eb782314f5f78750eed",
            # With weather forecasts:
            "ae82d814e1ec087b5701cc11ccbc539dd7484e32d769f5d9703766772cf007d0",
            "33b004d35ad582472770130d76bb442eb5582d27540f3f874705398428e8d83e",
            "e11a844ea43433681910c6c5bc23674f3127143f8adbfed5b44ceabec07261e7",
        }
    ),
}
"""`graph_sha256` of what `models.export` writes: a target may have a lowest mean, the
regions may share directions, and the trees may have inputs of other quantities. A test
exports them all."""


def graph_sha256(model: onnx.ModelProto) -> str:
    """SHA-256 of a graph's operators and how they are connected, hexadecimal."""
    lines = [
        f"{node.domain}:{node.op_type}({','.join(node.input)})->{','.join(node.output)}"
        for node in model.graph.node
    ]
    return sha256("\n".join(lines).encode()).hexdigest()


def require_own_graph(model: onnx.ModelProto, family: str) -> None:
    """Refuse a family of the portal's on a graph that its exporter does not write.

    Raises
    ------
    ModelRejected
        When the graph is another one.
    """
    if family not in list(Family):
        return
    if graph_sha256(model) not in GRAPHS[Family(family)]:
        message = (
            f"gfo_family is {family!r}, a family of the portal's own, but the graph is"
            " not the one that it exports; give the model a name of its own."
        )
        raise ModelRejected(message)
