"""`gfo alarm`: what needs somebody, and what is done about it."""

from __future__ import annotations

from typing import Annotated

import typer

from core.alarms import LONGEST_SHELVING_H
from orchestrator.alarms.alarm_lists import (
    AlarmQuestion,
    StateFilter,
    alarm_detail,
    alarm_review,
    list_alarms,
)
from orchestrator.alarms.handling import (
    acknowledge_alarms,
    comment_alarm,
    put_alarm_back,
    shelve_alarm,
    take_alarm_out,
    unshelve_alarm,
)
from orchestrator.alarms.handover import SHIFT_H, hand_over
from orchestrator.alarms.views import AlarmView
from orchestrator.processes.terminal import (
    Json,
    ReasonOption,
    command_context,
    print_json,
)

app = typer.Typer(help="Alarms: what needs somebody, and who has it.")

Number = Annotated[int, typer.Argument(help="Number of the alarm.")]


@app.command("list")
def list_all(
    state: Annotated[StateFilter, typer.Option(help="How they stand.")] = (
        StateFilter.OPEN
    ),
    region: Annotated[
        str | None, typer.Option(help="Only those of a region, by its slug.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Alarms, what waits for somebody first."""
    question = AlarmQuestion(state=state, region_slug=region)
    with command_context() as context:
        found = list_alarms(context.request, question)
    if as_json:
        print_json(found)
        return
    for one in found.alarms:
        typer.echo(_line(one))
    if not found.alarms:
        typer.echo("No alarm.")


@app.command("show")
def show(number: Number, as_json: Json = False) -> None:
    """One alarm: what it means, what to do, what happened to it."""
    with command_context() as context:
        detail = alarm_detail(context.request, number)
    if as_json:
        print_json(detail)
        return
    written = detail.alarm.definition
    typer.echo(_line(detail.alarm))
    typer.echo(f"  cause: {written.cause}")
    typer.echo(f"  consequence: {written.consequence}")
    typer.echo(f"  action: {written.action}")
    for one in detail.history:
        words = f": {one.sentence}" if one.sentence else ""
        who = one.actor_name or "by rule"
        typer.echo(f"  {one.at_utc:%Y-%m-%d %H:%M} UTC {one.change}, {who}{words}")


@app.command("acknowledge")
def acknowledge(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of the alarms.")],
) -> None:
    """Say that somebody has seen alarms."""
    with command_context() as context:
        done = acknowledge_alarms(context.request, numbers)
    typer.echo(f"{done} acknowledged.")


@app.command("shelve")
def shelve(
    number: Number,
    reason: ReasonOption,
    hours: Annotated[
        float, typer.Option(help=f"For how long, at most {LONGEST_SHELVING_H} h.")
    ] = 1.0,
) -> None:
    """Silence an alarm for a while."""
    with command_context() as context:
        view = shelve_alarm(
            context.request, alarm_id=number, hours=hours, reason=reason
        )
    typer.echo(_line(view))


@app.command("unshelve")
def unshelve(number: Number) -> None:
    """Bring a shelved alarm back."""
    with command_context() as context:
        view = unshelve_alarm(context.request, alarm_id=number)
    typer.echo(_line(view))


@app.command("comment")
def comment(
    number: Number, text: Annotated[str, typer.Argument(help="What to write.")]
) -> None:
    """Write something to an alarm."""
    with command_context() as context:
        view = comment_alarm(context.request, alarm_id=number, comment=text)
    typer.echo(_line(view))


@app.command("out-of-service")
def out_of_service(number: Number, reason: ReasonOption) -> None:
    """Take an alarm out of service until it is put back."""
    with command_context() as context:
        view = take_alarm_out(context.request, alarm_id=number, reason=reason)
    typer.echo(_line(view))


@app.command("in-service")
def in_service(number: Number) -> None:
    """Put an alarm back in service."""
    with command_context() as context:
        view = put_alarm_back(context.request, alarm_id=number)
    typer.echo(_line(view))


@app.command("figures")
def figures(as_json: Json = False) -> None:
    """How alarms did in the last thirty days, by the figures of EEMUA 191."""
    with command_context() as context:
        found = alarm_review(context.request).figures
    if as_json:
        print_json(found)
        return
    typer.echo(
        f"{found.raised} raised, {found.a_day:.1f} a day and operator, at most"
        f" {found.most_a_day} on a day; {100 * found.flood_frac:.2f} % of time in"
        f" flood, {len(found.chattering)} chattering, {found.standing} active for more"
        " than a day."
    )


@app.command("hand-over")
def note(
    text: Annotated[str, typer.Argument(help="What the next shift has to know.")],
    hours: Annotated[float, typer.Option(help="Length of the shift.")] = SHIFT_H,
) -> None:
    """Write the note of a shift that ends now."""
    with command_context() as context:
        number = hand_over(context.request, note=text, hours=hours)
    typer.echo(f"Note {number}.")


def _line(one: AlarmView) -> str:
    waits = "" if one.is_acknowledged else ", not acknowledged"
    return (
        f"{one.alarm_id or '-'} {one.priority} {one.title}, {one.about}:"
        f" {one.state}{waits}, since {one.since_utc:%Y-%m-%d %H:%M} UTC: {one.text}"
    )
