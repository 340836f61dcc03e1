"""What an operator asks the optimiser for: its fields, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from orchestrator.plans.terms import PlanTerms
from pages.form_fields import Field, read_all, require_complete

FORM = "plan"
_amount = partial(Field, least=0.0)

PRICES = (
    _amount(name="carbon_usd_per_t", label="Carbon, USD per t"),
    _amount(name="water_usd_per_m3", label="Water, USD per m³"),
    _amount(name="energy_price_weight", label="Weight of energy prices"),
)
CAPS = (
    _amount(name="migration_usd_per_mwh", label="Moving load, USD per MWh"),
    _amount(name="carbon_cap_t", label="Carbon at most, t"),
    _amount(name="water_cap_m3", label="Water at most, m³"),
    _amount(name="cost_cap_usd", label="Energy bill at most, USD"),
    _amount(name="ramp_mw_per_h", label="Steepest change, MW per hour"),
    _amount(name="minimum_transfer_mwh", label="Least transfer, MWh"),
)
FIELDS = (*PRICES, *CAPS)
OPTIONAL = tuple(item.name for item in CAPS if item.name != "minimum_transfer_mwh")
"""Names of fields that may be left empty."""


def read_terms(values: Mapping[str, object]) -> PlanTerms:
    """The terms from values by name."""
    entered = read_all(FIELDS, [values.get(item.name) for item in FIELDS])
    require_complete(FIELDS, entered, but=OPTIONAL)
    return PlanTerms(**entered)
