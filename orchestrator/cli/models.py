"""`gfo train` and `gfo model`: make models, look at them, let one serve."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from core.errors import InvalidInput, ModelRejected
from core.forecasts import Target
from db import model_versions
from db.model_versions import ModelVersion
from models.bounded import bounded
from models.fleet_telemetry import RegionTelemetry
from models.metadata import (
    DEFAULT_FAMILY,
    MAX_MODEL_BYTES,
    Family,
    ModelContract,
    require_trained_in_past,
)
from models.sandbox import check_in_sandbox
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.processes.connect import connected_runtime
from orchestrator.processes.terminal import (
    CLI_USER,
    FAILED,
    Json,
    MaxMemoryGib,
    MaxMinutes,
    command_context,
    command_settings,
    fail,
    parse_day,
    print_json,
    progress,
    unavailable_is_unusable,
)
from orchestrator.registry.activation import (
    activate_model,
    override_gate,
    roll_back_model,
)
from orchestrator.registry.coverage_alarms import clear_alarm
from orchestrator.registry.model_files import export_model
from orchestrator.registry.signatures import (
    SIGNATURE_BYTES,
    add_signature,
    pin_signing_key,
    signing_keys,
    unpin_signing_key,
)
from orchestrator.runtime import utc_now
from orchestrator.telemetry.readers.forecast_files import read_weather_forecasts
from orchestrator.telemetry.readers.frames import read_fleet

app = typer.Typer(help="Models: list, export, activate, roll back.")

SignatureOption = Annotated[
    Path | None,
    typer.Option(help="File with the Ed25519 signature of its bytes, raw or base64."),
]
TargetOption = Annotated[
    list[Target] | None,
    typer.Option("--target", help="What to forecast; repeatable. Default: all four."),
]


def train(
    *,
    family: Annotated[Family, typer.Option(help="Family of models.")] = DEFAULT_FAMILY,
    target: TargetOption = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Train only on telemetry before this UTC day (YYYY-MM-DD). Default:"
            " leaves the last 500 days, at most half, to judge the model by."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed, kept with the model.")] = 7,
    activate: Annotated[
        bool,
        typer.Option(
            "--activate",
            help="Let it serve once it passed its gate, even if another model does.",
        ),
    ] = False,
    max_memory_gib: MaxMemoryGib = 4.0,
    max_minutes: MaxMinutes = 240.0,
    as_json: Json = False,
) -> None:
    """Train models on stored telemetry, prove their ONNX export, register them."""
    # scikit-learn takes seconds to import; other commands must not wait for it.
    from orchestrator.registry.training import train_models  # noqa: PLC0415

    with (
        command_context() as context,
        bounded("Training", memory_gib=max_memory_gib, minutes=max_minutes),
    ):
        summaries = train_models(
            context.request,
            targets=target or list(Target),
            until_day=parse_day(until) if until else None,
            family=family,
            seed=seed,
            activate=activate,
            on_progress=progress,
        )
    if as_json:
        print_json(summaries)
        return
    for summary in summaries:
        state = "active" if summary.is_active else "registered, not active"
        typer.echo(
            f"{summary.target}: model {summary.version_id} ({state}),"
            f" {summary.size_bytes / 1e6:.1f} MB, trained until"
            f" {summary.trained_until_utc:%Y-%m-%d} in {summary.seconds:.1f} s;"
            f" ONNX equals scikit-learn within {summary.parity_max_abs_difference:.1e}"
            f" on {summary.parity_rows} rows."
        )
        for finding in summary.findings:
            typer.echo(f"  {finding}")
        if not summary.is_active:
            typer.echo(f"  {_next_step(summary.version_id, summary.state)}")
    if activate and not all(summary.is_active for summary in summaries):
        message = (
            "Not every model serves: its gate refused it, or the rules for changes"
            " want a second person or a signature."
        )
        fail(ModelRejected(message))


def _next_step(version_id: int, state: str) -> str:
    if state == "rejected":
        return (
            f"Its gate refused it. To let it serve all the same: gfo model override"
            f" {version_id} --reason …, then gfo model activate {version_id}"
        )
    return f"Let it serve with: gfo model activate {version_id}"


@app.command("list")
def list_models(target: TargetOption = None, as_json: Json = False) -> None:
    """Versions, newest first."""
    with command_context() as context:
        versions = [
            version
            for version in model_versions.list_model_versions(context.session)
            if target is None or version.target in target
        ]
    if as_json:
        print_json(versions)
        return
    if not versions:
        typer.echo("There is no model yet; train one with `gfo train`.")
    for version in versions:
        typer.echo(_line(version))


@app.command("export")
def export(
    version_id: Annotated[int, typer.Argument(help="Id of a model version.")],
    out: Annotated[Path, typer.Option(help="Where to write the ONNX file.")],
    validate: Annotated[
        bool,
        typer.Option(
            "--validate", help="Read the file back and hold it against the contract."
        ),
    ] = False,
) -> None:
    """Write the ONNX bytes of a version to a file."""
    with command_context() as context:
        version = export_model(context.request, version_id)
        onnx_bytes = model_versions.model_bytes(context.session, version_id)
        _write(out, onnx_bytes)
        typer.echo(f"Wrote {len(onnx_bytes)} bytes to {out}.")
        if validate:
            _validate(out.read_bytes(), version)
            typer.echo(
                f"It keeps the contract of {version.target} and answers finite,"
                " repeatable forecasts."
            )


@app.command("validate")
def validate(
    file: Annotated[Path, typer.Argument(help="An ONNX file, from anywhere.")],
    telemetry: Annotated[
        Path | None,
        typer.Option(
            help="Tidy CSV that it was trained on: make the model anew and compare."
        ),
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option(help="With --telemetry: CSV with columns slug and time_zone."),
    ] = None,
    weather_forecasts: Annotated[
        Path | None,
        typer.Option(
            help="With --telemetry: the weather forecasts that it was trained on."
        ),
    ] = None,
    max_memory_gib: MaxMemoryGib = 4.0,
    max_minutes: MaxMinutes = 60.0,
    as_json: Json = False,
) -> None:
    """Check a file in the sandbox: 0 accepted, 1 refused, 2 could not be checked.

    With telemetry it is also held against scikit-learn, trained anew as its metadata
    say, on 10,000 rows; a file of another make against the ONNX reference.
    """
    if (telemetry is None) != (regions is None):
        fail(InvalidInput("--telemetry and --regions go together; give both."))
    with command_settings(), unavailable_is_unusable():
        content = _read(file)
        contract = check_in_sandbox(content)
        require_trained_in_past(contract, utc_now())
        found = None
        if telemetry and regions:
            # scikit-learn takes seconds to import; other commands must not wait for it.
            from models.reproduction import reproduce  # noqa: PLC0415

            what = f"Making {contract.target} anew"
            with bounded(what, memory_gib=max_memory_gib, minutes=max_minutes):
                frames = _frames(telemetry, regions, weather_forecasts)
                progress(f"Making {contract.target} anew ({contract.family}) …")
                found = reproduce(content, contract, frames)
    if as_json:
        print_json(
            {"contract": contract, "parity": found.report} if found else contract
        )
    else:
        _say_contract(file, contract)
        if found is not None:
            typer.echo(found.sentence)
    if found is not None and not found.report.holds:
        raise typer.Exit(FAILED)


def _frames(
    telemetry: Path, regions: Path, weather_forecasts: Path | None
) -> dict[str, RegionTelemetry]:
    frames = read_fleet(telemetry, regions, utc_now(), progress).frames
    if weather_forecasts is None:
        return frames
    file = read_weather_forecasts(
        weather_forecasts,
        {slug: time_zone for slug, (_, time_zone) in frames.items()},
    )
    return file.with_frames(frames, None)


def _say_contract(file: Path, contract: ModelContract) -> None:
    typer.echo(
        f"{file.name} keeps the contract: {contract.target} for {contract.horizon_h} h"
        f" from {len(contract.feature_names)} features,"
        f" {len(contract.region_slugs)} regions, family {contract.family}, trained"
        f" until {contract.trained_until_utc:%Y-%m-%d %H:%M} UTC."
    )


@app.command("upload")
def upload(
    file: Annotated[Path, typer.Argument(help="An ONNX file, from anywhere.")],
    signature: SignatureOption = None,
    as_json: Json = False,
) -> None:
    """Check and evaluate a file as the portal does: 0 validated, 1 refused."""
    # Evaluation imports MAPIE, which takes seconds.
    from orchestrator.registry.intake import take_in  # noqa: PLC0415

    with command_settings() as settings, unavailable_is_unusable():
        content = _read(file)
        with connected_runtime(settings, on_progress=progress) as runtime:
            outcome = take_in(
                runtime,
                CLI_USER,
                content,
                file.name,
                signature=_signature(signature) if signature else "",
                on_progress=progress,
            )
    if as_json:
        print_json(outcome)
    else:
        typer.echo(outcome.sentence)
        for finding in outcome.findings:
            typer.echo(f"  {finding}")
    if outcome.state != "validated":
        raise typer.Exit(FAILED)


@app.command("evaluate")
def evaluate(
    version_id: Annotated[int, typer.Argument(help="Id of a model version.")],
) -> None:
    """Judge a version on past telemetry once more, beside the one that serves."""
    from orchestrator.registry.evaluation_steps import evaluate_now  # noqa: PLC0415

    cache = ModelCache()
    with command_context() as context:
        found = evaluate_now(context.request, cache, version_id, on_progress=progress)
    cache.close()
    typer.echo(
        f"Model {version_id} {'passed' if found.gate_passed else 'failed'} its gate."
    )
    for finding in found.findings:
        typer.echo(f"  {finding}")
    if not found.gate_passed:
        raise typer.Exit(FAILED)


@app.command("sign")
def sign(
    version_id: Annotated[int, typer.Argument(help="Id of a model version.")],
    signature: Annotated[
        Path, typer.Option(help="File with the signature of its bytes, raw or base64.")
    ],
) -> None:
    """Add a signature that a trusted key made of a version's bytes."""
    with command_context() as context:
        origin = add_signature(
            context.request, version_id, signature=_signature(signature)
        )
    typer.echo(f"Model {version_id}: {origin.words}.")


@app.command("keys")
def keys(as_json: Json = False) -> None:
    """Keys whose signatures are trusted, and those that were."""
    with command_context() as context:
        found = signing_keys(context.request)
    if as_json:
        print_json(found)
        return
    for key in found:
        state = "trusted" if key.unpinned_at_utc is None else "no longer trusted"
        typer.echo(
            f"{key.key_id:>4}  {key.fingerprint}  {key.name}  {state}, pinned by"
            f" {key.pinned_by} {key.pinned_at_utc:%Y-%m-%d}"
        )


@app.command("pin-key")
def pin_key(
    file: Annotated[Path, typer.Argument(help="Ed25519 public key, PEM or base64.")],
    name: Annotated[str, typer.Option(help="Whose key it is.")],
) -> None:
    """Trust the signatures of a key."""
    with command_context() as context:
        key = pin_signing_key(
            context.request,
            name=name,
            public_key=_read(file).decode("ascii", "replace"),
        )
    typer.echo(f"Key {key.key_id} ({key.name}, {key.fingerprint}) is trusted.")


@app.command("unpin-key")
def unpin_key(
    key_id: Annotated[int, typer.Argument(help="Id of a key; see gfo model keys.")],
) -> None:
    """Trust a key no longer."""
    with command_context() as context:
        key = unpin_signing_key(context.request, key_id)
    typer.echo(f"Key {key.key_id} ({key.name}) is not trusted any more.")


@app.command("override")
def override(
    version_id: Annotated[int, typer.Argument(help="Id of a model version.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")],
) -> None:
    """Validate a version that its gate refused."""
    with command_context() as context:
        version = override_gate(context.request, version_id, reason=reason)
    typer.echo(f"{version.label} is validated against its gate.")


@app.command("activate")
def activate(
    version_id: Annotated[int, typer.Argument(help="Id of a model version.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
) -> None:
    """Let a validated version serve its target from the next forecast on."""
    with command_context() as context:
        version = activate_model(
            context.request,
            version_id,
            reason=reason or "activated from the command line",
        )
    typer.echo(f"{version.label} serves {version.target} from the next forecast on.")


@app.command("rollback")
def rollback(
    target: Annotated[Target, typer.Option(help="Which target.")] = (
        Target.TEMPERATURE_C
    ),
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")] = "",
) -> None:
    """Let the version that served before serve again."""
    with command_context() as context:
        version = roll_back_model(
            context.request,
            target,
            reason=reason or "rolled back from the command line",
        )
    typer.echo(f"{version.label} serves {version.target} again.")


@app.command("clear-alarm")
def clear(
    version_id: Annotated[int, typer.Argument(help="Id of a model version.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit.")],
    region: Annotated[
        str | None, typer.Option(help="Slug of the region; none for the fleet.")
    ] = None,
) -> None:
    """End the alarm of a model that lost its coverage in a region, or its skill."""
    with command_context() as context:
        clear_alarm(
            context.request,
            region_slug=region,
            model_version_id=version_id,
            reason=reason,
        )
    place = f"in {region}" if region else "over the fleet"
    typer.echo(f"Model version {version_id} is watched anew {place}.")


def _read(path: Path) -> bytes:
    """A whole file, but never more than a model may have."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror}."
        raise InvalidInput(message) from exc
    if len(content) > MAX_MODEL_BYTES:
        message = f"{path.name} has more than {MAX_MODEL_BYTES // 2**20} MiB."
        raise ModelRejected(message)
    return content


def _signature(path: Path) -> str:
    """A signature as base64, whichever way the file holds it."""
    content = _read(path)
    if len(content) == SIGNATURE_BYTES:
        return b64encode(content).decode()
    return content.decode("ascii", "replace")


def _write(out: Path, onnx_bytes: bytes) -> None:
    try:
        out.write_bytes(onnx_bytes)
    except OSError as exc:
        message = f"{out} cannot be written: {exc.strerror}."
        raise InvalidInput(message) from exc


def _validate(onnx_bytes: bytes, version: ModelVersion) -> None:
    if sha256(onnx_bytes).hexdigest() != version.onnx_sha256:
        message = "The file that was written is not the model that is stored."
        raise ModelRejected(message)
    check_in_sandbox(onnx_bytes)


def _line(version: ModelVersion) -> str:
    active = "active" if version.is_active else version.state
    return (
        f"{version.version_id:>4}  {version.target:<26} {version.family:<10}"
        f" {active:<10} {version.onnx_sha256[:12]}  until"
        f" {version.trained_until_utc:%Y-%m-%d}  by {version.created_by}"
    )
