"""`gfo audit`: verify, anchor and export the chain."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from core.anchors import Anchor
from core.audit_chain import ChainReport
from core.errors import InvalidInput
from orchestrator.audit import anchor_files
from orchestrator.audit.anchor_files import AnchorPlaces
from orchestrator.audit.anchoring import Anchoring, anchor_chain, begin_anew
from orchestrator.audit.chain_export import export_chain
from orchestrator.audit.chain_status import verify_chain
from orchestrator.audit.known_anchors import known_anchors
from orchestrator.logs import get_logger
from orchestrator.processes.terminal import (
    FAILED,
    UNUSABLE,
    CommandContext,
    Json,
    command_context,
    command_settings,
    explained,
    print_json,
)

log = get_logger(__name__)

app = typer.Typer(help="The audit chain.")

AnchorFile = Annotated[
    Path | None,
    typer.Option("--anchor", help="Anchor file; default: the one the worker writes."),
]
PublicKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--public-key",
        help="Key that signed the anchors, 64 hexadecimal digits; repeatable."
        " Default: that of this installation.",
    ),
]


@app.callback()
def _group() -> None:
    """The audit chain."""


@app.command("verify")
def verify(
    anchor: AnchorFile = None,
    public_key: PublicKeys = None,
    without_anchor: Annotated[
        bool,
        typer.Option(
            "--without-anchor", help="Check only whether the chain fits itself."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Walk the whole chain. Exit code 0 when sound, 1 when broken, 2 when not run."""
    with _not_run_is_2(), command_context() as context:
        anchors: tuple[Anchor, ...] = ()
        if not without_anchor:
            anchors = _anchors(context, anchor, public_key or [])
        report = verify_chain(context.request, anchors)
    if as_json:
        print_json(_as_record(report))
    else:
        typer.echo(_sentence(report))
    if not report.is_sound:
        raise typer.Exit(FAILED)


@app.command("anchor")
def anchor_now(as_json: Json = False) -> None:
    """Anchor the newest event now; the worker does so by itself.

    Exit code 1 when the chain does not continue what was anchored before.
    """
    with _not_run_is_2(), command_context() as context:
        places = AnchorPlaces.of(context.runtime.settings)
        done = anchor_chain(context.request, places, only_if_due=False)
    _say_anchoring(done, as_json=as_json)


@app.command("begin-anchors")
def begin_anchors(
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")],
    as_json: Json = False,
) -> None:
    """Begin anew with the key and the file that the settings name now.

    For a new key or place, a restored backup, or after a loss of key or anchors.
    """
    with _not_run_is_2(), command_context() as context:
        places = AnchorPlaces.of(context.runtime.settings)
        done = begin_anew(context.request, places, reason=reason)
    _say_anchoring(done, as_json=as_json)


def _say_anchoring(done: Anchoring, *, as_json: bool) -> None:
    if done.broken is not None:
        typer.echo(f"Nothing was anchored. {_sentence(done.broken)}")
        raise typer.Exit(FAILED)
    if as_json:
        typer.echo(done.anchor.line() if done.anchor else "null")
    elif done.anchor is None:
        typer.echo("There is no event yet; nothing was anchored.")
    else:
        word = "Anchored" if done.is_new else "Already anchored:"
        typer.echo(
            f"{word} event {done.anchor.seq} at {done.anchor.time_text},"
            f" hash {done.anchor.head.hex()}."
        )


@app.command("key")
def show_key() -> None:
    """Print the public key that anchors are signed with; keep it elsewhere, too."""
    with command_settings() as settings:
        places = AnchorPlaces.of(settings)
        typer.echo(anchor_files.load_key(places.key_file).public_hex)


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="A new file, like audit.zip.")],
    first: Annotated[
        int, typer.Option("--from", min=1, help="First event of the export.")
    ] = 1,
    last: Annotated[
        int | None, typer.Option("--to", min=1, help="Last event of the export.")
    ] = None,
) -> None:
    """Write events with their proof, decisions and a verifier into one zip file."""
    with _new_file(file) as fresh, command_context() as context:
        manifest = export_chain(
            context.request,
            fresh,
            AnchorPlaces.of(context.runtime.settings),
            first_seq=first,
            last_seq=last,
        )
    typer.echo(
        f"{file}: events {manifest.first_seq} to {manifest.last_seq}."
        f" Check it anywhere: python3 verify_export.py {file.name}."
    )


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """A file that appears whole, once the export is audited, or not at all."""
    fresh = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with explained():
        if file.exists():
            message = f"{file} exists already: name a new file."
            raise InvalidInput(message)
        if not file.parent.is_dir():
            message = f"There is no folder {file.parent}."
            raise InvalidInput(message)
    try:
        yield fresh
        fresh.rename(file)
    finally:
        fresh.unlink(missing_ok=True)


def _anchors(
    context: CommandContext, file: Path | None, public_keys: list[str]
) -> tuple[Anchor, ...]:
    """Those of a named file, or of this installation if it has ever anchored."""
    places = AnchorPlaces.of(context.runtime.settings)
    for key in public_keys:
        anchor_files.public_key_bytes(key)
    if file is None and not public_keys:
        return known_anchors(context.session, places)
    trusted = public_keys or [anchor_files.load_key(places.key_file).public_hex]
    anchors = anchor_files.read_anchors(file or places.anchor_file, trusted)
    if not anchors:
        message = f"The anchor file {file or places.anchor_file} holds no anchor."
        raise InvalidInput(message)
    return anchors


@contextmanager
def _not_run_is_2() -> Iterator[None]:
    """Exit code 1 is for a broken chain; when it was not verified, the code is 2."""
    try:
        yield
    except typer.Exit as exc:
        if exc.exit_code == FAILED:
            raise typer.Exit(UNUSABLE) from exc
        raise
    except Exception as exc:
        log.exception("audit_command_failed")
        typer.secho("gfo: the chain could not be read.", err=True)
        raise typer.Exit(UNUSABLE) from exc


def _as_record(report: ChainReport) -> dict[str, object]:
    return {
        "is_sound": report.is_sound,
        "event_count": report.event_count,
        "last_hash": report.last_hash.hex(),
        "first_bad_seq": report.first_bad_seq,
        "reason": report.reason,
        "anchored_seq": report.anchored_seq,
        "later_count": report.later_count,
    }


def _sentence(report: ChainReport) -> str:
    if not report.is_sound:
        return (
            f"The chain is broken at event {report.first_bad_seq}: {report.reason}"
            f" {report.event_count} events before it are sound. {_promise(report)}"
        )
    return (
        f"The chain is sound: {report.event_count} events, last hash"
        f" {report.last_hash.hex()}. {_promise(report)}"
    )


def _promise(report: ChainReport) -> str:
    if report.anchored_seq is None:
        return (
            "No anchor was used: whoever may write past the triggers could have"
            " computed it anew."
        )
    return (
        f"An anchor vouches for event {report.anchored_seq} and all before it;"
        f" {report.later_count} later events are outside this promise."
    )
