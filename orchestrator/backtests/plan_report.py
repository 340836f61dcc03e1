"""A backtest of plans as a document for programs and a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from core.placement import PlanPrices, Totals
from orchestrator.backtests.plan_backtest import WAYS, PlanBacktestResult
from orchestrator.backtests.plan_days import HeatCounts, PlanDay

FORMAT = 1
_LABELS = {
    "nothing": "doing nothing",
    "greedy": "greedy, hour by hour",
    "plan": "best plan, day ahead",
    "oracle": "oracle, same bounds on heat",
    "clairvoyant": "oracle, heat known too",
}
_REGION_HEADING = (
    f"  {'region':<14} {'IT GWh':>8} {'PUE':>6} {'kg CO2e':>8} {'L on site':>10}"
    f" {'L off site':>11} {'USD':>8}"
)
_WAY_HEADING = (
    f"  {'':<28} {'objective USD':>14} {'saved':>7} {'energy USD':>13}"
    f" {'t CO2e':>11} {'water m3':>12} {'moved MWh':>12}"
)


def plan_backtest_document(
    result: PlanBacktestResult,
    prices: PlanPrices,
    *,
    setup: Mapping[str, object],
    timings_s: Mapping[str, float],
) -> dict[str, object]:
    """The figures as plain values, ready for JSON."""
    sums = {way: _sum([day.totals[way] for day in result.days]) for way in WAYS}
    savings = {
        way: sums["nothing"].objective_usd(prices) - total.objective_usd(prices)
        for way, total in sums.items()
    }
    heat = sum((day.heat for day in result.days), start=HeatCounts())
    return {
        "format": FORMAT,
        "setup": dict(setup),
        "n_days": len(result.days),
        "infeasible_days": {
            issued_at_utc.isoformat(): text
            for issued_at_utc, text in result.infeasible.items()
        },
        "days_with_a_region_left_out": sum(bool(day.left_out) for day in result.days),
        "regions": {slug: asdict(rates) for slug, rates in result.rates.items()},
        "ways": {
            way: asdict(total)
            | {
                "objective_usd": total.objective_usd(prices),
                "saving_usd": savings[way],
                "saving_frac": _ratio(
                    savings[way], sums["nothing"].objective_usd(prices)
                ),
            }
            for way, total in sums.items()
        },
        "share_of_oracle_frac": {
            way: _ratio(savings[way], savings["oracle"]) for way in ("greedy", "plan")
        },
        "share_of_clairvoyant_frac": {
            way: _ratio(savings[way], savings["clairvoyant"])
            for way in ("greedy", "plan")
        },
        "heat": asdict(heat),
        "transfers_per_day": _ratio(
            sum(len(day.transfers_mwh) for day in result.days), len(result.days)
        ),
        "days": [_day(day, prices) for day in result.days],
        "timings_s": dict(timings_s),
    }


def plan_backtest_table(
    result: PlanBacktestResult, prices: PlanPrices, document: Mapping[str, object]
) -> str:
    """The same for people."""
    lines = [
        "Per MWh of IT load, doing nothing:",
        _REGION_HEADING,
    ]
    lines += [
        f"  {slug:<14} {r.it_energy_mwh / 1000:8.1f} {r.facility_mwh_per_mwh:6.3f}"
        f" {r.emissions_kgco2e_per_mwh:8.1f} {r.water_on_site_l_per_mwh:10.1f}"
        f" {r.water_off_site_l_per_mwh:11.1f} {r.cost_usd_per_mwh:8.2f}"
        for slug, r in result.rates.items()
    ]
    lines += [
        "",
        f"{len(result.days)} days, all regions together:",
        _WAY_HEADING,
    ]
    sums = {way: _sum([day.totals[way] for day in result.days]) for way in WAYS}
    nothing_usd = sums["nothing"].objective_usd(prices)
    for way, total in sums.items():
        saved = _ratio(nothing_usd - total.objective_usd(prices), nothing_usd)
        lines.append(
            f"  {_LABELS[way]:<28} {total.objective_usd(prices):14,.0f}"
            f" {100.0 * (saved or 0.0):6.1f}% {total.cost_usd:13,.0f}"
            f" {total.carbon_t:11,.0f} {total.water_m3:12,.0f} {total.moved_mwh:12,.0f}"
        )
    for key, words in (
        ("share_of_oracle_frac", "the oracle's saving"),
        ("share_of_clairvoyant_frac", "the saving with the heat known too"),
    ):
        shares = document[key]
        if isinstance(shares, dict):
            lines.append(
                f"Share of {words}: plan {_share(shares['plan'])}, greedy"
                f" {_share(shares['greedy'])}."
            )
    heat = sum((day.heat for day in result.days), start=HeatCounts())
    lines.append(
        f"Heat: of {heat.judged} region-days {heat.blocked_before} were BLOCKED before"
        f" and {heat.blocked_after} after the plan; {heat.exceeded_before} and"
        f" {heat.exceeded_after} really passed the limit, {heat.missed_before} and"
        f" {heat.missed_after} of them although APPROVED."
    )
    moved = [mwh for day in result.days for mwh in day.transfers_mwh]
    if moved:
        lines.append(
            f"A plan makes {len(moved) / len(result.days):.1f} transfers on average,"
            f" the smallest of {min(moved):.2g} MWh."
        )
    if heat.changed:
        lines.append(
            f"Bounds after the plan held on {100.0 * heat.held / heat.changed:.1f} % of"
            f" {heat.changed} region-days whose load it changed, with a mean margin of"
            f" {heat.margin_sum_c / heat.changed:.2f} degC."
        )
    if result.infeasible:
        lines.append(f"On {len(result.infeasible)} more days no plan kept every limit.")
    return "\n".join(lines)


def _sum(parts: Sequence[Totals]) -> Totals:
    return Totals(
        **{
            name: sum(getattr(part, name) for part in parts)
            for name in Totals.__slots__
        }
    )


def _day(day: PlanDay, prices: PlanPrices) -> dict[str, object]:
    return {
        "issued_at_utc": day.issued_at_utc.isoformat(),
        "objective_usd": {
            way: total.objective_usd(prices) for way, total in day.totals.items()
        },
        "left_out": dict(day.left_out),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _share(frac: float | None) -> str:
    return "unknown" if frac is None else f"{100.0 * frac:.1f} %"
