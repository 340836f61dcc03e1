"""Flows and totals of a plan, made on forecasts, under the true values."""

from __future__ import annotations

import numpy as np

from core.aliases import FloatArray
from core.errors import InvalidInput
from core.placement import Placement, Totals, totals
from core.plan_limits import within_limits


def true_totals(
    known: Placement,
    truth: Placement,
    out_mw: FloatArray,
    in_mw: FloatArray,
    *,
    migration_energy_frac: float = 0.0,
) -> Totals:
    """Totals of a plan under the true loads, weather, carbon and prices.

    See `true_flows` for how a plan is carried out under other loads than expected.

    Parameters
    ----------
    known, truth : Placement
        The same regions in the same order, as forecast and as observed.
    out_mw, in_mw : ndarray, shape (n_regions, n_hours)
        The plan made on `known`.

    Raises
    ------
    InvalidInput
        When the two are not of the same regions and hours.
    """
    out, inward = true_flows(
        known, truth, out_mw, in_mw, migration_energy_frac=migration_energy_frac
    )
    load = truth.load_mw - out + (1.0 + migration_energy_frac) * inward
    return totals(truth, load, float(inward.sum()))


def true_flows(
    known: Placement,
    truth: Placement,
    out_mw: FloatArray,
    in_mw: FloatArray,
    *,
    migration_energy_frac: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Flows of a plan under the true loads, MW, balanced in every hour.

    A plan says which share of each hour's load leaves, and how what leaves is spread;
    both are kept while the loads become the true ones. No region receives more than
    the true loads leave room for, in heat and capacity: what does not fit stays where
    it was, in equal proportion for all givers of the hour. Heat is judged as it is for
    the plan itself. So a wrong forecast gains nothing from a broken limit.

    Raises
    ------
    InvalidInput
        When the two are not of the same regions and hours.
    """
    if known.slugs != truth.slugs or known.load_mw.shape != truth.load_mw.shape:
        message = "A plan and its truth must be of the same regions and hours."
        raise InvalidInput(message)
    gain = 1.0 + migration_energy_frac
    flows, _ = within_limits(
        truth,
        lambda rows: _fitted_flows(known, rows, out_mw, in_mw, gain),
        lambda flows: [gain * flows[1] - flows[0]],
    )
    return flows


def _fitted_flows(
    known: Placement,
    truth: Placement,
    out_mw: FloatArray,
    in_mw: FloatArray,
    gain: float,
) -> tuple[FloatArray, FloatArray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        leaving = np.where(known.load_mw > 0.0, out_mw / known.load_mw, 0.0)
        pool = in_mw.sum(axis=0)
        spread = np.where(pool > 0.0, in_mw / pool, 0.0)
    # A region that keeps its load whatever the plan says has nothing to move.
    out = np.where(truth.movable_mw > 0.0, leaving * truth.load_mw, 0.0)
    sent = out.sum(axis=0)
    most = truth.receivable_mw / gain
    inward = np.minimum(spread * sent, most)
    fits = np.divide(
        inward.sum(axis=0), sent, out=np.zeros_like(sent), where=sent > 0.0
    )
    return out * fits, inward
