"""Rows and columns of the placement program, and what its slack means in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import FloatArray, IntArray
from core.placement import Placement, PlanRules, Totals, totals

BUDGETS = ("carbon_t", "water_m3", "cost_usd")
"""Totals that have a budget, in the order of their rows."""

_BUDGET_WORDS = (
    ("carbon_cap_t", "carbon budget", "t CO2e"),
    ("water_cap_m3", "water budget", "m3"),
    ("cost_cap_usd", "cost budget", "USD"),
)
_SHORTFALL_FRAC = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramLayout:
    """Where the columns and the rows of each family begin.

    Columns: out, in (region by region, hour by hour), slack (degC, per region); when
    elastic also slack of capacity (MW, per region), of budgets, and of ramps (MW, per
    region). Rows: balance (per hour), heat and capacity (per region and hour), budgets,
    and with a ramp its two sides (per region and step).
    """

    n_regions: int
    n_hours: int
    has_ramps: bool
    elastic: bool

    @property
    def n_flows(self) -> int:
        """Columns of one direction."""
        return self.n_regions * self.n_hours

    @property
    def slack(self) -> int:
        """First column of the slack of heat."""
        return 2 * self.n_flows

    @property
    def capacity_slack(self) -> int:
        """First column of the elastic ones."""
        return self.slack + self.n_regions

    @property
    def budget_slack(self) -> int:
        """First column of the slack of budgets."""
        return self.capacity_slack + self.n_regions

    @property
    def ramp_slack(self) -> int:
        """First column of the slack of ramps."""
        return self.budget_slack + len(BUDGETS)

    @property
    def n_columns(self) -> int:
        """Columns in all."""
        elastic = self.ramp_slack + self.n_regions
        return elastic if self.elastic else self.capacity_slack

    @property
    def heat(self) -> int:
        """First row of heat."""
        return self.n_hours

    @property
    def capacity(self) -> int:
        """First row of capacity."""
        return self.heat + self.n_flows

    @property
    def budgets(self) -> int:
        """First row of budgets."""
        return self.capacity + self.n_flows

    @property
    def ramps(self) -> int:
        """First row of ramps."""
        return self.budgets + len(BUDGETS)

    @property
    def n_steps(self) -> int:
        """Rows of one side of the ramps."""
        return self.n_regions * (self.n_hours - 1) if self.has_ramps else 0

    @property
    def n_rows(self) -> int:
        """Rows in all."""
        return self.ramps + 2 * self.n_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRows:
    """The program without its costs; its matrix is sparse and row-wise.

    Attributes
    ----------
    lower, upper : ndarray, shape (n_rows,)
    start, index, value : ndarray
        Start of each row, column indices, and values.
    column_upper, elastic_cost : ndarray, shape (n_columns,)
        Upper bounds (the lower ones are 0), and what makes elastic slack least.
    """

    layout: ProgramLayout
    lower: FloatArray
    upper: FloatArray
    start: IntArray
    index: IntArray
    value: FloatArray
    column_upper: FloatArray
    elastic_cost: FloatArray


def program_rows(
    problem: Placement, rules: PlanRules, *, elastic: bool = False
) -> ProgramRows:
    """Balance, heat, capacity, budgets and ramps of a placement.

    Heat and capacity rows are in MW: what a region gains, net of what leaves it, is at
    most its room (plus its slack in degrees), and at most its free capacity.
    """
    n_regions, n_hours = problem.load_mw.shape
    layout = ProgramLayout(
        n_regions=n_regions,
        n_hours=n_hours,
        has_ramps=rules.ramp_mw_per_h is not None and n_hours > 1,
        elastic=elastic,
    )
    base = totals(problem, problem.load_mw, 0.0)
    lower, upper = _row_bounds(problem, rules, layout, base)
    start, index, value = _matrix(problem, rules, layout)
    return ProgramRows(
        layout=layout,
        lower=lower,
        upper=upper,
        start=start,
        index=index,
        value=value,
        column_upper=_column_upper(problem, layout),
        elastic_cost=_elastic_cost(layout, base),
    )


def shortfalls(
    problem: Placement, rules: PlanRules, layout: ProgramLayout, columns: FloatArray
) -> list[str]:
    """Which limits the elastic program could not keep, a sentence for each."""
    over_mw = columns[layout.capacity_slack : layout.budget_slack].tolist()
    budgets = columns[layout.budget_slack : layout.ramp_slack].tolist()
    ramps = columns[layout.ramp_slack :].tolist()
    sentences = [
        f"{slug} would carry {over:.3g} MW more than its capacity of {capacity:g} MW,"
        " even with all that may leave it gone."
        for slug, over, capacity in zip(
            problem.slugs, over_mw, problem.capacity_mw.tolist(), strict=True
        )
        if over > _SHORTFALL_FRAC
    ]
    for (cap_name, name, unit), over in zip(_BUDGET_WORDS, budgets, strict=True):
        cap = getattr(rules, cap_name)
        if cap is not None and over > _SHORTFALL_FRAC * max(abs(cap), 1.0):
            sentences.append(
                f"The {name} of {cap:g} {unit} cannot be kept: at least"
                f" {cap + over:.6g} {unit} is needed with the other limits."
            )
    sentences += [
        f"{slug} cannot keep the ramp of {rules.ramp_mw_per_h:g} MW per hour: it needs"
        f" {over:.3g} MW more."
        for slug, over in zip(problem.slugs, ramps, strict=True)
        if over > _SHORTFALL_FRAC
    ]
    return sentences or ["No plan keeps every limit, and no single one is to blame."]


def _matrix(
    problem: Placement, rules: PlanRules, layout: ProgramLayout
) -> tuple[IntArray, IntArray, FloatArray]:
    entries = _Entries(layout.n_flows, 1.0 + rules.migration_energy_frac)
    flow = np.arange(layout.n_flows)
    region, hour = np.divmod(flow, layout.n_hours)
    entries.add(hour, flow, -1.0)
    entries.add(hour, layout.n_flows + flow, 1.0)
    entries.add_net(layout.heat + flow, flow, 1.0)
    entries.add(layout.heat + flow, layout.slack + region, -problem.mw_per_c.ravel())
    entries.add_net(layout.capacity + flow, flow, 1.0)
    for number, name in enumerate(BUDGETS):
        rates: FloatArray = getattr(problem.rates, name)
        entries.add_net(
            np.full_like(flow, layout.budgets + number), flow, rates.ravel()
        )
    later = flow[hour > 0]
    step = layout.ramps + np.arange(layout.n_steps)
    if layout.has_ramps:
        for side in (0, 1):
            rows, sign = step + side * layout.n_steps, 1.0 - 2.0 * side
            entries.add_net(rows, later, sign)
            entries.add_net(rows, later - 1, -sign)
    if layout.elastic:
        entries.add(layout.capacity + flow, layout.capacity_slack + region, -1.0)
        budget = np.arange(len(BUDGETS))
        entries.add(layout.budgets + budget, layout.budget_slack + budget, -1.0)
        if layout.has_ramps:
            column = layout.ramp_slack + region[later]
            entries.add(step, column, -1.0)
            entries.add(step + layout.n_steps, column, -1.0)
    return entries.row_wise(layout.n_rows)


def _row_bounds(
    problem: Placement, rules: PlanRules, layout: ProgramLayout, base: Totals
) -> tuple[FloatArray, FloatArray]:
    lower = np.full(layout.n_rows, -np.inf)
    upper = np.full(layout.n_rows, np.inf)
    lower[: layout.heat] = upper[: layout.heat] = 0.0
    upper[layout.heat : layout.capacity] = problem.room_mw.ravel()
    free_mw = problem.free_mw
    frozen = np.isin(problem.slugs, [item.slug for item in problem.frozen])
    # A load that stays must not make the program infeasible.
    free_mw[frozen] = np.maximum(free_mw[frozen], 0.0)
    upper[layout.capacity : layout.budgets] = free_mw.ravel()
    for number, (name, words) in enumerate(zip(BUDGETS, _BUDGET_WORDS, strict=True)):
        cap = getattr(rules, words[0])
        if cap is not None:
            upper[layout.budgets + number] = cap - getattr(base, name)
    if layout.has_ramps and rules.ramp_mw_per_h is not None:
        upper[layout.ramps :] = rules.ramp_mw_per_h
    return lower, upper


def _column_upper(problem: Placement, layout: ProgramLayout) -> FloatArray:
    upper = np.full(layout.n_columns, np.inf)
    n_flows = layout.n_flows
    upper[:n_flows] = problem.movable_mw.ravel()
    upper[n_flows : layout.slack] = np.where(problem.may_receive, np.inf, 0.0).ravel()
    is_over = problem.over_c > 0.0
    upper[layout.slack : layout.capacity_slack] = np.where(is_over, np.inf, 0.0)
    return upper


def _elastic_cost(layout: ProgramLayout, base: Totals) -> FloatArray:
    cost = np.zeros(layout.n_columns)
    if layout.elastic:
        cost[layout.capacity_slack :] = 1.0
        # A budget counts as the share of it that is missing.
        for number, name in enumerate(BUDGETS):
            scale = max(abs(getattr(base, name)), 1e-6)
            cost[layout.budget_slack + number] = 1.0 / scale
    return cost


class _Entries:
    """Entries of a sparse matrix, collected and then sorted by row."""

    def __init__(self, n_flows: int, gain: float) -> None:
        self._n_flows, self._gain = n_flows, gain
        self._rows: list[IntArray] = []
        self._columns: list[IntArray] = []
        self._values: list[FloatArray] = []

    def add(
        self, rows: IntArray, columns: IntArray, values: float | FloatArray
    ) -> None:
        """One entry for each row and column; zeros are left out."""
        entries = np.broadcast_to(np.asarray(values, dtype=np.float64), rows.shape)
        kept = entries != 0.0
        self._rows.append(rows[kept])
        self._columns.append(columns[kept])
        self._values.append(entries[kept])

    def add_net(
        self, rows: IntArray, flows: IntArray, values: float | FloatArray
    ) -> None:
        """What the net gain of a region and hour counts in a row."""
        entries = np.asarray(values, dtype=np.float64)
        self.add(rows, flows, -entries)
        self.add(rows, self._n_flows + flows, self._gain * entries)

    def row_wise(self, n_rows: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Start of each row, column indices and values."""
        rows = np.concatenate(self._rows)
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=n_rows)
        start = np.concatenate(([0], np.cumsum(counts)))
        index = np.concatenate(self._columns)[order]
        return start, index, np.concatenate(self._values)[order]
