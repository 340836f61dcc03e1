"""What a limit follows from, and what moving load costs: forms and their callbacks."""

from __future__ import annotations

from dash import Dash, State
from dash.development.base_component import Component

from core.access import Permission
from core.ashrae import INLET_C, AshraeClass
from core.errors import InvalidInput
from orchestrator.regions.policies import change_terms, limit_by_class
from orchestrator.regions.views import RegionsView
from pages.admin_regions.fields import REGION_FORM, shown_region
from pages.components import notice, panel
from pages.context import PageContext
from pages.form_fields import (
    Confirmed,
    Field,
    form_grid,
    read_all,
    reasoned_parts,
    require_complete,
    serve_reasoned,
)
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
        name="plan_blocked_chance_pct",
        label="Turned BLOCKED by a plan in 6 h at most, %",
        hint="Of the regions that it fills; 0 keeps nothing free for the next issues.",
    ),
    Field(
        name="forecasts_kept_days",
        label="Days that other forecasts are kept",
        hint="Wet bulb, carbon and load that no shift or plan rests on; 36500 for good."
        " Temperatures stay.",
    ),
    Field(
        name="counts_hydro_water",
        label="Count hydropower’s evaporation as water",
        kind="flag",
    ),
    Field(
        name="falls_back_on_alarm",
        label="Fall back when a model loses its coverage",
        kind="flag",
        hint="The temperature model that served before then serves again.",
    ),
)
CLASS_FIELDS = (
    Field(
        name="ashrae_class",
        label="Equipment class (ASHRAE)",
        kind="choice",
        choices={item.value: item.value for item in AshraeClass},
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
        form_grid(REGION_FORM, CLASS_FIELDS),
        *reasoned_parts("class", "Take the limit of the class", longest=300),
        id="regions-class",
        hint=f"Warmest inlet less the approach. Warmest inlets: {inlets}"
        " (ASHRAE TC 9.9, 2021).",
    )


def terms_form() -> Component:
    """The fleet's terms of moving load."""
    return panel(
        "Terms of moving load",
        form_grid(REGION_FORM, TERM_FIELDS),
        *reasoned_parts("terms", "Change the terms"),
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
    @serve_reasoned(
        app,
        context,
        "class",
        states=[
            State("regions-shown", "data"),
            *(State(item.control_id(REGION_FORM), "value") for item in CLASS_FIELDS),
        ],
        permission=Permission.MANAGE_POLICY,
    )
    def take_limit(
        confirmed: Confirmed, reason: str, shown: object, *values: object
    ) -> Component:
        slug = shown_region(shown)
        if slug is None:
            message = "Choose a region first; the fleet has no class of equipment."
            raise InvalidInput(message)
        entered = read_all(CLASS_FIELDS, values)
        require_complete(CLASS_FIELDS, entered, but=["ashrae_class"])
        with confirmed() as request:
            limit_c = limit_by_class(
                request,
                region_slug=slug,
                equipment=_equipment(entered["ashrae_class"]),
                approach_c=entered["approach_c"],
                reason=reason,
            )
        said = f"The limit is {degrees(limit_c)} of outdoor air."
        return notice(said, "The next verdict is judged by it.")


def _equipment(value: object) -> AshraeClass:
    try:
        return AshraeClass(str(value))
    except ValueError as exc:
        message = "Choose the class of the equipment."
        raise InvalidInput(message) from exc


def _register_terms(app: Dash, context: PageContext) -> None:
    @serve_reasoned(
        app,
        context,
        "terms",
        states=[State(item.control_id(REGION_FORM), "value") for item in TERM_FIELDS],
        permission=Permission.MANAGE_POLICY,
    )
    def save_terms(confirmed: Confirmed, reason: str, *values: object) -> Component:
        entered = read_all(TERM_FIELDS, values)
        require_complete(TERM_FIELDS, entered)
        with confirmed() as request:
            changed = change_terms(request, changes=entered, reason=reason)
        said = "The terms are changed." if changed else "Nothing to change."
        return notice(said, "They hold for every decision from now on.")
