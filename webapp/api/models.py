"""Endpoints of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from core.access import Permission
from core.forecasts import Target
from orchestrator.registry.activation import (
    activate_model,
    override_gate,
    roll_back_model,
)
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.model_files import (
    GivenFile,
    export_model,
    exported_pieces,
    receive_model,
)
from orchestrator.registry.models_page import model_detail, models_page
from orchestrator.registry.signatures import (
    add_signature,
    pin_signing_key,
    signing_keys,
    unpin_signing_key,
)
from orchestrator.registry.views import ModelDetail, ModelsPage, SigningKeyView
from orchestrator.use_cases import Request
from webapp.api.endpoints import Api, Slug
from webapp.model_files import LARGEST_UPLOAD_BYTES

MANAGE = Permission.MANAGE_MODELS


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedModel:
    """A model file in quarantine, and the version that it became, if any."""

    upload_id: int
    state: str
    model_version_id: int | None
    is_checked_now: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedEvaluation:
    """An evaluation that the worker carries out; the model's detail shows it."""

    evaluation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingVersion:
    """The version that serves a target now."""

    target: Target
    model_version_id: int


def add_models(api: Api) -> None:
    """See models, give one, have it evaluated, let it serve."""
    _add_files(api)
    _add_serving(api)
    _add_signing_keys(api)


def _add_files(api: Api) -> None:

    @api.get("/models", MANAGE)
    def list_models(asked: Request) -> ModelsPage:
        """Serving models, uploads, versions and the activation log, newest first."""
        return models_page(asked)

    @api.get("/models/<version_id>", MANAGE)
    def get_model(
        asked: Request, version_id: int, region_slug: Slug | None = None
    ) -> ModelDetail:
        """One version with its newest evaluation; bounds of a region if named."""
        return model_detail(asked, version_id, region_slug=region_slug)

    @api.post(
        "/models",
        MANAGE,
        takes="application/octet-stream",
        most_bytes=LARGEST_UPLOAD_BYTES,
    )
    def upload_model(
        asked: Request,
        content: BinaryIO,
        label: str = "sent by the API",
        signature: str = "",
    ) -> ReceivedModel:
        """Put an ONNX file into quarantine; the worker checks it."""
        given = GivenFile.read(content, label)
        received, is_checked_now = receive_model(asked, given, signature)
        return ReceivedModel(
            upload_id=received.upload_id,
            state=received.state,
            model_version_id=received.model_version_id,
            is_checked_now=is_checked_now,
        )

    @api.post("/models/<version_id>/exports", MANAGE, gives="application/octet-stream")
    def export_version(asked: Request, version_id: int) -> bytes:
        """The ONNX bytes of a version. The export is audited."""
        export_model(asked, version_id)
        return b"".join(exported_pieces(asked, version_id))


def _add_serving(api: Api) -> None:
    @api.post("/models/<version_id>/evaluations", MANAGE)
    def evaluate_model(asked: Request, version_id: int) -> StartedEvaluation:
        """Have a version evaluated beside the one that serves."""
        return StartedEvaluation(evaluation_id=start_evaluation(asked, version_id))

    @api.post("/models/<version_id>/activations", MANAGE, two_people=True)
    def activate_version(
        asked: Request,
        version_id: int,
        reason: str,
        seen_active_id: int | None = None,
    ) -> ServingVersion:
        """Let a validated version serve, in place of the one that was seen."""
        version = activate_model(
            asked, version_id, reason=reason, seen_active_id=seen_active_id
        )
        return ServingVersion(
            target=version.target, model_version_id=version.version_id
        )

    @api.post("/models/<version_id>/overrides", MANAGE, two_people=True)
    def override_gate_of_version(
        asked: Request, version_id: int, reason: str
    ) -> ModelDetail:
        """Validate a version that its gate refused."""
        override_gate(asked, version_id, reason=reason)
        return model_detail(asked, version_id, region_slug=None)

    @api.post("/models/<version_id>/signatures", MANAGE)
    def sign_version(asked: Request, version_id: int, signature: str) -> ModelDetail:
        """Keep a signature of a version's bytes, in base64."""
        add_signature(asked, version_id, signature=signature)
        return model_detail(asked, version_id, region_slug=None)

    @api.post("/serving/<target>/rollbacks", MANAGE, two_people=True)
    def roll_back_to_former(
        asked: Request,
        target: Target,
        reason: str,
        seen_active_id: int | None = None,
    ) -> ServingVersion:
        """Let the version that served before serve again."""
        version = roll_back_model(
            asked, target, reason=reason, seen_active_id=seen_active_id
        )
        return ServingVersion(
            target=version.target, model_version_id=version.version_id
        )


def _add_signing_keys(api: Api) -> None:
    @api.get("/signing-keys", MANAGE)
    def list_signing_keys(asked: Request) -> tuple[SigningKeyView, ...]:
        """Keys whose signatures are trusted, and those that were, newest first."""
        return signing_keys(asked)

    @api.post("/signing-keys", MANAGE, two_people=True)
    def trust_signing_key(
        asked: Request, name: str, public_key: str
    ) -> tuple[SigningKeyView, ...]:
        """Trust a key, given as PEM or base64; answers all keys."""
        pin_signing_key(asked, name=name, public_key=public_key)
        return signing_keys(asked)

    @api.post("/signing-keys/<key_id>/unpin", MANAGE, two_people=True)
    def distrust_signing_key(asked: Request, key_id: int) -> tuple[SigningKeyView, ...]:
        """Trust a key no longer; answers all keys."""
        unpin_signing_key(asked, key_id)
        return signing_keys(asked)
