"""The choice of a region: a list of the first ones, and a search for the others.

A page holds at most `MOST_CHOICES` options. Of a larger fleet the last option says how
many are left out; then a search field stands above the list, whose answers the server
puts into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, html, set_props
from dash.development.base_component import Component

from core.access import Permission
from orchestrator.regions.region_choice import (
    LONGEST_SEARCH,
    RegionScope,
    search_regions,
)
from orchestrator.regions.views import RegionChoices
from pages.context import PageContext
from pages.serving import serve

Option = Mapping[str, str | bool]

_REST_MS = 300
_MORE = "more"


def region_field(
    label: str, control_id: str, select: Component | None = None, *, hint: str = ""
) -> Component:
    """A choice of regions under its label; callbacks fill it."""
    if select is None:
        select = dbc.Select(id=control_id, options=[], value=None)
    return html.Div(
        [
            html.Label(label, htmlFor=control_id),
            html.Div(
                [
                    html.Label(
                        f"Find: {label}",
                        htmlFor=f"{control_id}-search",
                        className="visually-hidden",
                    ),
                    dbc.Input(
                        id=f"{control_id}-search",
                        type="search",
                        value="",
                        debounce=_REST_MS,
                        maxlength=LONGEST_SEARCH,
                        placeholder="Name, slug or country",
                        size="sm",
                    ),
                    html.Span(
                        id=f"{control_id}-found", className="gfo-hint", role="status"
                    ),
                ],
                className="gfo-region-search",
            ),
            select,
            html.Span(hint, className="gfo-hint") if hint else None,
        ],
        className="gfo-field gfo-inline-field gfo-region-field",
    )


def region_options(
    regions: RegionChoices, *, before: Sequence[Option] = ()
) -> list[Option]:
    """The options of a region choice; synthetic regions say so."""
    options: list[Option] = [
        *before,
        *(
            {
                "label": f"{region.name} (synthetic)"
                if region.is_synthetic
                else region.name,
                "value": region.slug,
            }
            for region in regions.shown
        ),
    ]
    if regions.left_out:
        label = f"and {regions.left_out:,} more: search by name, slug or country"
        options.append({"label": label, "value": _MORE, "disabled": True})
    return options


def register_region_search(
    app: Dash,
    context: PageContext,
    control_id: str,
    *,
    permission: Permission = Permission.VIEW_FLEET,
    scope: RegionScope = RegionScope.ACTIVE,
    before: Sequence[Option] = (),
) -> None:
    """Register the callback that puts what a search finds into the list."""

    @serve(
        app,
        context,
        outputs=[Output(f"{control_id}-found", "children")],
        inputs=[Input(f"{control_id}-search", "value")],
        states=[State(control_id, "value")],
        permission=permission,
        at_load=False,
    )
    def find_regions(text: object, chosen: object) -> tuple[str]:
        wanted = text if isinstance(text, str) else ""
        with context.request() as request:
            found = search_regions(
                request,
                wanted,
                chosen=chosen if isinstance(chosen, str) else None,
                scope=scope,
            )
        set_props(control_id, {"options": region_options(found, before=before)})
        if not wanted.strip():
            return ("",)
        return (f"{found.count:,} region{'' if found.count == 1 else 's'} found",)
