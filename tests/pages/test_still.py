"""Trees that are sent and drawn as one component."""

from __future__ import annotations

import dash_bootstrap_components as dbc
import pytest
from dash import dcc, html

from pages.attributes import data
from pages.components import link
from pages.still import still


def test_elements_text_and_links_become_one_component() -> None:
    row_id = {"type": "fleet-row", "region": "texas"}
    tree = html.Tr(
        [
            html.Th(["Texas", None], scope="row", **data(csv="Texas")),
            html.Td(link("Forecast", "/forecast", label="of Texas")),
            html.Td(35),
        ],
        id=row_id,
    )
    sent = still(tree).to_plotly_json()
    assert (sent["namespace"], sent["type"]) == ("gfo", "Still")
    assert sent["props"] == {
        "tree": [
            "tr",
            # As the browser knows the element.
            {"id": '{"region":"texas","type":"fleet-row"}'},
            ["th", {"scope": "row", "data-csv": "Texas"}, "Texas"],
            [
                "td",
                {},
                [
                    "a",
                    {"href": "/forecast", "data-within": ""},
                    "Forecast",
                    ["span", {"className": "visually-hidden"}, " of Texas"],
                ],
            ],
            ["td", {}, 35],
        ]
    }


@pytest.mark.parametrize("part", [dcc.Store(id="a"), dbc.Input(id="b")])
def test_what_answers_to_callbacks_cannot_be_still(part: object) -> None:
    with pytest.raises(TypeError, match="cannot be part of a still tree"):
        still(html.Div(html.Div([part])))
