"""`gfo policy`: the fleet's terms of moving load, and limits by equipment class."""

from __future__ import annotations

from typing import Annotated

import typer

from core.ashrae import AshraeClass
from db import policies
from orchestrator.processes.terminal import (
    Json,
    ReasonOption,
    command_context,
    print_json,
)
from orchestrator.regions.policies import change_terms, limit_by_class

app = typer.Typer(help="Limits and terms that decisions go by.", no_args_is_help=True)


@app.command("show")
def show(as_json: Json = False) -> None:
    """The fleet's policy as it is now."""
    with command_context() as context:
        policy = policies.fleet_policy(context.session)
    if as_json:
        print_json(policy)
        return
    counted = "counted" if policy.counts_hydro_water else "not counted"
    typer.echo(
        f"Limit {policy.thermal_limit_c:g} °C at {100 * float(policy.confidence):g} %,"
        f" {policy.cooling_factor_c_per_pct:g} °C per percentage point of load,"
        f" telemetry at most {policy.telemetry_max_age_h:g} h old."
    )
    typer.echo(
        f"Moving load takes {100 * policy.migration_energy_frac:g} % of its energy and"
        f" {policy.migration_usd_per_mwh:g} USD/MWh;"
        f" water of hydropower's reservoirs is {counted}."
    )
    chance_pct = policy.plan_blocked_chance_pct
    typer.echo(
        f"Plans keep free what {chance_pct:g} % of the regions that they fill may turn"
        " BLOCKED without, within 6 h."
        if chance_pct
        else "Plans keep nothing free for the bounds of the next issues."
    )
    falls_back = (
        "the model before serves again"
        if policy.falls_back_on_alarm
        else ("its regions are blocked")
    )
    typer.echo(f"When a temperature model loses its coverage, {falls_back}.")
    typer.echo(
        "Forecasts of wet bulb, carbon and load that nothing rests on are kept for"
        f" {policy.forecasts_kept_days:g} days."
    )


@app.command("terms")
def terms(
    reason: ReasonOption,
    migration_energy_pct: Annotated[
        float | None, typer.Option(help="Energy of moving load, % of the energy moved.")
    ] = None,
    migration_usd_per_mwh: Annotated[
        float | None, typer.Option(help="Price of moving a MWh of load, USD.")
    ] = None,
    hydro_water: Annotated[
        bool | None,
        typer.Option(
            "--hydro-water/--no-hydro-water",
            help="Whether evaporation from hydropower's reservoirs is water used.",
        ),
    ] = None,
    plan_blocked_chance_pct: Annotated[
        float | None,
        typer.Option(
            help="Share of the regions that a plan fills that may turn BLOCKED by it"
            " within 6 h, %; 0 keeps nothing free."
        ),
    ] = None,
    fall_back: Annotated[
        bool | None,
        typer.Option(
            "--fall-back/--no-fall-back",
            help="Whether the model before serves again after a lost coverage.",
        ),
    ] = None,
    forecasts_kept_days: Annotated[
        float | None,
        typer.Option(
            help="Days that forecasts of other targets than the temperature are kept"
            " that no shift or plan rests on; 36500 for good."
        ),
    ] = None,
) -> None:
    """Change what moving load costs, plans keep free, an alarm does, and is kept."""
    given = {
        "migration_energy_frac": None
        if migration_energy_pct is None
        else migration_energy_pct / 100.0,
        "migration_usd_per_mwh": migration_usd_per_mwh,
        "counts_hydro_water": hydro_water,
        "plan_blocked_chance_pct": plan_blocked_chance_pct,
        "falls_back_on_alarm": fall_back,
        "forecasts_kept_days": forecasts_kept_days,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with command_context() as context:
        changed = change_terms(
            context.request,
            changes=changes,
            reason=reason,
        )
    typer.echo(
        "Changed; it holds for every decision from now on."
        if changed
        else "Nothing to change: these are the terms already."
    )


@app.command("ashrae")
def ashrae(
    region: Annotated[str, typer.Option(help="Slug of the region.")],
    equipment: Annotated[
        AshraeClass, typer.Option("--class", help="Class of its equipment.")
    ],
    approach_c: Annotated[
        float, typer.Option(help="Inlet minus outdoor temperature, °C.")
    ],
    reason: ReasonOption,
) -> None:
    """Set a region's limit from its ASHRAE class and approach temperature."""
    with command_context() as context:
        limit_c = limit_by_class(
            context.request,
            region_slug=region,
            equipment=equipment,
            approach_c=approach_c,
            reason=reason,
        )
    typer.echo(f"The limit of {region} is now {limit_c:g} °C of outdoor air.")
