"""Serve a model: verified bytes, one thread, forecasts or the reason there is none."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from core.aliases import FloatArray, IntArray
from core.errors import InvalidInput, ModelRejected
from core.forecasts import HourlyForecast, Refusal, RefusalCode
from core.regions import Region
from core.telemetry import VALID_RANGES, TelemetryFrame
from models.features import feature_matrix
from models.metadata import ModelContract, contract_from_metadata
from models.predictor import Predictor

BATCH_ROWS = 256
"""Each row gathers its region's weights (34 kB for the default model), so a batch
bounds memory; batches of 2,048, which leave the cache, were 25 times slower."""

PLAUSIBLE_MARGIN_FRAC = 0.1
"""Share of the valid range by which a mean may leave it before it is refused."""


class ModelRuntime:
    """An ONNX model, loaded only when its hash is the expected one.

    Every process gets a session of its own, also after a fork: one made before it
    may hold locks that no thread of the child will ever release.

    Parameters
    ----------
    expected_sha256 : str
        Hex digest under which the registry knows the model.

    Attributes
    ----------
    sha256 : str
        Hex digest of the bytes.
    process_id : int
        Process to which the open session belongs.

    Raises
    ------
    ModelRejected
        When the bytes are others than expected or cannot be loaded.
    """

    def __init__(self, onnx_bytes: bytes, expected_sha256: str) -> None:
        found = hashlib.sha256(onnx_bytes).hexdigest()
        if found != expected_sha256.lower():
            message = (
                f"The model's SHA-256 is {found[:12]}…, but it was registered under "
                f"{expected_sha256[:12]}…."
            )
            raise ModelRejected(message)
        self.sha256 = found
        self._onnx_bytes = onnx_bytes
        self._session = _open_session(onnx_bytes)
        self.process_id = os.getpid()
        properties = self._session.get_modelmeta().custom_metadata_map
        self._contract = contract_from_metadata(properties)

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""
        return self._contract

    def predict(
        self, features: NDArray[np.float32], region_index: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Run the model.

        Parameters
        ----------
        features : ndarray of float32, shape (N, F)
        region_index : ndarray of int64, shape (N,)
            0 for pooled weights, else 1 to the number of regions.

        Returns
        -------
        mean, scale : ndarray of float64, shape (N, horizon_h)
            In the target's unit, as the model gave them: not yet checked.
        """
        if os.getpid() != self.process_id:
            self._session = _open_session(self._onnx_bytes)
            self.process_id = os.getpid()
        shape = (len(features), self._contract.horizon_h)
        mean, scale = np.empty(shape), np.empty(shape)
        for start in range(0, len(features), BATCH_ROWS):
            batch = slice(start, start + BATCH_ROWS)
            mean[batch], scale[batch] = self._session.run(
                ["mean", "scale"],
                {"features": features[batch], "region_index": region_index[batch]},
            )
        return mean, scale


def _open_session(onnx_bytes: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # Freed batches would otherwise stay with the process for good.
    options.enable_cpu_mem_arena = False
    try:
        return ort.InferenceSession(
            onnx_bytes, options, providers=["CPUExecutionProvider"]
        )
    except Exception as exc:
        # onnxruntime's errors share no base class of their own.
        message = f"The model cannot be loaded: {str(exc).splitlines()[0]}"
        raise ModelRejected(message) from exc


def forecast(
    runtime: Predictor, frame: TelemetryFrame, region: Region, issued_at_utc: datetime
) -> HourlyForecast | Refusal:
    """The forecast of one window, or why there is none; see `hindcast`."""
    return hindcast(runtime, frame, region, [issued_at_utc])[0]


def hindcast(
    runtime: Predictor,
    frame: TelemetryFrame,
    region: Region,
    issue_instants: Sequence[datetime],
) -> list[HourlyForecast | Refusal]:
    """Forecasts as they would have been made at each instant.

    Parameters
    ----------
    frame : TelemetryFrame
        Telemetry of `region`; for each issue only hours that ended by it are used.
    issue_instants : sequence of datetime
        Full UTC hours, in any order.

    Returns
    -------
    list of HourlyForecast | Refusal
        In the order of `issue_instants`.

    Raises
    ------
    InvalidInput
        When the telemetry is another region's, or an instant is not a full hour.
    """
    if frame.region_slug != region.slug:
        message = f"Telemetry of {frame.region_slug} cannot forecast {region.slug}."
        raise InvalidInput(message)
    return forecast_windows(runtime, frame, region.time_zone, issue_instants)


def forecast_windows(
    runtime: Predictor,
    frame: TelemetryFrame,
    time_zone: str,
    issue_instants: Sequence[datetime],
) -> list[HourlyForecast | Refusal]:
    """As `hindcast`, of a region of which only telemetry and time zone are known."""
    contract = runtime.contract
    slug = frame.region_slug
    inputs = feature_matrix(
        frame,
        time_zone,
        issue_instants,
        contract.feature_names,
        target=contract.target,
    )
    usable = inputs.features[inputs.usable]
    region_index = np.full(len(usable), contract.region_index(slug), dtype=np.int64)
    mean, scale = runtime.predict(usable, region_index)
    predictions = zip(mean, scale, strict=True)
    return [
        problem or _checked(contract, slug, issued_at_utc, *next(predictions))
        for problem, issued_at_utc in zip(inputs.problems, issue_instants, strict=True)
    ]


def _checked(
    contract: ModelContract,
    region_slug: str,
    issued_at_utc: datetime,
    mean: FloatArray,
    scale: FloatArray,
) -> HourlyForecast | Refusal:
    valid = VALID_RANGES[contract.target.quantity]
    margin = PLAUSIBLE_MARGIN_FRAC * (valid.high - valid.low)
    low, high = valid.low - margin, valid.high + margin
    if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()):
        return _refused(
            f"The model's {contract.target} for {region_slug} at "
            f"{issued_at_utc.astimezone(UTC):%Y-%m-%d %H:%M} UTC is not finite, "
            "or its scale is not positive."
        )
    if not ((mean >= low) & (mean <= high)).all():
        return _refused(
            f"The model's {contract.target} for {region_slug} at "
            f"{issued_at_utc.astimezone(UTC):%Y-%m-%d %H:%M} UTC reaches from "
            f"{mean.min():.1f} to {mean.max():.1f}, outside {low:g} to {high:g}."
        )
    return HourlyForecast(
        region_slug=region_slug,
        target=contract.target,
        issued_at_utc=issued_at_utc,
        mean=mean,
        scale=scale,
    )


def _refused(text: str) -> Refusal:
    return Refusal(code=RefusalCode.FORECAST_NOT_FINITE, text=text)
