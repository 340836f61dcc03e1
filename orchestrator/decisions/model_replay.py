"""Replay with the model: it runs again on what it was given.

Apart from `decisions.replay`, because it loads the model runtime, which the web process
never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.access import Permission
from core.errors import ModelRejected, ModelUnavailable
from core.forecasts import Refusal
from core.telemetry import HOUR
from db import decisions, forecasts, model_versions, regions
from db.decision_lists import DecisionFilter, DecisionOrder, list_decisions
from db.decisions import StoredDecision
from db.forecast_inputs import forecast_input
from db.forecasts import StoredForecast
from models.forecasting import forecast_modes
from models.independence import Askable
from models.inference import InferenceProcess, IsolatedModel
from models.normalised import as_served
from orchestrator.decisions.records import EndInputs, read_inputs
from orchestrator.decisions.replay import TOLERANCE, replay_rules
from orchestrator.decisions.views import Difference, Replay
from orchestrator.use_cases import Request, query
from orchestrator.windows.database_source import LOOK_BACK_H, load_model_frame

_PAGE = 200


@query(Permission.VIEW_AUDIT_EVENTS)
def replay_with_model(request: Request, decision_id: int) -> Replay:
    """One decision: its model on its inputs, its scores, its rules.

    Raises
    ------
    NotFound
        When there is no such decision.
    """
    stored = decisions.decision_by_id(request.session, decision_id)
    return _Replayer(request.session).replay(stored)


@query(Permission.VIEW_AUDIT_EVENTS)
def replay_all(
    request: Request, *, since_utc: datetime | None = None
) -> Iterator[Replay]:
    """Every decision, oldest first, or those taken since an instant."""
    return _replay_pages(request.session, since_utc)


@query(Permission.VIEW_AUDIT_EVENTS)
def replay_newest(request: Request, count: int) -> Iterator[Replay]:
    """The newest decisions, newest first, at most a page of them."""
    replayer = _Replayer(request.session)
    page = list_decisions(request.session, DecisionFilter(), limit=min(count, _PAGE))
    return map(replayer.replay, page.rows)


def _replay_pages(session: Session, since_utc: datetime | None) -> Iterator[Replay]:
    replayer, after = _Replayer(session), None
    while True:
        page = list_decisions(
            session,
            DecisionFilter(from_utc=since_utc),
            order=DecisionOrder.OLDEST,
            after=after,
            limit=_PAGE,
        )
        yield from map(replayer.replay, page.rows)
        after = page.next_place
        if after is None:
            return


class _Replayer:
    """Replays decisions, keeping the models it loaded."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._process = InferenceProcess()
        self._models: dict[int, IsolatedModel] = {}

    def replay(self, stored: StoredDecision) -> Replay:
        ruled = replay_rules(self._session, stored)
        if any(item.field == "inputs" for item in ruled.differences):
            return ruled
        inputs = read_inputs(stored.facts.inputs_text)
        differences, notes = list(ruled.differences), list(ruled.notes)
        for name, end in (("source", inputs.source), ("target", inputs.target)):
            if end is not None and end.mean is not None:
                found, note = self._run_model(name, end)
                differences += found
                notes += [note] if note else []
        return replace(ruled, differences=tuple(differences), notes=tuple(notes))

    def _run_model(
        self, name: str, end: EndInputs
    ) -> tuple[list[Difference], str | None]:
        issued = None
        if end.forecast_id is not None:
            issued = forecasts.forecast_by_id(self._session, end.forecast_id)
        if issued is None or issued.model_version_id is None:
            return [], None  # the rules' replay has already said that it is missing
        try:
            return self._run_again(name, issued, issued.model_version_id)
        except ModelRejected as exc:
            return [_difference(f"{name} model", "as registered", exc.message)], None
        except ModelUnavailable as exc:
            return [_difference(f"{name} model", "an answer", exc.message)], None

    def _run_again(
        self, name: str, issued: StoredForecast, version_id: int
    ) -> tuple[list[Difference], str | None]:
        runtime = self._runtime(version_id)
        given = forecast_input(self._session, issued.forecast_id)
        if given is not None:
            index = np.array([given.region_index], dtype=np.int64)
            mean, scale = runtime.predict(given.features[None, :], index)
            moved = np.roll([mean[0], scale[0]], -issued.lag_h, axis=1)
            return list(_compare(name, issued, *moved)), None
        return self._run_on_telemetry(name, issued, runtime)

    def _run_on_telemetry(
        self, name: str, issued: StoredForecast, runtime: Askable
    ) -> tuple[list[Difference], str | None]:
        """Hindcasts keep no inputs of their own: telemetry as it is now stands in.

        Weather forecasts are as they were issued.
        """
        stored_region = next(
            item
            for item in regions.list_regions(self._session, active_only=False)
            if item.region_id == issued.region_id
        )
        frame = load_model_frame(
            self._session,
            stored_region.slug,
            issued.issued_at_utc - LOOK_BACK_H * HOUR,
            issued.issued_at_utc,
            first_issue_utc=issued.issued_at_utc,
        )
        (answer,) = forecast_modes(
            runtime, frame, stored_region.region.time_zone, [issued.issued_at_utc]
        )
        note = (
            f"The {name}'s forecast kept no inputs; its model ran on telemetry as it"
            " is now."
        )
        if isinstance(answer, Refusal):
            refused = _difference(f"{name} model", "a forecast", answer.text)
            return [refused], note
        again = answer.get(issued.input_mode)
        if again is None:
            field = f"{name} forecast input mode"
            return [_difference(field, issued.input_mode, "not possible")], note
        return list(_compare(name, issued, again.mean, again.scale)), note

    def _runtime(self, version_id: int) -> Askable:
        """The model in a process like the one that serves, asked in the same way."""
        version = model_versions.model_version(self._session, version_id)
        known = self._models.get(version_id)
        if known is None or not known.is_loaded:
            stored_bytes = model_versions.model_bytes(self._session, version_id)
            known = self._process.load(stored_bytes, version.onnx_sha256)
            self._models[version_id] = known
        return as_served(known, normalises_scale=version.normalises_scale)


def _compare(
    name: str,
    issued: StoredForecast,
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> Iterator[Difference]:
    for field, kept, again in (
        ("mean", issued.mean, mean),
        ("scale", issued.scale, scale),
    ):
        apart = np.abs(np.array(kept) - again)
        # Written in the positive: a difference that is not a number is one.
        if not (apart <= TOLERANCE).all():
            hour = int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))
            yield _difference(
                f"{name} model {field}, hour {hour}", kept[hour], again[hour]
            )


def _difference(field: str, stored: object, replayed: object) -> Difference:
    return Difference(field=field, stored=str(stored), replayed=str(replayed))
