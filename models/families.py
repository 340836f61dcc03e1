"""Does a file that names one of the portal's families have that family's graph?

Whoever reads "ridge" on a page takes the file for one that `gfo train` made. The graphs
of both families are fixed but for their weights, so another graph is another family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        }
    ),
    Family.BOOSTING: frozenset(
        {
            "3a2fee330459ee086a270e3652ee2af88769ea2c2f44ca57499a6b726a7efdaa",
            "40acd610c458f5fd3f4110d19b23a0fc68bb572fe1b5cca9bce3abf66546497f",
            "f7af3aa52549b7de9568a7b116f3c5cb81c5a911aa124eb782314f5f78750eed",
            # As the first of two models, whose outputs stay in float64.
            "39e563c4b61dd865130054c98305580027b88993154dde6afa8760c848ea1d4d",
            "e4a4e72bb5a9fe2903f53a37e44e0dfa5c17df257a3b48fbaba43a6268b9d54e",
            "d30155b86676fe45cb7f1085199acc80fe3430bf750fc07147d2f8f8d221c286",
            # With weather forecasts:
            "ae82d814e1ec087b5701cc11ccbc539dd7484e32d769f5d9703766772cf007d0",
            "33b004d35ad582472770130d76bb442eb5582d27540f3f874705398428e8d83e",
            "e11a844ea43433681910c6c5bc23674f3127143f8adbfed5b44ceabec07261e7",
        }
    ),
}
"""`graph_sha256` of what `models.export` writes: a target may have a lowest mean, and
the trees may have inputs of other quantities. A test exports them all."""


WITH_RUNS = "9d7c31881612726a148671ab96af5b01ed950ac070e68ddbf46f3817f0c2366d"
"""`nodes_sha256` of what joins the two models of a file with weather forecasts."""

_WITHOUT = {"without": "features", "without_mean": "mean", "without_scale": "scale"}
_PARTS = ("without/", "runs/")


def graph_sha256(model: onnx.ModelProto) -> str:
    """SHA-256 of a graph's operators and how they are connected, hexadecimal."""
    return nodes_sha256(model.graph.node)


def nodes_sha256(
    nodes: Iterable[onnx.NodeProto], names: Mapping[str, str] | None = None
) -> str:
    """As `graph_sha256`, of some nodes, with some names replaced."""

    def listed(values: Iterable[str]) -> str:
        plain = (value.removeprefix(_PARTS[0]) for value in values)
        return ",".join((names or {}).get(value, value) for value in plain)

    lines = [
        f"{node.domain}:{node.op_type}({listed(node.input)})->{listed(node.output)}"
        for node in nodes
    ]
    return sha256("\n".join(lines).encode()).hexdigest()


def _is_own(model: onnx.ModelProto, known: frozenset[str]) -> bool:
    """Whether a graph is a known one, or two models of which the first is.

    The second uses weather forecasts; its inputs differ with what those forecast, so it
    is not compared.
    """
    if graph_sha256(model) in known:
        return True
    first, joining = [], []
    for node in model.graph.node:
        (output, *_) = node.output
        if output.startswith(_PARTS[0]) or output in {"without_mean", "without_scale"}:
            first.append(node)
        elif not (
            output.startswith(_PARTS[1]) or output in {"runs_mean", "runs_scale"}
        ):
            joining.append(node)
    is_first_known = nodes_sha256(first, _WITHOUT) in known
    return is_first_known and nodes_sha256(joining) == WITH_RUNS


def require_own_graph(model: onnx.ModelProto, family: str) -> None:
    """Refuse a family of the portal's on a graph that its exporter does not write.

    Raises
    ------
    ModelRejected
        When the graph is another one.
    """
    if family not in list(Family):
        return
    if not _is_own(model, GRAPHS[Family(family)]):
        message = (
            f"gfo_family is {family!r}, a family of the portal's own, but the graph is"
            " not the one that it exports; give the model a name of its own."
        )
        raise ModelRejected(message)
