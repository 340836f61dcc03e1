"""Endpoints of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from core.access import Permission
from core.forecasts import Target
from orchestrator.registry.activation import activate_model, roll_back_model
from orchestrator.registry.evaluation_requests import start_evaluation
from orchestrator.registry.model_files import GivenFile, receive_model
from orchestrator.registry.models_page import model_detail, models_page
from orchestrator.registry.views import ModelDetail, ModelsPage
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

    @api.post("/models/<version_id>/evaluations", MANAGE)
    def evaluate_model(asked: Request, version_id: int) -> StartedEvaluation:
        """Have a version evaluated beside the one that serves."""
        return StartedEvaluation(evaluation_id=start_evaluation(asked, version_id))

    @api.post("/models/<version_id>/activations", MANAGE)
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

    @api.post("/serving/<target>/rollbacks", MANAGE)
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
