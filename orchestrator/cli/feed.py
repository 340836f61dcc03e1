"""`gfo feed`: sources that the worker asks on a schedule."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from core.telemetry import Quantity
from core.wording import listed
from db.feeds import FeedFacts, find_feed
from orchestrator.cli.integrations import (
    AllowedHosts,
    Name,
    add_state_commands,
    instant_text,
    with_given,
)
from orchestrator.feeds.configuration import (
    DEFAULT_BACKFILL_H,
    DEFAULT_EVERY_MIN,
    DEFAULT_PRIORITY,
    DEFAULT_STALE_AFTER_H,
    add_feed,
    change_feed,
    pause_feed,
    read_pairs,
    remove_feed,
)
from orchestrator.feeds.feed_list import feed_page, kept_answer, list_feed_views
from orchestrator.feeds.kinds.known_kinds import KINDS
from orchestrator.feeds.runs import run_feed
from orchestrator.feeds.views import FeedView
from orchestrator.processes.terminal import (
    CLI_USER,
    Json,
    command_context,
    print_json,
)

app = typer.Typer(help="Feeds: sources that the worker asks on a schedule.")

RegionMap = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        help="SLUG, or SLUG=PLACE with what the source calls it; repeatable.",
    ),
]
Take = Annotated[
    list[Quantity] | None,
    typer.Option("--quantity", help="A quantity to take; repeatable."),
]
Address = Annotated[
    str | None,
    typer.Option("--address", help="Where the source is; see gfo feed kinds."),
]
Secret = Annotated[
    str | None,
    typer.Option(
        "--secret",
        help="env:GFO_FEED_NAME or file:gfo_feed_name: where the secret is, never the"
        " secret.",
    ),
]
Every = Annotated[
    int | None,
    typer.Option(
        "--every", help=f"Minutes between runs. Default: {DEFAULT_EVERY_MIN}."
    ),
]
Priority = Annotated[
    int | None,
    typer.Option(
        help=f"1 is the first choice of a quantity. Default: {DEFAULT_PRIORITY}."
    ),
]
StaleAfter = Annotated[
    float | None,
    typer.Option(
        "--stale-after-h",
        help="Age of its newest good hour from which another feed takes over."
        f" Default: {DEFAULT_STALE_AFTER_H:g}.",
    ),
]
Backfill = Annotated[
    int | None,
    typer.Option(
        "--backfill-h",
        help=f"How far back an outage is filled. Default: {DEFAULT_BACKFILL_H}.",
    ),
]
Quota = Annotated[
    int | None,
    typer.Option(
        "--requests-a-day", help="The most requests a day. Default: no limit."
    ),
]
Option = Annotated[
    list[str] | None,
    typer.Option("--option", help="NAME=VALUE of the kind; repeatable."),
]


@app.command("kinds")
def kinds(as_json: Json = False) -> None:
    """What can be asked, and what each kind needs."""
    if as_json:
        print_json(
            [
                {
                    "name": kind.name,
                    "words": kind.words,
                    "address": kind.address,
                    "secret": kind.credential,
                    "place": kind.place_words,
                    "options": dict(kind.options),
                }
                for kind in KINDS.values()
            ]
        )
        return
    for kind in KINDS.values():
        typer.echo(f"{kind.name}: {kind.words}; address such as {kind.address}")
        if kind.place_words:
            typer.echo(f"    place: {kind.place_words}")
        if kind.credential:
            needed = "needed" if kind.needs_credential else "if the source wants one"
            typer.echo(f"    secret, {needed}: {kind.credential}")
        for name, words in kind.options.items():
            typer.echo(f"    option {name}: {words}")


@app.command("add")
def add(  # noqa: PLR0913 -- one parameter per option
    name: Name,
    kind: Annotated[str, typer.Option(help="See gfo feed kinds.")],
    *,
    address: Address = None,
    region: RegionMap = None,
    quantity: Take = None,
    secret: Secret = None,
    every: Every = None,
    priority: Priority = None,
    stale_after_h: StaleAfter = None,
    backfill_h: Backfill = None,
    requests_a_day: Quota = None,
    option: Option = None,
    allow_host: AllowedHosts = None,
    paused: Annotated[bool, typer.Option(help="Add it without running it.")] = False,
) -> None:
    """Add a feed; the worker runs it at once, then on its schedule."""
    with command_context() as context:
        facts = FeedFacts(
            name=name,
            kind=kind,
            address=address or (KINDS[kind].address if kind in KINDS else ""),
            regions=read_pairs(region or []),
            options=read_pairs(option or []),
            quantities=[one.value for one in quantity or []],
            secret_reference=secret,
            private_hosts=allow_host or [],
            every_min=DEFAULT_EVERY_MIN if every is None else every,
            priority=DEFAULT_PRIORITY if priority is None else priority,
            stale_after_h=DEFAULT_STALE_AFTER_H
            if stale_after_h is None
            else stale_after_h,
            backfill_h=DEFAULT_BACKFILL_H if backfill_h is None else backfill_h,
            requests_a_day=requests_a_day,
            is_paused=paused,
        )
        added = add_feed(context.request, facts)
    typer.echo(f"Feed {added} is added.")


@app.command("set")
def change(  # noqa: PLR0913 -- one parameter per option
    name: Name,
    *,
    address: Address = None,
    region: RegionMap = None,
    quantity: Take = None,
    secret: Secret = None,
    every: Every = None,
    priority: Priority = None,
    stale_after_h: StaleAfter = None,
    backfill_h: Backfill = None,
    requests_a_day: Quota = None,
    option: Option = None,
    allow_host: AllowedHosts = None,
) -> None:
    """Change what is given of a feed; the rest stays."""
    given: dict[str, object] = {
        "address": address,
        "regions": read_pairs(region) if region else None,
        "quantities": [one.value for one in quantity] if quantity else None,
        "secret_reference": secret,
        "every_min": every,
        "priority": priority,
        "stale_after_h": stale_after_h,
        "backfill_h": backfill_h,
        "requests_a_day": requests_a_day,
        "options": read_pairs(option) if option else None,
        "private_hosts": allow_host or None,
    }
    with command_context() as context:
        facts = find_feed(context.session, name).facts
        change_feed(context.request, with_given(facts, given))
    typer.echo(f"Feed {name} is changed.")


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """A feed with its regions, its newest runs, and when it became a source and why."""
    with command_context() as context:
        page = feed_page(context.request, name)
    if as_json:
        print_json(page)
        return
    typer.echo(_line(page.feed))
    for place in page.feed.places:
        of = f", source of {listed(place.source_of)}" if place.source_of else ""
        called = f" ({place.place})" if place.place else ""
        until = instant_text(place.good_until_utc)
        typer.echo(f"  {place.region_slug}{called}: good until {until}{of}")
    for switch in page.switches:
        typer.echo(
            f"  {instant_text(switch.at_utc)} source of {switch.quantity} in"
            f" {switch.region_slug}: {switch.reason}"
        )
    for run in page.runs:
        problem = f": {run.problem}" if run.problem else ""
        typer.echo(
            f"  {instant_text(run.ended_at_utc)} {run.outcome}, {run.hours_stored} h,"
            f" {run.requests} requests{problem}"
        )
        for digest in run.answer_sha256s:
            typer.echo(f"      answer {digest}")


@app.command("run")
def run(name: Name, as_json: Json = False) -> None:
    """Run a feed now, here; 1 when it fails."""
    with command_context() as context:
        feed_id = find_feed(context.session, name).feed_id
        done = run_feed(context.runtime, feed_id, os.environ, system_user=CLI_USER)
    if done is None:
        typer.echo(f"{name} is paused, or the worker ran it meanwhile.")
        raise typer.Exit(1)
    if as_json:
        print_json(done)
    else:
        problem = f" {done.problem}" if done.problem else ""
        words = done.outcome.replace("_", " ")
        typer.echo(f"{name}: {words}, {done.hours_stored} h.{problem}")
    if done.problem:
        raise typer.Exit(1)


@app.command("answer")
def answer(
    digest: Annotated[
        str, typer.Argument(help="SHA-256 of an answer, of gfo feed show.")
    ],
) -> None:
    """Write an answer, as it came, to standard output."""
    with command_context() as context:
        content = kept_answer(context.request, digest)
    sys.stdout.buffer.write(content)


def _line(view: FeedView) -> str:
    left = "" if view.quota_left is None else f", {view.quota_left:,} requests left"
    problem = f". {view.problem}" if view.problem else ""
    return (
        f"{view.facts.name}: {view.health}, {view.facts.kind}, {view.lag_words},"
        f" next run {instant_text(view.next_run_at_utc)}{left}{problem}"
    )


add_state_commands(
    app,
    "feed",
    command="feed",
    views=list_feed_views,
    line=_line,
    pause=pause_feed,
    remove=remove_feed,
    kept_words="what it brought stays",
)
