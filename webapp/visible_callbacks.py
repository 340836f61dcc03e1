"""The list of callbacks that Dash sends to the browser, filtered by permission.

Dash by itself sends everybody the ids of every page. Here a browser gets the callbacks
that its user may run, and those that run in the browser and belong to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from dash import Dash
from flask import Flask, Response
from flask.typing import ResponseReturnValue

from core.access import Actor, Permission
from webapp.dash_internals import (
    CALLBACK_LIST_ENDPOINT,
    Spec,
    callback_list_json,
    callbacks_for_browsers,
    output_ids,
)


def install_visible_callbacks(
    server: Flask,
    app: Dash,
    table: Mapping[str, Permission],
    current_actor: Callable[[], Actor],
) -> None:
    """Put the filtered list in place of Dash's own."""
    specs = callbacks_for_browsers(app)
    needed = {id(spec): _permissions_of(spec, specs, table) for spec in specs}

    def visible_callbacks() -> ResponseReturnValue:
        actor = current_actor()
        visible = [
            spec
            for spec in specs
            if all(any(map(actor.may, group)) for group in needed[id(spec)])
        ]
        return Response(callback_list_json(visible), mimetype="application/json")

    server.view_functions[CALLBACK_LIST_ENDPOINT] = visible_callbacks


def _permissions_of(
    spec: Spec, specs: list[Spec], table: Mapping[str, Permission]
) -> list[frozenset[Permission]]:
    """Groups of permissions, of each of which a person needs one.

    A callback that runs on the server has its own. One that runs in the browser belongs
    to whoever may run the server's callbacks on the same components.
    """
    if spec["output"] in table:
        return [frozenset({table[spec["output"]]})]
    found: defaultdict[str, set[Permission]] = defaultdict(set)
    for other in specs:
        if other["output"] in table:
            for component_id in _component_ids(other):
                found[component_id].add(table[other["output"]])
    return [
        frozenset(found[component_id])
        for component_id in _component_ids(spec)
        if component_id in found
    ]


def _component_ids(spec: Spec) -> set[str]:
    outputs = {output.rsplit(".", 1)[0] for output in output_ids(spec["output"])}
    return outputs | {item["id"] for item in (*spec["inputs"], *spec["state"])}
