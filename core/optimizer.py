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
from core.placement_rows import (
    BUDGETS,
    ProgramRows,
    least_excess_c,
    must_leave_mw,
    program_rows,
    shortfalls,
)
from core.plan_limits import within_limits
from core.plans import PlanTransfer
from core.wording import listed

__all__ = ["ParetoFront", "ParetoPoint", "Plan", "ShadowPrices", "best_plan", "pareto"]


SNAP_MW = 1e-7
"""A flow below a tenth of a watt is the solver's rounding and is none."""
LARGE_COLUMNS = 100_000
"""Above this the interior point method finds the first solution faster."""
SLACK_TOLERANCE_C = 1e-7
"""An excess below this is the solver's rounding and is none."""
_SETTLED = highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible
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
    moves : tuple of PlanTransfer
        Transfers between pairs of regions that add up to it.
    load_after_mw : ndarray
        With it.
    excess_c : ndarray, shape (n_regions,)
        Degrees by which a region stays above its limit, as the program sees it.
    least_usd : float
        Which no plan of the program undercuts: its dual bound, with the rows of the
        load as it is and all that may be moved, however small.
    """

    out_mw: FloatArray
    in_mw: FloatArray
    moves: tuple[PlanTransfer, ...]
    load_after_mw: FloatArray
    excess_c: FloatArray
    totals: Totals
    objective_usd: float
    least_usd: float
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
    bounds_usd: list[float] = []

    def make(rows: Placement) -> _Program:
        program = _Program(rows, chosen)
        program.minimise(rows.rates.priced(prices), prices.migration_usd_per_mwh)
        bounds_usd.append(program.bound())
        return program

    program, _ = within_limits(problem, make, lambda made: [made.change_mw()])
    out_mw, in_mw, _ = program.flows()
    out_mw, in_mw, moves = without_small_transfers(
        problem, out_mw, in_mw, prices, chosen
    )
    load_after = problem.load_mw - out_mw + (1.0 + chosen.migration_energy_frac) * in_mw
    found = totals(problem, load_after, float(np.sum(in_mw)))
    base = totals(problem, problem.load_mw, 0.0)
    return Plan(
        out_mw=out_mw,
        in_mw=in_mw,
        moves=moves,
        load_after_mw=load_after,
        excess_c=program.excess_c(),
        totals=found,
        objective_usd=found.objective_usd(prices),
        least_usd=base.objective_usd(prices) + bounds_usd[0],
        shadow=program.shadow_prices(),
    )


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
        # As the solver has it: without its rounding it may be less than there can be.
        least = program.budget_used(first)
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

    `core.placement_rows` defines its columns and rows. Each region is first held to
    the least excess of heat that it can reach alone; only where that cannot be for all
    together is the least for all found, by a program of its own.
    """

    def __init__(self, problem: Placement, rules: PlanRules) -> None:
        if not problem.slugs:
            message = "There is no region whose load and costs are known."
            raise PlanInfeasible(message)
        self._problem, self._rules = problem, rules
        self._gain = 1.0 + rules.migration_energy_frac
        self._base = totals(problem, problem.load_mw, 0.0)
        self._highs = _quiet_highs()
        self._excess_c = least_excess_c(problem)
        self._is_heat_settled = False
        self._cost = np.empty(0)
        self._rows = self._load_model(excess_c=self._excess_c)

    def minimise(self, rates: FloatArray, migration: float) -> None:
        """Make the load's cost at `rates`, and the moving itself, least.

        Raises
        ------
        PlanInfeasible
            As `best_plan` does.
        """
        flows = rates.ravel()
        cost = np.concatenate([-flows, self._gain * flows + migration])
        is_found = self._run(cost)
        if not (is_found or self._is_heat_settled):
            is_found = self._run_with_shared_heat(cost)
        if not is_found:
            raise PlanInfeasible(listed(self._shortfalls(), separator=" "))
        self._is_heat_settled = True

    def set_budget(self, quantity: str, cap: float | None) -> None:
        """Change a budget; None removes it."""
        base: float = getattr(self._base, quantity)
        upper = highspy.kHighsInf if cap is None else cap - base
        row = self._rows.layout.budgets + BUDGETS.index(quantity)
        self._highs.changeRowBounds(row, -highspy.kHighsInf, upper)

    def budget_price(self, quantity: str) -> float:
        """What one unit more of a budget would save of the objective."""
        row = self._rows.layout.budgets + BUDGETS.index(quantity)
        return max(-float(self._highs.getSolution().row_dual[row]), 0.0)

    def budget_used(self, quantity: str) -> float:
        """The total that a budget is of, in the solution as it stands."""
        row = self._rows.layout.budgets + BUDGETS.index(quantity)
        base: float = getattr(self._base, quantity)
        return base + float(self._highs.getSolution().row_value[row])

    def bound(self) -> float:
        """What no flows cost less than, above the load as it is.

        Weak duality: whatever the prices of the rows, no solution undercuts the sum of
        the rows at their prices and of each column at its better bound. So the solver
        need not be believed.
        """
        rows, price = self._rows, np.array(self._highs.getSolution().row_dual)
        # A row without a lower bound has no price above 0, nor the other way round.
        price = np.where(np.isinf(rows.lower), np.minimum(price, 0.0), price)
        price = np.where(np.isinf(rows.upper), np.maximum(price, 0.0), price)
        at = np.where(price > 0.0, rows.lower, rows.upper)
        of_rows = np.multiply(price, at, out=np.zeros_like(at), where=price != 0.0)
        priced = rows.value * np.repeat(price, np.diff(rows.start))
        left = self._cost - np.bincount(rows.index, priced, len(self._cost))
        of_columns = left * np.where(left > 0.0, rows.column_lower, rows.column_upper)
        return float(of_rows.sum() + of_columns.sum())

    def totals(self) -> Totals:
        """Of the solution as it stands."""
        _, inward, load_after = self.flows()
        return totals(self._problem, load_after, float(np.sum(inward)))

    def change_mw(self) -> FloatArray:
        """Change of the loads by the solution as it stands, MW."""
        _, _, load_after = self.flows()
        return load_after - self._problem.load_mw

    def flows(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Out, in and load after the solution, its rounding removed, MW."""
        shape, n_flows = self._problem.load_mw.shape, self._rows.layout.n_flows
        columns = self._columns()
        out, inward = columns[:n_flows], columns[n_flows : 2 * n_flows]
        out, inward = _settled((inward - out).reshape(shape))
        return out, inward, self._problem.load_mw - out + self._gain * inward

    def excess_c(self) -> FloatArray:
        """Degrees by which each region stays above its limit."""
        # Where moving load cools nothing, no row needs slack.
        is_coolable = self._problem.mw_per_c.any(axis=1)
        return np.where(is_coolable, self._excess_c, self._problem.over_c)

    def shadow_prices(self) -> ShadowPrices:
        """What a unit more of each limit would save, by the duals of the solution."""
        problem, layout = self._problem, self._rows.layout
        shape, solution = problem.load_mw.shape, self._highs.getSolution()
        saved = np.maximum(-np.array(solution.row_dual), 0.0)
        dual = np.array(solution.col_dual)[: 2 * layout.n_flows]
        out_dual, in_dual = dual.reshape(2, *shape)
        # At its upper bound a column's dual is what a unit more of the bound saves.
        per_mw = np.where(problem.movable_mw > 0.0, np.maximum(-out_dual, 0.0), 0.0)
        heat_mw, capacity_mw = must_leave_mw(problem, self._excess_c)
        must = np.where(np.maximum(heat_mw, capacity_mw) > 0.0, out_dual, 0.0)
        may = np.where(problem.may_receive, np.maximum(-in_dual, 0.0) / self._gain, 0.0)
        limits = np.maximum(must, 0.0) + may
        is_heat = np.where(
            must > 0.0, heat_mw >= capacity_mw, problem.room_mw <= problem.free_mw
        )
        heat, capacity = np.where(is_heat, limits, 0.0), np.where(is_heat, 0.0, limits)
        ramps = np.abs(np.array(solution.row_dual)[layout.ramps : layout.heat])
        return ShadowPrices(
            carbon_usd_per_t=float(saved[layout.budgets]),
            water_usd_per_m3=float(saved[layout.budgets + 1]),
            cost_usd_per_usd=float(saved[layout.budgets + 2]),
            limit_usd_per_c=np.sum(heat * problem.mw_per_c, axis=1),
            capacity_usd_per_mw=np.sum(capacity, axis=1),
            flexible_usd_per_pct=np.sum(per_mw * problem.load_mw, axis=1) / 100.0,
            ramp_usd_per_mw=np.sum(ramps.reshape(layout.n_regions, -1), axis=1),
        )

    def _run_with_shared_heat(self, cost: FloatArray) -> bool:
        """Find the least excess over all limits, hold every region to it, and solve."""
        layout = self._load_model(excess_c=None).layout
        heat = np.zeros(layout.n_columns)
        heat[layout.slack :] = 1.0
        if not self._run(heat):
            raise PlanInfeasible(listed(self._shortfalls(), separator=" "))
        excess_c = self._columns()[layout.slack :]
        self._excess_c = np.where(excess_c > SLACK_TOLERANCE_C, excess_c, 0.0)
        # First no tolerance: the cost would use it, and a bound of 36 show as 36.1.
        for tolerance_c in (0.0, SLACK_TOLERANCE_C):
            held_c = np.where(self._excess_c > 0.0, self._excess_c + tolerance_c, 0.0)
            self._rows = self._load_model(excess_c=held_c)
            if self._run(cost):
                return True
        return False

    def _columns(self) -> FloatArray:
        return np.array(self._highs.getSolution().col_value, dtype=np.float64)

    def _run(self, cost: FloatArray) -> bool:
        """Solve at these costs of the columns; whether there is a solution."""
        is_new = not np.array_equal(cost, self._cost)
        self._cost = cost
        indices = np.arange(len(cost), dtype=np.int32)
        self._highs.changeColsCost(len(cost), indices, cost)
        # Where only a budget moved, the simplex method goes on from its last basis.
        is_inner = is_new and len(cost) > LARGE_COLUMNS
        for solver in ("ipm", "simplex") if is_inner else ("simplex",):
            self._highs.setOptionValue("solver", solver)
            self._highs.run()
            if self._highs.getModelStatus() in _SETTLED:
                break
        else:
            # Seldom a basis that was good for other costs leads nowhere.
            self._highs.clearSolver()
            self._highs.setOptionValue("presolve", "on")
            self._highs.run()
            self._highs.setOptionValue("presolve", "off")
        is_found = self._highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return bool(is_found)

    def _shortfalls(self) -> list[str]:
        """Which limits cannot be kept, from the same program with slack everywhere."""
        rows = self._load_model(excess_c=None, is_elastic=True)
        if self._run(rows.elastic_cost):
            return shortfalls(self._problem, self._rules, rows.layout, self._columns())
        return [f"The solver ended without an answer: {self._highs.getModelStatus()}."]

    def _load_model(
        self, *, excess_c: FloatArray | None, is_elastic: bool = False
    ) -> ProgramRows:
        rows = program_rows(
            self._problem, self._rules, excess_c=excess_c, is_elastic=is_elastic
        )
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(rows.column_upper), len(rows.lower)
        lp.col_cost_ = np.zeros(lp.num_col_)
        lp.col_lower_, lp.col_upper_ = rows.column_lower, rows.column_upper
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
    # Of few rows nothing is left to presolve, which takes ten times the simplex.
    highs.setOptionValue("presolve", "off")
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
