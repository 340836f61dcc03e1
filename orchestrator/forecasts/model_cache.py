"""Models as one process serves them: verified, run elsewhere, tried again patiently.

A model that hangs, dies or is not what was registered is unavailable; it is tried again
after growing pauses, from the bytes that are stored then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.aliases import FloatArray, IntArray
from core.errors import FleetError, ModelRejected, ModelUnavailable
from core.forecasts import Target
from db import model_versions
from db.model_versions import Activation, ModelVersion
from models.independence import Askable
from models.inference import DEADLINE_S, InferenceProcess, IsolatedModel
from models.metadata import ModelContract
from models.normalised import as_served
from orchestrator.logs import get_logger

log = get_logger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

REHASH_AFTER_S = 60.0
"""The stored bytes of a loaded model are hashed again when it is used later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingModel:
    """A model, loaded and verified."""

    version_id: int
    runtime: Askable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    model: IsolatedModel
    asked: Askable


@dataclass(slots=True)
class _Trouble:
    """How often a model failed in a row, and when it may be tried again."""

    reason: str
    failures: int
    try_again_at: float


class ModelCache:
    """Loaded models of one process, by version; bytes are hashed again at each load."""

    def __init__(
        self,
        *,
        deadline_s: float = DEADLINE_S,
        rehash_after_s: float = REHASH_AFTER_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._process = InferenceProcess(deadline_s=deadline_s)
        self._rehash_after_s = rehash_after_s
        self._monotonic = monotonic
        self._loaded: dict[int, _Loaded] = {}
        self._hashed_at: dict[int, float] = {}
        self._trouble: dict[int, _Trouble] = {}

    def serving(
        self,
        session: Session,
        target: Target,
        active: Mapping[Target, Activation] | None = None,
    ) -> ServingModel | None:
        """The active model of `target`; None when none is active.

        Parameters
        ----------
        active : Mapping of Target to Activation, optional
            The active models, where the caller has read them.

        Raises
        ------
        ModelRejected
            When its bytes are not those that were registered.
        ModelUnavailable
            When it hung, died or was refused just before, and has to wait.
        """
        if active is None:
            active = model_versions.active_models(session)
        found = active.get(target)
        return None if found is None else self.version(session, found.version)

    def version(self, session: Session, version: ModelVersion) -> ServingModel:
        """Any version, active or not; raises what `serving` does."""
        version_id = version.version_id
        self._require_patience(version_id)
        try:
            model = self._verified(session, version)
        except (ModelRejected, ModelUnavailable) as exc:
            self.note_failure(version_id, exc)
            raise
        return ServingModel(
            version_id=version_id, runtime=_Watched(model, self, version_id)
        )

    def close(self) -> None:
        """End the process that runs the models."""
        self._process.stop()

    def note_failure(self, version_id: int, error: FleetError) -> None:
        """Leave the model alone for a while, longer each time."""
        self._loaded.pop(version_id, None)
        known = self._trouble.get(version_id)
        failures = 1 if known is None else known.failures + 1
        pause_s = min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S)
        self._trouble[version_id] = _Trouble(
            reason=error.message,
            failures=failures,
            try_again_at=self._monotonic() + pause_s,
        )
        log.warning(
            "model_failed",
            model_version_id=version_id,
            reason=error.message,
            failures=failures,
            next_try_in_s=pause_s,
        )

    def note_success(self, version_id: int) -> None:
        """Forget earlier failures."""
        self._trouble.pop(version_id, None)

    def _require_patience(self, version_id: int) -> None:
        trouble = self._trouble.get(version_id)
        if trouble is not None and self._monotonic() < trouble.try_again_at:
            raise ModelUnavailable(trouble.reason)

    def _verified(self, session: Session, version: ModelVersion) -> Askable:
        version_id = version.version_id
        known = self._loaded.get(version_id)
        if known is not None and known.model.is_loaded:
            self._rehash(session, version)
            return known.asked
        stored_bytes = model_versions.model_bytes(session, version_id)
        model = self._process.load(stored_bytes, version.onnx_sha256)
        asked = as_served(model, normalises_scale=version.normalises_scale)
        self._loaded[version_id] = _Loaded(model=model, asked=asked)
        self._hashed_at[version_id] = self._monotonic()
        log.info(
            "model_loaded",
            target=version.target.value,
            model_version_id=version_id,
            sha256=version.onnx_sha256,
        )
        return asked

    def _rehash(self, session: Session, version: ModelVersion) -> None:
        version_id, now = version.version_id, self._monotonic()
        if now - self._hashed_at[version_id] < self._rehash_after_s:
            return
        found = model_versions.stored_sha256(session, version_id)
        if found != version.onnx_sha256:
            message = (
                f"The stored bytes of model {version_id} have changed: their SHA-256 is"
                f" {found[:12]}…, but it was registered under"
                f" {version.onnx_sha256[:12]}…."
            )
            raise ModelRejected(message)
        self._hashed_at[version_id] = now


class _Watched:
    """A predictor whose failures the cache hears of."""

    def __init__(self, model: Askable, cache: ModelCache, version_id: int) -> None:
        self._model, self._cache, self._version_id = model, cache, version_id

    @property
    def contract(self) -> ModelContract:
        return self._model.contract

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        return self._noted(self._model.predict, features, region_index)

    def predict_together(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        return self._noted(self._model.predict_together, features, region_index)

    def _noted(
        self,
        ask: Callable[[NDArray[np.float32], IntArray], tuple[FloatArray, FloatArray]],
        features: NDArray[np.float32],
        region_index: IntArray,
    ) -> tuple[FloatArray, FloatArray]:
        try:
            answer = ask(features, region_index)
        except ModelUnavailable as exc:
            self._cache.note_failure(self._version_id, exc)
            raise
        self._cache.note_success(self._version_id)
        return answer
