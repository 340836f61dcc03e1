"""`gfo optimize` and `gfo plan`: the best plan, recorded, changed, taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from core.errors import Conflict, InvalidInput
from core.wording import listed
from orchestrator.plans.planning import find_plan, record_plan, stored_plan
from orchestrator.plans.replacing import change_plan, undo_plan
from orchestrator.plans.terms import PlanSplit, PlanTerms
from orchestrator.plans.views import PlanRecordOutcome, PlanTransferView, PlanView
from orchestrator.processes.terminal import (
    Json,
    ReasonOption,
    command_context,
    parse_day,
    print_json,
)

app = typer.Typer(help="Stored plans.", no_args_is_help=True)

_DEFAULTS = PlanTerms()
PlanArgument = Annotated[int, typer.Argument(help="Id of a plan.")]
_LIMITS = {
    "carbon_t": "carbon_cap_t",
    "water_m3": "water_cap_m3",
    "cost_usd": "cost_cap_usd",
    "ramp_mw_per_h": "ramp_mw_per_h",
}
PRICES_SHOWN = 8


def optimize(  # noqa: PLR0913 -- one parameter per option
    *,
    region: Annotated[
        str | None,
        typer.Option(help="Region whose day or newest issue it is. Default: the first"),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(
            help="Local day of the region: past (simulated) or tomorrow. Default: next"
            " 24 h."
        ),
    ] = None,
    carbon_usd_per_t: Annotated[
        float, typer.Option(help="Price of a tonne of CO2e, USD.")
    ] = _DEFAULTS.carbon_usd_per_t,
    water_usd_per_m3: Annotated[
        float, typer.Option(help="Price of a cubic metre of water, USD.")
    ] = _DEFAULTS.water_usd_per_m3,
    energy_price_weight: Annotated[
        float, typer.Option(help="Weight of the energy bill; 0 leaves prices out.")
    ] = _DEFAULTS.energy_price_weight,
    migration_usd_per_mwh: Annotated[
        float | None, typer.Option(help="Price of moving a MWh. Default: the policy's.")
    ] = None,
    minimum_transfer_mwh: Annotated[
        float, typer.Option(help="Smaller transfers are left out; 0 makes them all.")
    ] = _DEFAULTS.minimum_transfer_mwh,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable: carbon_t=…, water_m3=…, cost_usd=… (budgets of the fleet)"
            " or ramp_mw_per_h=…."
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="Judge a shift instead, of --region to several targets. Repeatable:"
            " TARGET=PCT, percent of the region's load."
        ),
    ] = None,
    instead_of: Annotated[
        int | None,
        typer.Option(help="Id of a recorded plan that this one is to replace."),
    ] = None,
    record_it: Annotated[
        bool, typer.Option("--record", help="Record it as decisions, so that it binds.")
    ] = False,
    comment: Annotated[str, typer.Option(help="Comment on recorded decisions.")] = "",
    as_json: Json = False,
) -> None:
    """Find the best plan for the next 24 hours or a past day, and store it.

    Exit code 0 with a plan, 1 when no plan keeps every limit, 2 for wrong input.
    """
    with command_context() as context:
        terms = PlanTerms(
            carbon_usd_per_t=carbon_usd_per_t,
            water_usd_per_m3=water_usd_per_m3,
            energy_price_weight=energy_price_weight,
            migration_usd_per_mwh=migration_usd_per_mwh,
            minimum_transfer_mwh=minimum_transfer_mwh,
        )
        terms = replace(terms, **dict(map(_limit, limit or [])), split=_split(split))
        view = find_plan(
            context.request,
            terms=terms,
            anchor_slug=region,
            local_day=parse_day(day) if day else None,
            instead_of=instead_of,
        )
        cards: tuple[int, ...] = ()
        if record_it and instead_of is not None:
            cards = _recorded(
                change_plan(context.request, plan_id=view.plan_id, reason=comment)
            )
        elif record_it:
            cards = _recorded(
                record_plan(context.request, plan_id=view.plan_id, comment=comment)
            )
    if as_json:
        print_json(view)
    else:
        print_plan(view)
        if cards:
            typer.echo(f"Recorded as decisions {listed(map(str, cards))}.")
    if view.infeasible_text is not None:
        raise typer.Exit(1)


def _recorded(outcome: PlanRecordOutcome) -> tuple[int, ...]:
    """The decisions that were made.

    Raises
    ------
    Conflict
        When something changed, so that none was.
    """
    if outcome.changed:
        message = (
            "Nothing was recorded, because the fleet changed meanwhile: "
            + listed(outcome.changed, separator=" ")
        )
        raise Conflict(message)
    return tuple(card.decision_id for card in outcome.cards)


@app.command("show")
def show(plan_id: PlanArgument, as_json: Json = False) -> None:
    """A stored plan, and which of its decisions still move load."""
    with command_context() as context:
        view = stored_plan(context.request, plan_id)
    if as_json:
        print_json(view)
        return
    print_plan(view)
    standing = listed(map(str, view.standing_decision_ids)) or "none"
    typer.echo(f"Decisions that still move load: {standing}.")


@app.command("change")
def change(plan_id: PlanArgument, reason: ReasonOption) -> None:
    """Record a plan in place of the one that it was made to replace, as one act."""
    with command_context() as context:
        outcome = change_plan(context.request, plan_id=plan_id, reason=reason)
        cards = _recorded(outcome)
    typer.echo(f"Recorded as decisions {listed(map(str, cards))}.")


@app.command("undo")
def undo(plan_id: PlanArgument, reason: ReasonOption) -> None:
    """Take every transfer of a recorded plan back that still stands, as one act."""
    with command_context() as context:
        outcome = undo_plan(context.request, plan_id=plan_id, reason=reason)
    ids = listed(str(card.decision_id) for card in outcome.cards)
    typer.echo(f"Taken back by decisions {ids}.")


def print_plan(view: PlanView) -> None:
    """A plan for people."""
    simulated = " (simulated)" if view.is_simulation else ""
    typer.echo(
        f"Plan {view.plan_id}{simulated}, {view.window_start_utc:%Y-%m-%d %H:%M} to"
        f" {view.window_end_utc:%Y-%m-%d %H:%M} UTC"
    )
    if view.infeasible_text is not None:
        typer.echo(f"No plan: {view.infeasible_text}")
    elif not view.transfers:
        typer.echo("  Nothing is worth moving.")
    for line in (
        *map(_transfer_line, view.transfers),
        *view.blocked,
        *_comparison_lines(view),
        *_price_lines(view),
        *_front_lines(view),
        *view.notes,
    ):
        typer.echo(f"  {line}")


def _price_lines(view: PlanView) -> list[str]:
    lines = [price.text for price in view.shadow_prices[:PRICES_SHOWN]]
    left_out = len(view.shadow_prices) - PRICES_SHOWN
    return [*lines, f"… and {left_out:,} more with --json."] if left_out > 0 else lines


def _transfer_line(transfer: PlanTransferView) -> str:
    return (
        f"{transfer.source.slug:>14} → {transfer.target.slug:<14}"
        f" {transfer.moved_mwh:9.1f} MWh, at most {transfer.peak_mw:6.1f} MW,"
        f" {transfer.share_pct:5.1f} % of its load  {transfer.outcome}"
    )


def _comparison_lines(view: PlanView) -> list[str]:
    if not view.comparison:
        return []
    heading = (
        f"{'':<30} {'objective USD':>14} {'saved':>10} {'energy USD':>12}"
        f" {'t CO2e':>9} {'water m3':>10} {'moved MWh':>10}"
    )
    return [heading] + [
        f"{row.label:<30} {row.objective_usd:14,.0f} {row.saving_usd:10,.0f}"
        f" {row.cost_usd:12,.0f} {row.carbon_t:9,.1f} {row.water_m3:10,.1f}"
        f" {row.moved_mwh:10,.1f}"
        for row in view.comparison
    ]


def _front_lines(view: PlanView) -> list[str]:
    if not view.pareto:
        return []
    return ["Carbon against water:"] + [
        f"  {point.carbon_t:9,.1f} t CO2e {point.water_m3:10,.1f} m3"
        f" {point.cost_usd:12,.0f} USD  {point.text}"
        for point in view.pareto
    ]


def _split(texts: list[str] | None) -> PlanSplit | None:
    if not texts:
        return None
    parts: dict[str, float] = {}
    for text in texts:
        slug, _, number = text.partition("=")
        try:
            parts[slug] = float(number)
        except ValueError as exc:
            message = f"{text!r} is not like ireland=12.5."
            raise InvalidInput(message) from exc
    total = sum(parts.values())
    if len(parts) < len(texts) or not total > 0.0:
        message = "Name each target once, with a share above 0."
        raise InvalidInput(message)
    return PlanSplit(
        shift_pct=total,
        shares=tuple((slug, pct / total) for slug, pct in parts.items()),
    )


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    if name not in _LIMITS:
        message = f"{name!r} is not a limit; use one of {', '.join(_LIMITS)}."
        raise InvalidInput(message)
    try:
        return _LIMITS[name], float(number)
    except ValueError as exc:
        message = f"{text!r} is not like carbon_t=120."
        raise InvalidInput(message) from exc
