"""What a limit follows from, and what moving load costs: forms and their callbacks."""

from __future__ import annotations

import time

import dash_bootstrap_components as dbc
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from core.access import Permission
from core.ashrae import INLET_C, AshraeClass
from core.errors import InvalidInput
from orchestrator.regions.policies import change_terms, limit_by_class
from orchestrator.regions.views import RegionsView
from pages.admin_regions.fields import Field, read_all
from pages.admin_regions.forms import control_id, form_grid, save_button, shown_region
from pages.components import field, notice, own_password, panel
from pages.context import PageContext
from pages.serving import serve
from pages.words import degrees

TERM_FIELDS = (
    Field(
        name="migration_energy_frac",
        label="Energy of moving load, %",
        hint="Of the energy of the load moved; the target carries it.",
        scale=100.0,
    ),
    Field(name="migration_usd_per_mwh", label="Price of moving, USD per MWh"),
    Field(
        name="counts_hydro_water",
        label="Count hydropower’s evaporation as water",
        kind="flag",
    ),
    Field(
        name="plan_blocked_chance_pct",
        label="Turned BLOCKED by a plan in 6 h at most, %",
        hint="Of the regions that it fills; 0 keeps nothing free for the next issues.",
    ),
    Field(
        name="falls_back_on_alarm",
        label="Fall back when a model loses its coverage",
        kind="flag",
        hint="The temperature model that served before then serves again.",
    ),
    Field(
        name="forecasts_kept_days",
        label="Days that other forecasts are kept",
        hint="Wet bulb, carbon and load that no shift or plan rests on; 36500 for good."
        " Temperatures stay.",
    ),
)
CLASS_FIELDS = (
    Field(
        name="ashrae_class",
        label="Equipment class (ASHRAE)",
        kind="choice",
        choices=tuple(item.value for item in AshraeClass),
    ),
    Field(
        name="approach_c",
        label="Approach, °C",
        hint="Inlet minus outdoor temperature.",
    ),
)


def class_form() -> Component:
    """A region's limit from the class of its equipment."""
    inlets = ", ".join(
        f"{name} {degrees(inlet.high)}" for name, inlet in INLET_C.items()
    )
    return panel(
        "Limit by equipment class",
        form_grid(CLASS_FIELDS),
        field("Reason", dbc.Textarea(id="class-reason", rows=2, maxlength=300)),
        own_password("class-password"),
        save_button("Take the limit of the class", "class-save"),
        html.Div(id="class-save-status", role="status"),
        id="regions-class",
        hint=f"Warmest inlet less the approach. Warmest inlets: {inlets}"
        " (ASHRAE TC 9.9, 2021).",
    )


def terms_form() -> Component:
    """The fleet's terms of moving load."""
    return panel(
        "Terms of moving load",
        form_grid(TERM_FIELDS),
        field("Reason", dbc.Textarea(id="terms-reason", rows=2, maxlength=500)),
        own_password("terms-password"),
        save_button("Change the terms", "terms-save"),
        html.Div(id="terms-save-status", role="status"),
        id="regions-terms",
        hint="They hold for the whole fleet; a shift goes by those of its source.",
    )


def term_values(view: RegionsView) -> list[object]:
    """What the form of terms holds."""
    return [item.shown(getattr(view.fleet_terms, item.name)) for item in TERM_FIELDS]


def register_terms(app: Dash, context: PageContext) -> None:
    """Register both forms' callbacks."""
    _register_class(app, context)
    _register_terms(app, context)


def _register_class(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("class-save-status", "children"),
            Output("class-reason", "value"),
            Output("class-password", "value"),
            Output("class-saved", "data"),
        ],
        inputs=[Input("class-save", "n_clicks")],
        states=[
            State("regions-shown", "data"),
            State("class-reason", "value"),
            State("class-password", "value"),
            *(State(control_id(item), "value") for item in CLASS_FIELDS),
        ],
        permission=Permission.MANAGE_POLICY,
        at_load=False,
    )
    def take_limit(
        _n_clicks: int,
        shown: object,
        reason: object,
        password: object,
        *values: object,
    ) -> tuple[Component, str, str, int]:
        slug = shown_region(shown)
        if slug is None:
            message = "Choose a region first; the fleet has no class of equipment."
            raise InvalidInput(message)
        entered = read_all(CLASS_FIELDS, values)
        approach_c = entered["approach_c"]
        if not isinstance(approach_c, float):
            message = "Approach, °C is empty."
            raise InvalidInput(message)
        with context.confirmed_request(password) as request:
            limit_c = limit_by_class(
                request,
                region_slug=slug,
                equipment=_equipment(entered["ashrae_class"]),
                approach_c=approach_c,
                reason=reason if isinstance(reason, str) else "",
            )
        said = f"The limit is {degrees(limit_c)} of outdoor air."
        done = notice(said, "The next verdict is judged by it.")
        return done, "", "", time.monotonic_ns()


def _equipment(value: object) -> AshraeClass:
    try:
        return AshraeClass(str(value))
    except ValueError as exc:
        message = "Choose the class of the equipment."
        raise InvalidInput(message) from exc


def _register_terms(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("terms-save-status", "children"),
            Output("terms-reason", "value"),
            Output("terms-password", "value"),
            Output("terms-saved", "data"),
        ],
        inputs=[Input("terms-save", "n_clicks")],
        states=[
            State("terms-reason", "value"),
            State("terms-password", "value"),
            *(State(control_id(item), "value") for item in TERM_FIELDS),
        ],
        permission=Permission.MANAGE_POLICY,
        at_load=False,
    )
    def save_terms(
        _n_clicks: int, reason: object, password: object, *values: object
    ) -> tuple[Component, str, str, int]:
        entered = read_all(TERM_FIELDS, values)
        for item in TERM_FIELDS:
            if entered[item.name] is None:
                message = f"{item.label} is empty."
                raise InvalidInput(message)
        with context.confirmed_request(password) as request:
            changed = change_terms(
                request,
                changes=entered,
                reason=reason if isinstance(reason, str) else "",
            )
        said = "The terms are changed." if changed else "Nothing to change."
        done = notice(said, "They hold for every decision from now on.")
        return done, "", "", time.monotonic_ns()
