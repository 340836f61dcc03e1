"""`gfo webhook`: who gets which events, by webhook or mail."""

from __future__ import annotations

import os
import threading
from typing import Annotated

import typer

from core.public_events import KIND_WORDS, PublicKind
from core.wording import listed
from db.deliveries import SubscriptionFacts, find_subscription
from orchestrator.cli.integrations import (
    AllowedHosts,
    Name,
    add_state_commands,
    instant_text,
    with_given,
)
from orchestrator.deliveries.delivery_list import (
    delivery_attempts,
    list_subscription_views,
    subscription_page,
)
from orchestrator.deliveries.subscriptions import (
    CHOSEN_KINDS,
    MAIL,
    WEBHOOK,
    GivenSecret,
    add_subscription,
    change_subscription,
    pause_subscription,
    remove_subscription,
    replay,
    rotate_secret,
    send_test,
)
from orchestrator.deliveries.views import DeliveryView, SubscriptionView
from orchestrator.operations.secret_key import factor_key
from orchestrator.processes.terminal import Json, command_context, print_json

app = typer.Typer(help="Subscriptions: events for others by webhook or mail.")

Kinds = Annotated[
    list[PublicKind] | None,
    typer.Option("--kind", help="An event to send; repeatable. See gfo webhook kinds."),
]
Regions = Annotated[
    list[str] | None,
    typer.Option("--region", help="Only events of this region; repeatable."),
]
SecretReference = Annotated[
    str | None,
    typer.Option(
        "--secret",
        help="env:GFO_WEBHOOK_NAME or file:gfo_webhook_name, where the secret is."
        " Without it the portal makes one and shows it once.",
    ),
]
Recipients = Annotated[
    list[str] | None, typer.Option("--to", help="An address of mail; repeatable.")
]


@app.command("kinds")
def kinds(as_json: Json = False) -> None:
    """The events that can be sent."""
    if as_json:
        print_json({kind.value: KIND_WORDS[kind] for kind in CHOSEN_KINDS})
        return
    for kind in CHOSEN_KINDS:
        typer.echo(f"{kind.value}: {KIND_WORDS[kind]}")


@app.command("add")
def add(
    name: Name,
    url: Annotated[str, typer.Option(help="Where the webhook is sent.")],
    *,
    kind: Kinds = None,
    region: Regions = None,
    secret: SecretReference = None,
    allow_host: AllowedHosts = None,
) -> None:
    """Add a webhook; of all events unless some are named."""
    facts = SubscriptionFacts(
        name=name,
        channel=WEBHOOK,
        address=url,
        recipients=[],
        kinds=_values(kind)
        or [k.value for k in CHOSEN_KINDS if k is not PublicKind.DAILY_DIGEST],
        regions=region or [],
        private_hosts=allow_host or [],
        is_paused=False,
    )
    _add(facts, secret)


@app.command("add-mail")
def add_mail(
    name: Name,
    *,
    to: Recipients = None,
    kind: Kinds = None,
    region: Regions = None,
) -> None:
    """Add mail; the daily digest and raised alarms unless others are named."""
    facts = SubscriptionFacts(
        name=name,
        channel=MAIL,
        address=None,
        recipients=to or [],
        kinds=_values(kind)
        or [PublicKind.DAILY_DIGEST.value, PublicKind.ALARM_RAISED.value],
        regions=region or [],
        private_hosts=[],
        is_paused=False,
    )
    _add(facts, None)


def _add(facts: SubscriptionFacts, secret: str | None) -> None:
    with command_context() as context:
        given = add_subscription(
            context.request,
            facts,
            factor_key(context.runtime.settings),
            secret_reference=secret,
        )
    typer.echo(f"Subscription {given.name} is added.")
    _show_secret(given)


@app.command("set")
def change(
    name: Name,
    *,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    to: Recipients = None,
    kind: Kinds = None,
    region: Regions = None,
    all_regions: Annotated[
        bool, typer.Option("--all-regions", help="Events of every region.")
    ] = False,
    allow_host: AllowedHosts = None,
) -> None:
    """Change what is given of a subscription; the rest stays."""
    given: dict[str, object] = {
        "address": url,
        "recipients": to or None,
        "kinds": _values(kind) or None,
        "regions": [] if all_regions else region or None,
        "private_hosts": allow_host or None,
    }
    with command_context() as context:
        facts = find_subscription(context.session, name).facts
        change_subscription(context.request, with_given(facts, given))
    typer.echo(f"Subscription {name} is changed.")


@app.command("show")
def show(name: Name, as_json: Json = False) -> None:
    """A subscription with its newest deliveries and the receiver's answers."""
    with command_context() as context:
        page = subscription_page(context.request, name)
    if as_json:
        print_json(page)
        return
    typer.echo(_line(page.subscription))
    facts = page.subscription.facts
    typer.echo(f"  to {page.subscription.target}")
    typer.echo(f"  events: {listed(facts.kinds)}")
    typer.echo(f"  regions: {listed(facts.regions) if facts.regions else 'all'}")
    typer.echo(f"  secret: {page.subscription.secret_words}")
    for delivery in page.newest:
        typer.echo(_delivery_line(delivery))


@app.command("tries")
def tries(
    delivery_id: Annotated[int, typer.Argument(help="Of gfo webhook show.")],
    as_json: Json = False,
) -> None:
    """Every try of a delivery."""
    with command_context() as context:
        found = delivery_attempts(context.request, delivery_id)
    if as_json:
        print_json(found)
        return
    for attempt in found:
        typer.echo(
            f"{instant_text(attempt.at_utc)} {attempt.duration_ms} ms: {attempt.answer}"
        )


@app.command("test")
def test(name: Name) -> None:
    """Have the worker send a test event."""
    with command_context() as context:
        send_test(context.request, name)
    typer.echo(f"A test of {name} waits for the worker.")


@app.command("send")
def send_now() -> None:
    """Send what is due now, here, without waiting for the worker."""
    from orchestrator.deliveries.deliverer import Deliverer  # noqa: PLC0415 -- heavy
    from orchestrator.deliveries.secrets import SecretPlaces  # noqa: PLC0415
    from orchestrator.deliveries.sending import SendingMeans  # noqa: PLC0415

    with command_context() as context:
        settings = context.runtime.settings
        places = SecretPlaces(
            environ=os.environ,
            secrets_dir=settings.secrets_dir,
            key=factor_key(settings),
        )
        deliverer = Deliverer(
            context.runtime, threading.Event(), SendingMeans(secrets=places)
        )
        begun = deliverer.look()
        for thread in begun:
            thread.join()
        deliverer.close()
        views = list_subscription_views(context.request)
    for view in views:
        typer.echo(_line(view))


@app.command("rotate")
def rotate(name: Name, secret: SecretReference = None) -> None:
    """Give a webhook another secret; the former one goes on signing for a day."""
    with command_context() as context:
        given = rotate_secret(
            context.request,
            name,
            factor_key(context.runtime.settings),
            secret_reference=secret,
        )
    typer.echo(f"Subscription {name} has another secret.")
    _show_secret(given)


@app.command("replay")
def replay_dead(
    name: Name,
    delivery: Annotated[
        int | None, typer.Option(help="Only this one; default: all dead ones.")
    ] = None,
) -> None:
    """Have dead deliveries sent again."""
    with command_context() as context:
        replayed = replay(context.request, name, delivery)
    typer.echo(f"{replayed} deliveries of {name} wait again.")


def _values(kinds: list[PublicKind] | None) -> list[str]:
    return [kind.value for kind in kinds or []]


def _show_secret(given: GivenSecret) -> None:
    if given.secret is not None:
        typer.echo(f"Secret, shown once: {given.secret}")


def _line(view: SubscriptionView) -> str:
    counts = view.counts
    said = f". {view.last_answer}" if view.last_answer else ""
    return (
        f"{view.facts.name}: {view.health}, {view.facts.channel},"
        f" {counts.waiting} waiting, {counts.dead} dead,"
        f" last delivered {instant_text(view.last_delivered_at_utc)}{said}"
    )


def _delivery_line(view: DeliveryView) -> str:
    answer = f": {view.answer}" if view.answer else ""
    return (
        f"  {view.delivery_id} {instant_text(view.created_at_utc)} {view.kind}"
        f" {view.state}, {view.tries} tries{answer}"
    )


add_state_commands(
    app,
    "subscription",
    command="webhook",
    views=list_subscription_views,
    line=_line,
    pause=pause_subscription,
    remove=remove_subscription,
    kept_words="what waits is given up",
)
