"""`gfo decide` and `gfo decision`: the scheduler, and what becomes of decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, time
from typing import Annotated
from uuid import UUID

import typer

from core.days import WINDOW_H
from core.decision_states import DecisionState
from core.errors import InvalidInput
from core.shares import HoursOfDay
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.recording import evaluate, evaluate_instead, record
from orchestrator.decisions.states import decision_standing, state_decision
from orchestrator.decisions.views import DecisionCard, ImpactRow, Replay
from orchestrator.processes.terminal import (
    Json,
    ReasonOption,
    command_context,
    fail,
    parse_day,
    print_json,
    progress,
)
from orchestrator.use_cases import Request

app = typer.Typer(help="Stored decisions.")

_PROGRESS_EVERY = 500
UNTIL_TAKEN_BACK = "open"

HoursOption = Annotated[
    str | None,
    typer.Option(
        "--hours",
        help="Hours of the source's day in which load moves, like 12-18. Default: all.",
    ),
]
LastsOption = Annotated[
    str,
    typer.Option(
        help="Hours that a recorded shift lasts, 24 to 168, or open: until taken back."
    ),
]


def decide(
    source: Annotated[str, typer.Option(help="Slug of the region that gives load.")],
    target: Annotated[
        str | None, typer.Option(help="Slug of the region that takes it.")
    ] = None,
    shift: Annotated[
        float, typer.Option(help="Share of the source's load that moves, percent.")
    ] = 0.0,
    day: Annotated[
        str | None,
        typer.Option(help="Local day of the source (simulated). Default: next 24 h."),
    ] = None,
    hours: HoursOption = None,
    record_it: Annotated[
        bool, typer.Option("--record", help="Record the decision, so that it binds.")
    ] = False,
    lasts: LastsOption = str(WINDOW_H),
    comment: Annotated[str, typer.Option(help="Comment on a recorded decision.")] = "",
    request_id: Annotated[
        str | None, typer.Option(help="UUID; the same one twice gives one decision.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a region, or a shift of its load, and store the decision.

    Exit code 0 when APPROVED, 1 when BLOCKED, 2 when it could not be judged.
    """
    with command_context() as context:
        request = context.request
        card = evaluate(
            request,
            source_slug=source,
            target_slug=target,
            local_day=parse_day(day) if day else None,
            shift_pct=shift,
            hours_of_day=HoursOfDay.parse(hours) if hours else None,
        )
        if record_it:
            card = _recorded(
                replace(request, request_id=_uuid(request_id)), card, comment, lasts
            )
    if as_json:
        print_json(card)
    else:
        _print_card(card)
    if card.verdict.outcome == "BLOCKED":
        raise typer.Exit(1)


def _recorded(
    request: Request, judged: DecisionCard, comment: str, lasts: str
) -> DecisionCard:
    outcome = record(
        request,
        what_if_id=judged.decision_id,
        comment=comment,
        lasts_h=_lasts_h(lasts),
    )
    if outcome.card is None:
        message = "The verdict changed meanwhile; nothing was recorded."
        raise InvalidInput(message)
    return outcome.card


def _lasts_h(text: str) -> int | None:
    if text == UNTIL_TAKEN_BACK:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        message = f"{text!r} is neither a number of hours nor {UNTIL_TAKEN_BACK}."
        raise InvalidInput(message)
    return int(text)


@app.command("state")
def state(
    decision_id: Annotated[int, typer.Argument(help="Id of a recorded decision.")],
    said: Annotated[
        DecisionState | None,
        typer.Argument(help="acknowledged, in_effect or refused; without: show it."),
    ] = None,
    reason: ReasonOption = "",
    as_json: Json = False,
) -> None:
    """What has become of a recorded decision; or say what has."""
    with command_context() as context:
        if said is None:
            standing = decision_standing(context.request, decision_id)
        else:
            standing = state_decision(
                context.request, decision_id=decision_id, state=said, reason=reason
            )
    if as_json:
        print_json(standing)
        return
    if standing is None:
        typer.echo(f"Decision {decision_id} binds nothing; it has no state.")
        return
    end = standing.end_utc
    until = f"until {end:%Y-%m-%d %H:%M} UTC" if end else "until it is taken back"
    typer.echo(f"Decision {decision_id}: {standing.state.value}, {until}.")
    for item in standing.stated:
        noted = f": {item.reason}" if item.reason else ""
        typer.echo(
            f"  {item.state.value} by {item.actor_name},"
            f" {item.stated_at_utc:%Y-%m-%d %H:%M} UTC{noted}"
        )


@app.command("replace")
def replace_decision(
    *,
    decision_id: Annotated[int, typer.Argument(help="Id of a recorded decision.")],
    shift: Annotated[
        float, typer.Option(help="Share that moves instead, percent; 0 takes it back.")
    ],
    reason: ReasonOption,
    target: Annotated[
        str | None, typer.Option(help="Slug of another target. Default: the same.")
    ] = None,
    hours: HoursOption = None,
    lasts: LastsOption = str(WINDOW_H),
    as_json: Json = False,
) -> None:
    """Renew a recorded decision, change it, or take it back.

    Exit code 0 when APPROVED, 1 when BLOCKED; BLOCKED is recorded too, and moves
    nothing.
    """
    with command_context() as context:
        judged = evaluate_instead(
            context.request,
            decision_id=decision_id,
            target_slug=target,
            shift_pct=shift,
            hours_of_day=HoursOfDay.parse(hours) if hours else None,
        )
        card = _recorded(context.request, judged, reason, lasts)
    if as_json:
        print_json(card)
    else:
        _print_card(card)
    if card.verdict.outcome == "BLOCKED":
        raise typer.Exit(1)


@app.command("show")
def show(
    decision_id: Annotated[int, typer.Argument(help="Id of a decision.")],
    as_json: Json = False,
) -> None:
    """All that is stored about a decision."""
    with command_context() as context:
        detail = decision_detail(context.request, decision_id)
    if as_json:
        print_json(detail)
        return
    _print_card(detail.card)
    for fact in detail.facts:
        typer.echo(f"{fact.label}: {fact.value}")
    typer.echo(f"Audit event {detail.audit_seq}, hash {detail.audit_hash}")


@app.command("replay")
def replay(
    decision_id: Annotated[
        int | None, typer.Argument(help="Id of a decision; or use --all.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Replay every decision.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="With --all: only those taken since a UTC day.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run stored inputs through the stored model, scores and rules again.

    Exit code 0 when everything comes out as it was stored, 1 when something does not.
    """
    from orchestrator.decisions import model_replay  # noqa: PLC0415 -- slow

    if (decision_id is None) != everything or (since and not everything):
        message = "Give the id of a decision, or --all, if you like with --since DAY."
        fail(InvalidInput(message))
    with command_context() as context:
        request = context.request
        if decision_id is not None:
            replays = iter([model_replay.replay_with_model(request, decision_id)])
        else:
            midnight = (
                datetime.combine(parse_day(since), time(), UTC) if since else None
            )
            replays = model_replay.replay_all(request, since_utc=midnight)
        counted, changed = _report_replays(
            replays, as_json=as_json, with_notes=not everything
        )
    if not as_json:
        typer.echo(f"{counted} replayed, {changed} differ.")
    if changed:
        raise typer.Exit(1)


def _report_replays(
    replays: Iterator[Replay], *, as_json: bool, with_notes: bool
) -> tuple[int, int]:
    counted = changed = 0
    for item in replays:
        counted += 1
        changed += not item.is_same
        if as_json:
            typer.echo(json.dumps(asdict(item)))
            continue
        if counted % _PROGRESS_EVERY == 0:
            progress(f"{counted} replayed ...")
        for difference in item.differences:
            typer.echo(
                f"Decision {item.decision_id}, {difference.field}: stored"
                f" {difference.stored}, replayed {difference.replayed}"
            )
        for note in item.notes if with_notes else ():
            typer.echo(note)
    return counted, changed


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as exc:
        message = f"{text!r} is not a UUID."
        raise InvalidInput(message) from exc


def _print_card(card: DecisionCard) -> None:
    simulated = " (simulated)" if card.is_simulated else ""
    hours = f" in the hours {card.hours_of_day}" if card.hours_of_day else ""
    moved = f" → {card.target.slug}, {card.shift_pct:g} %" if card.target else ""
    moved += hours
    typer.echo(
        f"{card.verdict.outcome}{simulated}  decision {card.decision_id}"
        f" [{card.kind}]  {card.source.slug}{moved}  {card.local_day}"
    )
    typer.echo(card.verdict.reason_text)
    if card.exceedance_probability is not None:
        typer.echo(
            f"Chance of exceeding {card.thermal_limit_c:g} °C:"
            f" {100 * card.exceedance_probability:.1f} %"
            f" (allowed {100 * card.allowed_probability:g} %)."
        )
    typer.echo(f"Risk {card.verdict.risk_level}:")
    for recommendation in card.verdict.recommendations:
        typer.echo(f"  {recommendation}")
    for row in card.impact:
        typer.echo(_impact_line(row))


def _impact_line(row: ImpactRow) -> str:
    if row.fleet_before is None or row.fleet_after is None:
        return f"{row.label}: not known"
    return (
        f"{row.label}: {row.fleet_before:,.0f} → {row.fleet_after:,.0f} {row.unit}"
        f" ({row.fleet_after - row.fleet_before:+,.0f})"
    )
