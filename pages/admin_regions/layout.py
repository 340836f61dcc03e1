"""The Regions page: a table of regions, a form for one, and the limits."""

from __future__ import annotations

from dash import dcc, html
from dash.development.base_component import Component

from core.audit import AuditAction
from orchestrator.regions.views import PolicyFacts, RegionFacts, RegionsView
from pages import addresses
from pages.admin_regions.change_rules import rules_form
from pages.admin_regions.fields import (
    COOLING_FIELDS,
    POLICY_FIELDS,
    REGION_FIELDS,
    REGION_FORM,
)
from pages.admin_regions.fleet_terms import class_form, terms_form
from pages.components import (
    Child,
    data_table,
    link,
    notice,
    page_head,
    panel,
    skeleton,
    synthetic_tag,
    tag,
)
from pages.form_fields import form_grid, reasoned_parts, save_button
from pages.grids import Shown
from pages.region_list import find_field, pager_line
from pages.second_person import approvals_panel
from pages.theme import number, short_number
from pages.words import degrees, share

NEW = "new"


def layout() -> Component:
    """The frame of the page; a callback fills it from the address."""
    return html.Div(
        [
            dcc.Location(id="regions-url", refresh=False),
            dcc.Store(id="regions-shown"),
            dcc.Store(id="regions-saved"),
            dcc.Store(id="policy-saved"),
            dcc.Store(id="class-saved"),
            dcc.Store(id="terms-saved"),
            dcc.Store(id="rules-saved"),
            page_head(
                "Regions",
                "Where the fleet runs, and what its decisions are judged by.",
                link("Add a region", f"{addresses.ADMIN_REGIONS}?{NEW}=1"),
                link("The fleet’s limits", addresses.ADMIN_REGIONS),
            ),
            html.Div(id="regions-notice"),
            approvals_panel("regions"),
            panel(
                "Every region",
                find_field("regions"),
                html.Div(skeleton(280), id="regions-table"),
                pager_line("regions"),
                id="regions-all",
            ),
            html.Div(
                [
                    html.Div(_region_form(), id="regions-form", className="d-none"),
                    _policy_form(),
                    html.Div(class_form(), id="regions-by-class", className="d-none"),
                    html.Div(
                        [terms_form(), rules_form()],
                        id="regions-of-fleet",
                        className="gfo-as-columns",
                    ),
                ],
                className="gfo-columns gfo-columns-2 gfo-columns-start",
            ),
        ]
    )


def _region_form() -> Component:
    return panel(
        "Region",
        form_grid(REGION_FORM, REGION_FIELDS),
        html.Div(
            [html.H3("Cooling"), form_grid(REGION_FORM, COOLING_FIELDS)],
            id="regions-cooling",
            className="d-none",
        ),
        save_button("Save the region", "regions-save"),
        html.Div(id="regions-save-status", role="status"),
        id="regions-form-panel",
    )


def _policy_form() -> Component:
    return panel(
        "Limits",
        html.P(id="regions-policy-scope"),
        form_grid(REGION_FORM, POLICY_FIELDS),
        html.P(id="policy-effect", role="status"),
        *reasoned_parts("policy", "Change the limits"),
        html.P(
            link(
                "History of limits, with the values before and after",
                addresses.with_query(
                    addresses.AUDIT_EVENTS, {"action": AuditAction.POLICY_CHANGED}
                ),
            )
        ),
        id="regions-policy",
        hint="Every change is a new version with its reason. Decisions taken before"
        " keep the limits that they were judged by.",
    )


def regions_table(view: RegionsView, shown: Shown) -> Component:
    """A page of regions with what matters for a decision."""
    if not view.regions and shown.is_first and not shown.kept["find"]:
        return notice("There is no region yet.", "Add one with the link above.")
    return data_table(
        "Regions of the fleet",
        (
            "Region",
            "Time zone",
            "Cooling",
            "IT capacity, MW",
            "May move",
            "Limit",
            "Confidence",
        ),
        [_cells(facts, shown) for facts in view.regions],
        numeric_from=3,
        id="regions-list",
        cards=True,
        download=True,
    )


def _cells(region: RegionFacts, shown: Shown) -> list[Child]:
    choice, policy = region.choice, region.policy
    name = html.Span(
        [
            link(
                choice.name,
                shown.href(region=choice.slug),
            ),
            synthetic_tag(choice),
            None if region.is_active else tag("not in the fleet"),
            " ",
            link("its page", addresses.region_href(choice.slug), label=choice.name),
        ]
    )
    own_limit = "" if "thermal_limit_c" not in policy.overridden else " (own)"
    return [
        name,
        choice.time_zone,
        region.cooling_type,
        number(float(region.facts["it_capacity_mw"])),
        share(100 * float(region.facts["flexible_load_frac"])),
        f"{degrees(policy.thermal_limit_c)}{own_limit}",
        share(round(100 * policy.confidence, 6)),
    ]


def policy_scope(view: RegionsView) -> str:
    """Whose limits the form changes, and what an empty field means."""
    if view.chosen is None:
        return "The whole fleet, where a region has no value of its own."
    fleet = view.fleet_policy
    return (
        f"{view.chosen.choice.name} alone. An empty field takes the fleet’s value:"
        f" limit {degrees(fleet.thermal_limit_c)},"
        f" confidence {share(round(100 * fleet.confidence, 6))},"
        f" cooling factor {short_number(fleet.cooling_factor_c_per_pct)},"
        f" oldest telemetry {short_number(fleet.telemetry_max_age_h)} h."
    )


def policy_values(policy: PolicyFacts) -> list[object]:
    """What the policy form holds: only the place's own values."""
    return [
        item.shown(getattr(policy, item.name))
        if item.name in policy.overridden
        else None
        for item in POLICY_FIELDS
    ]
