"""Rows and columns of the placement program, and what its slack means in words.

Heat and capacity bound columns: what enters a region is at most its room, what leaves
one that carries too much is at least its excess. So a program has a row for each hour
and each budget, and for each step of a ramp; few rows are solved fast. Only a program
of heat, which asks how much excess has to stay, has rows for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.aliases import BoolArray, FloatArray, IntArray
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

    Columns: out, in (region by region, hour by hour); with elastic heat its slack
    (degC, per region); when all is elastic also slack of capacity (MW, per region), of
    budgets, and of ramps (MW, per region and direction). Rows: balance (per hour),
    budgets, with a ramp its steps (per region), and of the elastic limits those of heat
    and of capacity (per region and hour).
    """

    n_regions: int
    n_hours: int
    has_ramps: bool
    has_heat: bool
    is_elastic: bool

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
        return self.slack + (self.n_regions if self.has_heat else 0)

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
        elastic = self.ramp_slack + 2 * self.n_regions
        return elastic if self.is_elastic else self.capacity_slack

    @property
    def budgets(self) -> int:
        """First row of budgets."""
        return self.n_hours

    @property
    def ramps(self) -> int:
        """First row of ramps."""
        return self.budgets + len(BUDGETS)

    @property
    def n_steps(self) -> int:
        """Rows of the ramps."""
        return self.n_regions * (self.n_hours - 1) if self.has_ramps else 0

    @property
    def heat(self) -> int:
        """First row of heat."""
        return self.ramps + self.n_steps

    @property
    def capacity(self) -> int:
        """First row of capacity."""
        return self.heat + (self.n_flows if self.has_heat else 0)

    @property
    def n_rows(self) -> int:
        """Rows in all."""
        return self.capacity + (self.n_flows if self.is_elastic else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRows:
    """The program without its costs; its matrix is sparse and row-wise.

    Attributes
    ----------
    lower, upper : ndarray, shape (n_rows,)
    start, index, value : ndarray
        Start of each row, column indices, and values.
    column_lower, column_upper, elastic_cost : ndarray, shape (n_columns,)
        Bounds of the columns, and what makes elastic slack least.
    """

    layout: ProgramLayout
    lower: FloatArray
    upper: FloatArray
    start: IntArray
    index: IntArray
    value: FloatArray
    column_lower: FloatArray
    column_upper: FloatArray
    elastic_cost: FloatArray


def least_excess_c(problem: Placement) -> FloatArray:
    """Excess that each region keeps with all that may leave gone, shape (n_regions,).

    No plan leaves less; one leaves more where the others have no room.
    """
    short_mw = np.maximum(-problem.room_mw - problem.movable_mw, 0.0)
    excess_c = np.divide(
        short_mw,
        problem.mw_per_c,
        out=np.zeros_like(short_mw),
        where=problem.mw_per_c > 0.0,
    )
    return np.asarray(excess_c.max(axis=1, initial=0.0))


def must_leave_mw(problem: Placement, excess_c: FloatArray) -> tuple[FloatArray, ...]:
    """What has to leave for heat, but for an excess, and for capacity; both >= 0.

    Shape (n_regions, n_hours) each. A load that stays must not make a program
    infeasible.
    """
    heat_mw = -problem.room_mw - problem.mw_per_c * excess_c[:, np.newaxis]
    capacity_mw = np.where(_frozen(problem)[:, np.newaxis], 0.0, -problem.free_mw)
    return np.maximum(heat_mw, 0.0), np.maximum(capacity_mw, 0.0)


def program_rows(
    problem: Placement,
    rules: PlanRules,
    *,
    excess_c: FloatArray | None,
    is_elastic: bool = False,
) -> ProgramRows:
    """Balance, budgets and ramps of a placement, with heat and capacity.

    Parameters
    ----------
    excess_c : ndarray, shape (n_regions,) | None
        By how much regions stay above their limits; None leaves it to the program.
    is_elastic : bool
        Whether every limit may be passed, at its slack.
    """
    n_regions, n_hours = problem.load_mw.shape
    layout = ProgramLayout(
        n_regions=n_regions,
        n_hours=n_hours,
        has_ramps=rules.ramp_mw_per_h is not None and n_hours > 1,
        has_heat=excess_c is None,
        is_elastic=is_elastic,
    )
    heat_mw, capacity_mw = must_leave_mw(
        problem, np.zeros(n_regions) if excess_c is None else excess_c
    )
    # In MW of net gain: at most this, where rows and not columns say so.
    limits = np.full((2, layout.n_flows), np.inf)
    least_mw = np.zeros_like(heat_mw)
    if excess_c is None:
        limits[0] = np.where(heat_mw > 0.0, -heat_mw, np.inf).ravel()
    else:
        least_mw = np.minimum(heat_mw, problem.movable_mw)
    if is_elastic:
        limits[1] = np.where(capacity_mw > 0.0, -capacity_mw, np.inf).ravel()
    else:
        least_mw = np.maximum(least_mw, capacity_mw)
    base = totals(problem, problem.load_mw, 0.0)
    lower, upper = _row_bounds(rules, layout, base, limits)
    start, index, value = _matrix(problem, rules, layout, np.isfinite(limits))
    gain = 1.0 + rules.migration_energy_frac
    free = np.full(layout.n_columns - layout.slack, np.inf)
    return ProgramRows(
        layout=layout,
        lower=lower,
        upper=upper,
        start=start,
        index=index,
        value=value,
        column_lower=np.concatenate(
            [least_mw.ravel(), np.zeros(layout.n_columns - layout.n_flows)]
        ),
        column_upper=np.concatenate(
            [problem.movable_mw.ravel(), problem.receivable_mw.ravel() / gain, free]
        ),
        elastic_cost=_elastic_cost(layout, base),
    )


def shortfalls(
    problem: Placement, rules: PlanRules, layout: ProgramLayout, columns: FloatArray
) -> list[str]:
    """Which limits the elastic program could not keep, a sentence for each."""
    over_mw = columns[layout.capacity_slack : layout.budget_slack].tolist()
    budgets = columns[layout.budget_slack : layout.ramp_slack].tolist()
    ramps = columns[layout.ramp_slack :].reshape(2, -1).max(axis=0).tolist()
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


def _frozen(problem: Placement) -> BoolArray:
    return np.isin(problem.slugs, [item.slug for item in problem.frozen])


def _matrix(
    problem: Placement, rules: PlanRules, layout: ProgramLayout, binds: BoolArray
) -> tuple[IntArray, IntArray, FloatArray]:
    entries = _Entries(layout.n_flows, 1.0 + rules.migration_energy_frac)
    flow = np.arange(layout.n_flows)
    region, hour = np.divmod(flow, layout.n_hours)
    entries.add(hour, flow, -1.0)
    entries.add(hour, layout.n_flows + flow, 1.0)
    for number, name in enumerate(BUDGETS):
        rates: FloatArray = getattr(problem.rates, name)
        entries.add_net(
            np.full_like(flow, layout.budgets + number), flow, rates.ravel()
        )
    later = flow[hour > 0]
    step = layout.ramps + np.arange(layout.n_steps)
    if layout.has_ramps:
        entries.add_net(step, later, 1.0)
        entries.add_net(step, later - 1, -1.0)
    if layout.has_heat:
        hot = flow[binds[0]]
        entries.add(layout.heat + hot, hot, -1.0)
        mw_per_c = problem.mw_per_c.ravel()[hot]
        entries.add(layout.heat + hot, layout.slack + region[hot], -mw_per_c)
    if layout.is_elastic:
        full = flow[binds[1]]
        entries.add(layout.capacity + full, full, -1.0)
        entries.add(layout.capacity + full, layout.capacity_slack + region[full], -1.0)
        budget = np.arange(len(BUDGETS))
        entries.add(layout.budgets + budget, layout.budget_slack + budget, -1.0)
        if layout.has_ramps:
            column = layout.ramp_slack + region[later]
            entries.add(step, column, -1.0)
            entries.add(step, layout.n_regions + column, 1.0)
    return entries.row_wise(layout.n_rows)


def _row_bounds(
    rules: PlanRules, layout: ProgramLayout, base: Totals, limits: FloatArray
) -> tuple[FloatArray, FloatArray]:
    lower = np.full(layout.n_rows, -np.inf)
    upper = np.full(layout.n_rows, np.inf)
    lower[: layout.budgets] = upper[: layout.budgets] = 0.0
    for number, (name, words) in enumerate(zip(BUDGETS, _BUDGET_WORDS, strict=True)):
        cap = getattr(rules, words[0])
        if cap is not None:
            upper[layout.budgets + number] = cap - getattr(base, name)
    if layout.has_ramps and rules.ramp_mw_per_h is not None:
        upper[layout.ramps : layout.heat] = rules.ramp_mw_per_h
        lower[layout.ramps : layout.heat] = -rules.ramp_mw_per_h
    if layout.has_heat:
        upper[layout.heat : layout.capacity] = limits[0]
    if layout.is_elastic:
        upper[layout.capacity :] = limits[1]
    return lower, upper


def _elastic_cost(layout: ProgramLayout, base: Totals) -> FloatArray:
    cost = np.zeros(layout.n_columns)
    if layout.is_elastic:
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
