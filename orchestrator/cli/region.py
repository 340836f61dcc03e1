"""`gfo region`: list, add and change regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.errors import InvalidInput
from core.regions import CoolingType, Region
from core.wording import listed
from db.regions import list_regions
from orchestrator.operations.setup_requests import retire_demo
from orchestrator.processes.terminal import Json, command_context, print_json
from orchestrator.regions.changes import (
    DEFAULT_GRID_WATER_L_PER_KWH,
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    RegionDraft,
    RegionsAdded,
    add_region,
    add_regions_from_csv,
    set_region,
)

app = typer.Typer(help="Regions: list, add, change.")

NAME = typer.Option("--name", help="Name to show.")
ZONE = typer.Option("--time-zone", help="IANA name like Europe/Dublin.")
LATITUDE = typer.Option("--latitude", help="Degrees north, -90 to 90.")
LONGITUDE = typer.Option("--longitude", help="Degrees east, -180 to 180.")
COOLING = typer.Option("--cooling", help="How it rejects heat; brings its preset.")
CAPACITY = typer.Option("--capacity-mw", help="Largest IT load, MW.")
FLEXIBLE = typer.Option("--flexible-frac", help="Share of load that may move, 0 to 1.")
GRID_WATER = typer.Option(
    "--grid-water-l-per-kwh",
    help="Off-site water of its electricity without hydropower's reservoirs, L/kWh.",
)
HYDRO = typer.Option(
    "--hydro-frac", help="Hydropower's share of its electricity, 0 to 1."
)
COLOUR = typer.Option("--colour", help="Like #1f77b4.")


@app.command("retire-demo")
def retire() -> None:
    """Take the synthetic regions of the demo out of the fleet."""
    with command_context() as context:
        count = retire_demo(context.request)
    typer.echo(f"{count} synthetic regions left the fleet; their history stays.")


@app.command("list")
def list_all(
    everything: Annotated[
        bool, typer.Option("--all", help="Inactive regions too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the regions."""
    with command_context() as context:
        regions = [
            stored.region
            for stored in list_regions(context.session, active_only=not everything)
        ]
    if as_json:
        print_json(regions)
        return
    for region in regions:
        typer.echo(_line(region))
    if not regions:
        typer.echo("There is no region yet; add one with gfo region add.")


@app.command()
def add(  # noqa: PLR0913 -- one parameter per option
    slug: Annotated[str | None, typer.Argument(help="Identifier like CA-ON.")] = None,
    *,
    name: Annotated[str | None, NAME] = None,
    time_zone: Annotated[str | None, ZONE] = None,
    latitude: Annotated[float | None, LATITUDE] = None,
    longitude: Annotated[float | None, LONGITUDE] = None,
    cooling: Annotated[CoolingType, COOLING] = CoolingType.EVAPORATIVE,
    capacity_mw: Annotated[float, CAPACITY] = 100.0,
    flexible_frac: Annotated[float, FLEXIBLE] = 0.5,
    grid_water_l_per_kwh: Annotated[float, GRID_WATER] = DEFAULT_GRID_WATER_L_PER_KWH,
    hydro_frac: Annotated[float, HYDRO] = 0.0,
    colour: Annotated[str | None, COLOUR] = None,
    from_csv: Annotated[
        Path | None,
        typer.Option(
            help=f"Add those of a CSV: {','.join(REQUIRED_COLUMNS)}, and if you like"
            f" {','.join(OPTIONAL_COLUMNS)}. Regions already there stay as they are."
        ),
    ] = None,
) -> None:
    """Add a region, or those of a file."""
    with command_context() as context:
        if from_csv is not None:
            if slug is not None:
                message = "Give either a slug or --from-csv."
                raise InvalidInput(message)
            done = add_regions_from_csv(context.request, from_csv)
            report = "\n".join(_file_report(done))
        else:
            latitude_deg, longitude_deg = _coordinates(latitude, longitude)
            draft = RegionDraft(
                slug=_given(slug, "a slug"),
                name=_given(name, "--name"),
                time_zone=_given(time_zone, "--time-zone"),
                latitude_deg=latitude_deg,
                longitude_deg=longitude_deg,
                cooling_type=cooling,
                it_capacity_mw=capacity_mw,
                flexible_load_frac=flexible_frac,
                grid_water_l_per_kwh=grid_water_l_per_kwh,
                grid_hydro_frac=hydro_frac,
                colour=colour,
            )
            report = _line(add_region(context.request, draft).region)
    typer.echo(report)


@app.command("set")
def change(  # noqa: PLR0913 -- one parameter per option
    slug: Annotated[str, typer.Argument(help="The region to change.")],
    *,
    name: Annotated[str | None, NAME] = None,
    time_zone: Annotated[str | None, ZONE] = None,
    latitude: Annotated[float | None, LATITUDE] = None,
    longitude: Annotated[float | None, LONGITUDE] = None,
    cooling: Annotated[CoolingType | None, COOLING] = None,
    capacity_mw: Annotated[float | None, CAPACITY] = None,
    flexible_frac: Annotated[float | None, FLEXIBLE] = None,
    grid_water_l_per_kwh: Annotated[float | None, GRID_WATER] = None,
    hydro_frac: Annotated[float | None, HYDRO] = None,
    colour: Annotated[str | None, COLOUR] = None,
    active: Annotated[
        bool | None,
        typer.Option("--active/--inactive", help="Whether the fleet uses it."),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            help="A cooling parameter, NAME=NUMBER, like chiller_cop=6.5; repeatable."
        ),
    ] = None,
) -> None:
    """Change a region; what is not named stays."""
    named = {
        "name": name,
        "time_zone": time_zone,
        "latitude_deg": latitude,
        "longitude_deg": longitude,
        "cooling_type": cooling,
        "it_capacity_mw": capacity_mw,
        "flexible_load_frac": flexible_frac,
        "grid_water_l_per_kwh": grid_water_l_per_kwh,
        "grid_hydro_frac": hydro_frac,
        "colour": colour,
        "is_active": active,
    }
    with command_context() as context:
        changes: dict[str, object] = {
            key: value for key, value in named.items() if value is not None
        }
        changes |= dict(_parameter(text) for text in parameter or [])
        if not changes:
            message = "Nothing to change; name what should be different."
            raise InvalidInput(message)
        stored = set_region(context.request, slug, changes)
    typer.echo(_line(stored.region))


def _given(value: str | None, option: str) -> str:
    if value is None:
        message = f"Give {option}, or --from-csv."
        raise InvalidInput(message)
    return value


def _coordinates(
    latitude_deg: float | None, longitude_deg: float | None
) -> tuple[float, float]:
    if latitude_deg is None or longitude_deg is None:
        message = "Give --latitude and --longitude, or --from-csv."
        raise InvalidInput(message)
    return latitude_deg, longitude_deg


def _parameter(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError as exc:
        message = f"{text!r} is not like chiller_cop=6.5."
        raise InvalidInput(message) from exc


def _file_report(done: RegionsAdded) -> list[str]:
    report = [
        f"Added: {listed(done.added)}. Already there: {listed(done.already_there)}."
    ]
    if done.left_different:
        report.append(
            "Left as here (gfo region set changes it): "
            + listed(done.left_different, separator=" ")
        )
    if done.unused_columns:
        report.append(f"Columns not used: {', '.join(done.unused_columns)}.")
    return report


def _line(region: Region) -> str:
    marks = [
        *(["generated telemetry"] if region.is_synthetic else []),
        *([] if region.is_active else ["inactive"]),
    ]
    return (
        f"{region.slug:<16} {region.name}, {region.time_zone},"
        f" {region.latitude_deg:.2f} {region.longitude_deg:.2f},"
        f" {region.cooling_type}, {region.it_capacity_mw:g} MW,"
        f" {region.flexible_load_frac:.0%} flexible"
        + "".join(f" [{mark}]" for mark in marks)
    )
