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
            "f5006bd734dbdd26b763669a6d496e14b5a2a5390abba256c6c7e3d2272b4cf4",
            "f909625c3b4749687fda52fe805d17904754c25a83e5feb68423ba13f6db79fe",
            # With weather forecasts, where both models share directions:
            "01d3338648ce4b772fdc84da8c66ef21b4faf709ad59ad255113b6099001cc4a",
            "f06a901afd39aa040b0b4c053cb87d8e47383b444dbd7e1bc91606df6ed09322",
            # Where only the one that uses them does:
            "470da560e7303c74e86ccbfbf4bcc1c2ef15e5d93451e95dbcc469d4dcf29a16",
            "6f37baf6234f1b358d61d86a614068099f8fb2ac2243f628e685777dda2ef2b1",
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
