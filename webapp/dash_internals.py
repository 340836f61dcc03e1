"""What the portal uses of Dash beyond its documented interface, in one place.

A new release may change any of it; the tests of the gate, of callbacks and of the
grid's script then fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dash
import dash_ag_grid
from dash import Dash
from dash._utils import clean_property_name, stringify_id, to_json
from dash.fingerprint import build_fingerprint

CALLBACK_ENDPOINT = "/_dash-update-component"
CALLBACK_LIST_ENDPOINT = "/_dash-dependencies"

ROUTER_CALLBACK = ".._pages_content.children..._pages_store.data.."
"""Dash's own: it asks for a page's layout, which checks the page's permission."""

_GRID_SCRIPT = "dash_ag_grid.min.js"

Spec = Mapping[str, Any]
"""A callback as Dash registers it."""


def server_callbacks(app: Dash) -> dict[str, Spec]:
    """The callbacks that run on the server, by id; the others run in the browser."""
    return {
        callback_id: spec
        for callback_id, spec in app.callback_map.items()
        if "callback" in spec
    }


def registered_callback(app: Dash, callback_id: str) -> Spec:
    """One callback of `server_callbacks`."""
    spec: Spec = app.callback_map[callback_id]
    return spec


def callbacks_for_browsers(app: Dash) -> list[Spec]:
    """Every callback as Dash lists it for the browser."""
    return list(app._callback_list)


def callback_list_json(specs: Sequence[Spec]) -> str:
    """Such a list as Dash sends it; it may hold components."""
    text: str = to_json(specs)
    return text


def output_ids(callback_id: str) -> list[str]:
    """The outputs that Dash joined into a callback's id, without its hash marks.

    Examples
    --------
    >>> output_ids("..risk.children...chart.figure@0a1b..")
    ['risk.children', 'chart.figure']
    >>> output_ids("risk.children")
    ['risk.children']
    """
    is_joined = callback_id.startswith("..")
    outputs = callback_id[2:-2].split("...") if is_joined else [callback_id]
    return [output.split("@")[0] for output in outputs]


def is_component_id(sent: object, component_id: str) -> bool:
    """Whether a browser's component id, a text or a record, is this registered one."""
    return bool(stringify_id(sent) == component_id)


def is_property(sent: str, name: str) -> bool:
    """Whether a browser's property, without its hash mark, is this registered one."""
    return bool(clean_property_name(sent) == name)


def page_at(path: str) -> Mapping[str, Any] | None:
    """The registered page of this path; None when there is none."""
    # Dash's own matching, so that the gate and the router never disagree.
    page, _ = dash._pages._path_to_page(path.strip("/"))
    return page or None


def finish_setup(app: Dash, hooks: Iterable[Callable[[], object]]) -> None:
    """Run now what Dash leaves for the first request: the hooks that it added.

    Its router adds a callback and an inline script then; permissions and the content
    policy must know both before the first request.
    """
    with app.server.test_request_context("/"):
        for hook in hooks:
            hook()


def leave_grid_script_out() -> None:
    """Take the grid's script, 1.3 MB, out of every page's head.

    `webapp/assets/grids.js` fetches it on the pages that have a grid.
    """
    for resource in dash_ag_grid._js_dist:
        if resource["relative_package_path"] == _GRID_SCRIPT:
            # Dash's own word for a file that the browser fetches by itself.
            resource["async"] = "lazy"


def grid_script_url() -> str:
    """Address of the grid's script, new with every release of its package."""
    file = Path(dash_ag_grid.__file__).parent / _GRID_SCRIPT
    changed = int(file.stat().st_mtime)
    name = build_fingerprint(_GRID_SCRIPT, dash_ag_grid.__version__, changed)
    return f"/_dash-component-suites/{dash_ag_grid.__name__}/{name}"
