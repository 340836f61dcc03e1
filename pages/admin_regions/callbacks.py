"""The Regions page follows its address; its forms change a region or a policy."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from core.access import Permission
from core.errors import InvalidInput
from core.regions import CoolingType
from core.wording import listed
from orchestrator.forecasts.limit_effects import LimitEffect, limit_effect
from orchestrator.regions.changes import RegionDraft, add_region, set_region
from orchestrator.regions.policies import change_policy
from orchestrator.regions.regions_page import regions_view
from orchestrator.regions.views import RegionsView
from pages import addresses
from pages.addresses import Query
from pages.admin_regions.change_rules import register_rules
from pages.admin_regions.fields import (
    COOLING_FIELDS,
    POLICY_FIELDS,
    REGION_FIELDS,
    REGION_FORM,
    shown_region,
)
from pages.admin_regions.fleet_terms import TERM_FIELDS, register_terms, term_values
from pages.admin_regions.layout import NEW, policy_scope, policy_values, regions_table
from pages.components import notice
from pages.context import PageContext
from pages.form_fields import Confirmed, read_all, require_complete, serve_reasoned
from pages.grids import Shown
from pages.list_controls import follow_filters
from pages.region_list import asked_part, part_answer, part_outputs
from pages.second_person import register_approvals
from pages.serving import follow_in_browser, serve
from pages.words import counted, typeset

_FORM_FIELDS = (*REGION_FIELDS, *COOLING_FIELDS)
_NEW_DEFAULTS: dict[str, object] = {
    "cooling_type": CoolingType.EVAPORATIVE.value,
    "it_capacity_mw": 100.0,
    "flexible_load_frac": 50.0,
    "grid_water_l_per_kwh": 1.02,
    "is_active": True,
}
_LIMIT = POLICY_FIELDS[0]
_MOST_NAMED = 5
_DRAFT_FIELDS = tuple(item.name for item in REGION_FIELDS if item.name != "is_active")


def register_callbacks(app: Dash, context: PageContext) -> None:
    """Register the page's callbacks."""
    _register_view(app, context)
    _register_save(app, context)
    _register_policy(app, context)
    register_terms(app, context)
    register_rules(app, context)
    register_approvals(app, context, "regions")
    follow_in_browser(
        app, "gfo_pages", "open_saved_region", Input("regions-saved", "data")
    )
    follow_filters(app, "regions-url", ["regions-find"])


def _register_view(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("regions-notice", "children"),
            Output("regions-table", "children"),
            Output("regions-shown", "data"),
            Output("regions-form", "className"),
            Output("region-slug", "readonly"),
            Output("regions-cooling", "className"),
            Output("regions-policy-scope", "children"),
            *(Output(item.control_id(REGION_FORM), "value") for item in _FORM_FIELDS),
            *(Output(item.control_id(REGION_FORM), "value") for item in POLICY_FIELDS),
            Output("regions-by-class", "className"),
            Output("regions-of-fleet", "className"),
            *(Output(item.control_id(REGION_FORM), "value") for item in TERM_FIELDS),
            *part_outputs("regions"),
        ],
        inputs=[
            Input("regions-url", "search"),
            Input("regions-saved", "data"),
            Input("policy-saved", "data"),
            Input("class-saved", "data"),
            Input("terms-saved", "data"),
        ],
        permission=Permission.MANAGE_REGIONS,
        at_load=False,
    )
    def show_regions(search: str | None, *_saved: object) -> tuple[object, ...]:
        query = Query.parse(search)
        question, shown = asked_part(query, addresses.ADMIN_REGIONS)
        with context.request() as request:
            view = regions_view(request, slug=query.text("region"), question=question)
        return (
            *_rendered(view, shown, is_new=query.text(NEW) is not None),
            *part_answer(view.part, question, shown),
        )


def _rendered(view: RegionsView, shown: Shown, *, is_new: bool) -> tuple[object, ...]:
    chosen = view.chosen
    policy = chosen.policy if chosen else view.fleet_policy
    chosen_facts = {
        "region": chosen.choice.slug if chosen else None,
        "cooling_type": chosen.cooling_type if chosen else None,
    }
    return (
        None,
        regions_table(view, shown),
        chosen_facts,
        "" if chosen or is_new else "d-none",
        chosen is not None,
        "" if chosen else "d-none",
        policy_scope(view),
        *_form_values(view),
        *policy_values(policy),
        "" if chosen else "d-none",
        "d-none" if chosen else "gfo-as-columns",
        *term_values(view),
    )


def _form_values(view: RegionsView) -> list[object]:
    if view.chosen is None:
        return [_NEW_DEFAULTS.get(item.name) for item in _FORM_FIELDS]
    facts = view.chosen.facts
    return [item.shown(facts[item.name]) for item in _FORM_FIELDS]


def _register_save(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[
            Output("regions-save-status", "children"),
            Output("regions-saved", "data"),
        ],
        inputs=[Input("regions-save", "n_clicks")],
        states=[
            State("regions-shown", "data"),
            *(State(item.control_id(REGION_FORM), "value") for item in _FORM_FIELDS),
        ],
        permission=Permission.MANAGE_REGIONS,
        at_load=False,
    )
    def save(
        _n_clicks: int, shown: object, *values: object
    ) -> tuple[Component, dict[str, object]]:
        slug = shown_region(shown)
        with context.request() as request:
            if slug is None:
                stored = add_region(request, _draft(values))
            else:
                stored = set_region(request, slug, _changes(values, shown))
        name = stored.region.name
        return notice("Saved.", f"{name} is as you see it."), _saved(stored.slug)


def _saved(slug: str | None) -> dict[str, object]:
    """Different every time, so that the page looks again."""
    return {"region": slug, "at": time.monotonic_ns()}


def _changes(values: Sequence[object], shown: object) -> dict[str, object]:
    entered = read_all(_FORM_FIELDS, values)
    require_complete(_FORM_FIELDS, entered)
    left_out = {"slug"}
    shown_type = shown.get("cooling_type") if isinstance(shown, dict) else None
    if entered["cooling_type"] != shown_type:
        # Another type brings its own parameters; those of the old one stay behind.
        left_out |= {item.name for item in COOLING_FIELDS}
    return {name: value for name, value in entered.items() if name not in left_out}


def _draft(values: Sequence[object]) -> RegionDraft:
    entered = read_all(REGION_FIELDS, values[: len(REGION_FIELDS)])
    entered["colour"] = entered["colour"] or None
    require_complete(REGION_FIELDS, entered, but=["colour"])
    facts = {name: entered[name] for name in _DRAFT_FIELDS}
    facts["cooling_type"] = _cooling_type(facts["cooling_type"])
    return RegionDraft(**facts)


def _cooling_type(value: object) -> CoolingType:
    try:
        return CoolingType(str(value))
    except ValueError as exc:
        message = f"There is no cooling type {str(value)[:20]!r}."
        raise InvalidInput(message) from exc


def effect_words(effect: LimitEffect) -> str:
    """Whom the limit that stands in the form would block or free."""
    parts = [
        f"Would turn {word}: {counted(len(names), 'region')},"
        f" {listed(names[:_MOST_NAMED])}"
        f"{' and others' if len(names) > _MOST_NAMED else ''}."
        for word, names in (
            ("BLOCKED", effect.blocked),
            ("APPROVED", effect.approved),
        )
        if names
    ]
    if not parts:
        parts = [f"No verdict changes: {counted(effect.n_judged, 'region')} looked at."]
    if effect.n_unjudged:
        parts.append(f"{counted(effect.n_unjudged, 'region')} without a verdict.")
    return typeset(" ".join([*parts, "By the newest issue."]))


def _register_policy(app: Dash, context: PageContext) -> None:
    @serve(
        app,
        context,
        outputs=[Output("policy-effect", "children")],
        inputs=[Input(_LIMIT.control_id(REGION_FORM), "value")],
        states=[State("regions-shown", "data")],
        permission=Permission.MANAGE_POLICY,
        at_load=False,
    )
    def show_effect(value: object, shown: object) -> tuple[str]:
        limit_c = _LIMIT.read(value)
        if not isinstance(limit_c, float):
            return ("",)
        with context.request() as request:
            return (effect_words(limit_effect(request, shown_region(shown), limit_c)),)

    @serve_reasoned(
        app,
        context,
        "policy",
        states=[
            State("regions-shown", "data"),
            *(State(item.control_id(REGION_FORM), "value") for item in POLICY_FIELDS),
        ],
        permission=Permission.MANAGE_POLICY,
    )
    def save_policy(
        confirmed: Confirmed, reason: str, shown: object, *values: object
    ) -> Component:
        slug = shown_region(shown)
        entered = read_all(POLICY_FIELDS, values)
        with confirmed() as request:
            changed = change_policy(
                request, region_slug=slug, values=entered, reason=reason
            )
        said = "The limits are changed." if changed else "Nothing to change."
        return notice(said, "The next verdict is judged by what you see.")
