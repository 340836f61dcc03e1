"""A tree that no callback reads or writes, sent and drawn as one component.

Dash gives each component a wrapper that watches the page's state: a table of many rows
costs the browser the square of their number. A still tree is drawn as plain elements by
`webapp/assets/still.js`; links within the portal are followed as those of `link`.
"""

from __future__ import annotations

import json

from dash import dcc, html
from dash.development.base_component import Component

_HTML = "dash_html_components"
_CONTROLS = (html.Button, html.Form, html.Details)
_OF_DASH = ("_", "available_")
"""How the names begin of what Dash keeps with a component beside its properties."""


class Still(Component):
    """The component as the browser knows it; made by `still`.

    Attributes
    ----------
    source : Component
        The tree that it was made of; stays on the server.
    """

    _namespace = "gfo"
    _type = "Still"

    def __init__(self, source: Component) -> None:
        self.source = source
        self._base_nodes = []
        self._prop_names = ["tree"]
        self.available_properties = self._prop_names
        self._valid_wildcard_attributes = []
        self.available_wildcard_properties = []
        super().__init__(tree=_plain(source))  # type: ignore[no-untyped-call]


def still(tree: Component) -> Component:
    """`tree` as one component.

    Raises
    ------
    TypeError
        When a part of it is neither text, an element of `dash.html` nor a link, or is
        a control: what answers to callbacks cannot be still.
    """
    return Still(tree)


def _plain(node: object) -> object:
    """An element as [tag, properties, *children]; text as it is."""
    if node is None or isinstance(node, str | int | float):
        return node
    is_link = isinstance(node, dcc.Link)
    if (
        not isinstance(node, Component)
        or isinstance(node, _CONTROLS)
        or not (is_link or node._namespace == _HTML)
    ):
        message = f"{type(node).__name__} cannot be part of a still tree."
        raise TypeError(message)
    properties = {
        name: value
        for name, value in vars(node).items()
        if not name.startswith(_OF_DASH)
    }
    children = properties.pop("children", None)
    if isinstance(properties.get("id"), dict):
        # As Dash writes ids of several parts into the page.
        id_ = properties["id"]
        properties["id"] = json.dumps(id_, sort_keys=True, separators=(",", ":"))
    if is_link:
        properties["data-within"] = ""
    inner = children if isinstance(children, list | tuple) else [children]
    tag = "a" if is_link else node._type.lower()
    return [tag, properties, *(_plain(child) for child in inner if child is not None)]
