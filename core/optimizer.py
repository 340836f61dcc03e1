"""The day-ahead placement of load as a linear program, solved by HiGHS.

What leaves and enters each region in each hour is chosen so that the plan costs least
and keeps every rule. Heat comes first and is elastic: the program first finds by how
little the regions that cannot be cleared must stay above their limits, and then, at
that least, the cheapest plan. So no price can buy heat, and prices and duals stay in
plain USD. Every plan is judged and, where needed, made again, see `core.plan_limits`.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

from core.aliases import FloatArray
from core.errors import PlanInfeasible
from core.few_transfers import without_small_transfers
from core.placement import Placement, PlanPrices, PlanRules, Totals, totals
from core.placement_rows import BUDGETS, ProgramRows, program_rows, shortfalls
from core.plan_limits import within_limits
from core.wording import listed

__all__ = ["ParetoFront", "ParetoPoint", "Plan", "ShadowPrices", "best_plan", "pareto"]


SNAP_MW = 1e-7
"""A flow below a tenth of a watt is the solver's rounding and is none."""
SLACK_TOLERANCE_C = 1e-7
"""An excess below this is the solver's rounding and is none."""
_CONFLICT_FRAC = 1e-6
"""Ends of a front that lie closer than this share of their sum are one point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPrices:
    """What the plan's cost would fall by per unit of a limit, USD, >= 0.

    Attributes
    ----------
    carbon_usd_per_t, water_usd_per_m3, cost_usd_per_usd : float
        Of the budgets; 0 where there is none or it does not bind.
    limit_usd_per_c : ndarray, shape (n_regions,)
        A thermal limit one degree higher.
    capacity_usd_per_mw : ndarray, shape (n_regions,)
        One MW of capacity more in every hour.
    flexible_usd_per_pct : ndarray, shape (n_regions,)
        One percentage point of flexible load more.
    ramp_usd_per_mw : ndarray, shape (n_regions,)
        A ramp one MW per hour steeper.
    """

    carbon_usd_per_t: float
    water_usd_per_m3: float
    cost_usd_per_usd: float
    limit_usd_per_c: FloatArray
    capacity_usd_per_mw: FloatArray
    flexible_usd_per_pct: FloatArray
    ramp_usd_per_mw: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What leaves and enters each region, shape (n_regions, n_hours), MW.

    Attributes
    ----------
    in_mw : ndarray
        Load received, without the energy of its migration.
    load_after_mw : ndarray
        With it.
    excess_c : ndarray, shape (n_regions,)
        Degrees by which a region stays above its limit, as the program sees it.
    """

    out_mw: FloatArray
    in_mw: FloatArray
    load_after_mw: FloatArray
    excess_c: FloatArray
    totals: Totals
    objective_usd: float
    shadow: ShadowPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoPoint:
    """One plan on the front of carbon against water.

    Attributes
    ----------
    litres_per_t : float | None
        Water that the next tonne of CO2e costs here; None at the end of least carbon.
    """

    totals: Totals
    litres_per_t: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParetoFront:
    """From least carbon to least water; one point when both agree on the plan."""

    points: tuple[ParetoPoint, ...]


def best_plan(
    problem: Placement, prices: PlanPrices, rules: PlanRules | None = None
) -> Plan:
    """The cheapest plan among those that leave least heat above the limits.

    Raises
    ------
    PlanInfeasible
        When capacity, ramps or budgets cannot be kept; the sentence says which and by
        how much.
    """
    chosen = rules or PlanRules()

    def make(rows: Placement) -> Plan:
        program = _Program(rows, chosen)
        program.minimise_heat()
        program.minimise(rows.rates.priced(prices), prices.migration_usd_per_mwh)
        return program.plan(prices)

    plan, _ = within_limits(
        problem, make, lambda plan: [plan.load_after_mw - problem.load_mw]
    )
    flows = without_small_transfers(problem, plan.out_mw, plan.in_mw, prices, chosen)
    return _plan(problem, flows, prices, chosen, plan.excess_c, plan.shadow)


def pareto(
    problem: Placement, rules: PlanRules | None = None, *, n_points: int = 12
) -> ParetoFront:
    """Plans from least carbon (then least water) to least water (then least carbon).

    The cap on carbon is swept in equal steps between the two ends; each solve starts
    from the basis of the one before. Money counts only in its own budget.

    Parameters
    ----------
    n_points : int
        Points on the front, ends included, >= 2.

    Raises
    ------
    PlanInfeasible
        As `best_plan` does.
    """

    def make(rows: Placement) -> _Sweep:
        sweep = _Sweep(rows, rules or PlanRules())
        sweep.carry_out(n_points)
        return sweep

    sweep, _ = within_limits(problem, make, lambda made: made.changes_mw)
    return ParetoFront(points=tuple(sweep.points))


def _plan(
    problem: Placement,
    flows: tuple[FloatArray, FloatArray],
    prices: PlanPrices,
    rules: PlanRules,
    excess_c: FloatArray,
    shadow: ShadowPrices,
) -> Plan:
    out_mw, in_mw = flows
    load_after = problem.load_mw - out_mw + (1.0 + rules.migration_energy_frac) * in_mw
    found = totals(problem, load_after, float(np.sum(in_mw)))
    return Plan(
        out_mw=out_mw,
        in_mw=in_mw,
        load_after_mw=load_after,
        excess_c=excess_c,
        totals=found,
        objective_usd=found.objective_usd(prices),
        shadow=shadow,
    )


def _is_one_point(clean: Totals, dry: Totals) -> bool:
    carbon = dry.carbon_t - clean.carbon_t
    water = clean.water_m3 - dry.water_m3
    return carbon <= _CONFLICT_FRAC * max(abs(dry.carbon_t), 1e-9) or (
        water <= _CONFLICT_FRAC * max(abs(clean.water_m3), 1e-9)
    )


class _Sweep:
    """The front's programs: one model whose budget rows and costs are changed."""

    _TIE_BREAK = 1e-9
    """Small against any real trade, so that ties are broken and duals are not."""

    def __init__(self, problem: Placement, rules: PlanRules) -> None:
        self._problem = problem
        self._program = _Program(problem, rules)
        self._program.minimise_heat()
        self._carbon_cap_t, self._water_cap_m3 = rules.carbon_cap_t, rules.water_cap_m3
        self.points: list[ParetoPoint] = []
        self.changes_mw: list[FloatArray] = []

    def carry_out(self, n_points: int) -> None:
        """Find the front's points, and what each changes of the loads."""
        clean, dry = self.ends()
        self.points.append(ParetoPoint(totals=clean, litres_per_t=None))
        if not _is_one_point(clean, dry):
            caps = np.linspace(clean.carbon_t, dry.carbon_t, n_points)
            self.points += [self.at(cap) for cap in caps[1:].tolist()]

    def ends(self) -> tuple[Totals, Totals]:
        """Least carbon, then water; least water, then carbon."""
        clean = self._lexicographic("carbon_t", "water_m3")
        return clean, self._lexicographic("water_m3", "carbon_t")

    def at(self, carbon_cap_t: float) -> ParetoPoint:
        """Least water under a cap on carbon, with the price of the next tonne."""
        self._program.set_budget("carbon_t", carbon_cap_t)
        self._minimise("water_m3")
        self.changes_mw.append(self._program.change_mw())
        return ParetoPoint(
            totals=self._program.totals(),
            litres_per_t=1000.0 * self._program.budget_price("carbon_t"),
        )

    def _lexicographic(self, first: str, second: str) -> Totals:
        program = self._program
        program.set_budget("carbon_t", self._carbon_cap_t)
        program.set_budget("water_m3", self._water_cap_m3)
        self._minimise(first)
        least: float = getattr(program.totals(), first)
        program.set_budget(first, least + 1e-9 * max(abs(least), 1.0))
        self._minimise(second)
        found = program.totals()
        self.changes_mw.append(program.change_mw())
        program.set_budget("carbon_t", self._carbon_cap_t)
        program.set_budget("water_m3", self._water_cap_m3)
        return found

    def _minimise(self, quantity: str) -> None:
        rates: FloatArray = getattr(self._problem.rates, quantity)
        scale = float(np.max(np.abs(rates), initial=0.0))
        self._program.minimise(rates, self._TIE_BREAK * scale)


class _Program:
    """The linear program of one placement, kept in HiGHS between solves.

    `core.placement_rows` defines its columns and rows.
    """

    def __init__(self, problem: Placement, rules: PlanRules) -> None:
        if not problem.slugs:
            message = "There is no region whose load and costs are known."
            raise PlanInfeasible(message)
        self._problem, self._rules = problem, rules
        self._gain = 1.0 + rules.migration_energy_frac
        self._base = totals(problem, problem.load_mw, 0.0)
        self._highs = _quiet_highs()
        self._layout = self._load_model(elastic=False).layout

    def minimise_heat(self) -> None:
        """Find the least excess over all limits, and hold every slack to it."""
        layout = self._layout
        cost = np.zeros(layout.n_columns)
        cost[layout.slack :] = 1.0
        self._solve(cost)
        excess_c = self._columns()[layout.slack :]
        # No tolerance: the cost would use it, and a bound of 36 would show as 36.1.
        held = np.where(excess_c > SLACK_TOLERANCE_C, excess_c, 0.0)
        columns = np.arange(layout.slack, layout.n_columns, dtype=np.int32)
        self._highs.changeColsBounds(
            layout.n_regions, columns, np.zeros(layout.n_regions), held
        )

    def minimise(self, rates: FloatArray, migration: float) -> None:
        """Make the load's cost at `rates`, and the moving itself, least."""
        flows, slack = rates.ravel(), np.zeros(self._layout.n_regions)
        self._solve(np.concatenate([-flows, self._gain * flows + migration, slack]))

    def set_budget(self, quantity: str, cap: float | None) -> None:
        """Change a budget; None removes it."""
        base: float = getattr(self._base, quantity)
        upper = highspy.kHighsInf if cap is None else cap - base
        row = self._layout.budgets + BUDGETS.index(quantity)
        self._highs.changeRowBounds(row, -highspy.kHighsInf, upper)

    def budget_price(self, quantity: str) -> float:
        """What one unit more of a budget would save of the objective."""
        row = self._layout.budgets + BUDGETS.index(quantity)
        return max(-float(self._highs.getSolution().row_dual[row]), 0.0)

    def totals(self) -> Totals:
        """Of the solution as it stands."""
        _, inward, load_after = self._flows()
        return totals(self._problem, load_after, float(np.sum(inward)))

    def change_mw(self) -> FloatArray:
        """Change of the loads by the solution as it stands, MW."""
        _, _, load_after = self._flows()
        return load_after - self._problem.load_mw

    def plan(self, prices: PlanPrices) -> Plan:
        """The solution as a plan, its rounding removed."""
        out, inward, _ = self._flows()
        return _plan(
            self._problem,
            (out, inward),
            prices,
            self._rules,
            self._excess_c(),
            self._shadow_prices(),
        )

    def _excess_c(self) -> FloatArray:
        # Where moving load cools nothing, no row needs slack.
        over_c = self._problem.over_c
        is_coolable = self._problem.mw_per_c.any(axis=1)
        return np.where(is_coolable, self._columns()[self._layout.slack :], over_c)

    def _flows(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        shape, n_flows = self._problem.load_mw.shape, self._layout.n_flows
        columns = self._columns()
        out, inward = columns[:n_flows], columns[n_flows : 2 * n_flows]
        out, inward = _settled((inward - out).reshape(shape))
        return out, inward, self._problem.load_mw - out + self._gain * inward

    def _columns(self) -> FloatArray:
        return np.array(self._highs.getSolution().col_value, dtype=np.float64)

    def _shadow_prices(self) -> ShadowPrices:
        problem, layout = self._problem, self._layout
        shape, solution = problem.load_mw.shape, self._highs.getSolution()
        saved = np.maximum(-np.array(solution.row_dual), 0.0)
        heat = saved[layout.heat : layout.capacity].reshape(shape)
        capacity = saved[layout.capacity : layout.budgets].reshape(shape)
        out_dual = np.array(solution.col_dual)[: layout.n_flows].reshape(shape)
        # At its upper bound a column's dual is what a unit more of the bound saves.
        per_mw = np.where(problem.movable_mw > 0.0, np.maximum(-out_dual, 0.0), 0.0)
        ramps = saved[layout.ramps :].reshape(2, layout.n_regions, -1)
        return ShadowPrices(
            carbon_usd_per_t=float(saved[layout.budgets]),
            water_usd_per_m3=float(saved[layout.budgets + 1]),
            cost_usd_per_usd=float(saved[layout.budgets + 2]),
            limit_usd_per_c=np.sum(heat * problem.mw_per_c, axis=1),
            capacity_usd_per_mw=np.sum(capacity, axis=1),
            flexible_usd_per_pct=np.sum(per_mw * problem.load_mw, axis=1) / 100.0,
            ramp_usd_per_mw=np.sum(ramps, axis=(0, 2)),
        )

    def _solve(self, cost: FloatArray) -> None:
        indices = np.arange(len(cost), dtype=np.int32)
        self._highs.changeColsCost(len(cost), indices, cost)
        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise PlanInfeasible(listed(self._shortfalls(), separator=" "))

    def _shortfalls(self) -> list[str]:
        """Which limits cannot be kept, from the same program with slack everywhere."""
        rows = self._load_model(elastic=True)
        indices = np.arange(len(rows.elastic_cost), dtype=np.int32)
        self._highs.changeColsCost(len(indices), indices, rows.elastic_cost)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            return [f"The solver ended without an answer: {status}."]
        return shortfalls(self._problem, self._rules, rows.layout, self._columns())

    def _load_model(self, *, elastic: bool) -> ProgramRows:
        rows = program_rows(self._problem, self._rules, elastic=elastic)
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(rows.column_upper), len(rows.lower)
        lp.col_cost_ = np.zeros(lp.num_col_)
        lp.col_lower_, lp.col_upper_ = np.zeros(lp.num_col_), rows.column_upper
        lp.row_lower_, lp.row_upper_ = rows.lower, rows.upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = rows.start
        lp.a_matrix_.index_ = rows.index
        lp.a_matrix_.value_ = rows.value
        self._highs.passModel(lp)
        return rows


class _SilentHighs(highspy.Highs):
    """HiGHS, with its output off before construction prints the banner."""

    def enableCallbacks(self) -> None:  # noqa: N802 -- HiGHS's name
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def _quiet_highs() -> highspy.Highs:
    """A solver that prints nothing, uses one thread and rounds little."""
    highs = _SilentHighs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("primal_feasibility_tolerance", 1e-9)
    highs.setOptionValue("dual_feasibility_tolerance", 1e-9)
    return highs


def _settled(net_mw: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Out and in of each region's net gain, without rounding, balanced every hour.

    A region that gives and takes in one hour does neither: the rest is its net gain.
    """
    net = np.where(np.abs(net_mw) < SNAP_MW, 0.0, net_mw)
    inward, out = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    given, taken = out.sum(axis=0), inward.sum(axis=0)
    # Only ever made smaller: less is given or taken than the program allowed.
    common = np.minimum(given, taken)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = out * np.where(given > 0.0, common / given, 0.0)
        inward = inward * np.where(taken > 0.0, common / taken, 0.0)
    return out, inward
