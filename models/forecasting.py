"""Forecasts of a model, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from core.aliases import FloatArray
from core.errors import InvalidInput
from core.forecasts import HourlyForecast, InputMode, Refusal, RefusalCode
from core.regions import Region
from core.telemetry import VALID_RANGES, Quantity, TelemetryFrame
from models.features import (
    DAY_MAX_RUNG_H,
    RUN_RUNGS_H,
    FeatureRows,
    RegionIssues,
    feature_rows,
)
from models.metadata import POOLED_INDEX, ModelContract

PLAUSIBLE_MARGIN_FRAC = 0.1
"""Share of the valid range by which a mean may leave it before it is refused."""


ByMode = dict[InputMode, HourlyForecast]
"""A forecast in every input mode that its issue allows, best first."""


class Predictor(Protocol):
    """A model, wherever it runs; tests may bring their own."""

    @property
    def contract(self) -> ModelContract:
        """What the model says about itself."""

    def predict(
        self, features: NDArray[np.float32], region_index: NDArray[np.int64]
    ) -> tuple[FloatArray, FloatArray]:
        """Means and scales, each of shape (N, horizon_h)."""


def forecast(
    model: Predictor, frame: TelemetryFrame, region: Region, issued_at_utc: datetime
) -> HourlyForecast | Refusal:
    """The forecast of one window, or why there is none; see `hindcast`."""
    return hindcast(model, frame, region, [issued_at_utc])[0]


def hindcast(
    model: Predictor,
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
    return forecast_windows(model, frame, region.time_zone, issue_instants)


def forecast_windows(
    model: Predictor,
    frame: TelemetryFrame,
    time_zone: str,
    issue_instants: Sequence[datetime],
) -> list[HourlyForecast | Refusal]:
    """As `hindcast`, when only telemetry and time zone of the region are known."""
    asked = [RegionIssues(frame, time_zone, issue_instants)]
    (found,) = ask(
        model, WindowsAsked.of(model.contract, asked, rungs_h=RUN_RUNGS_H[:1])
    )
    return [
        answer if isinstance(answer, Refusal) else next(iter(answer.values()))
        for answer in found
    ]


def forecast_modes(
    model: Predictor,
    frame: TelemetryFrame,
    time_zone: str,
    issue_instants: Sequence[datetime],
) -> list[ByMode | Refusal]:
    """As `forecast_windows`, in every input mode that an issue allows, best first.

    What the model would have said if the newest runs, or all of them, had not come. It
    calibrates these modes before they are needed.
    """
    asked = [RegionIssues(frame, time_zone, issue_instants)]
    return ask(model, WindowsAsked.of(model.contract, asked))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsAsked:
    """What a model is given for windows of one region.

    Attributes
    ----------
    region_index : int
        Of the model's weights; see `OnnxModel.predict`.
    rungs : tuple of FeatureRows
        The inputs of all windows with the runs of each age that makes a difference,
        the newest first.
    """

    region_slug: str
    region_index: int
    issue_instants: tuple[datetime, ...]
    rungs: tuple[FeatureRows, ...]

    @classmethod
    def of(
        cls,
        contract: ModelContract,
        asked: Sequence[RegionIssues],
        *,
        rungs_h: Sequence[int | None] = RUN_RUNGS_H,
    ) -> list[Self]:
        """What a model of this contract needs of regions' telemetry, in their order.

        Parameters
        ----------
        rungs_h : sequence of int | None
            Of `RUN_RUNGS_H`, those that may be used.
        """
        indices = contract.region_indices
        guide = contract.guiding_quantity
        used_by = [_rungs_h(guide, region.frame) for region in asked]
        rungs: list[list[FeatureRows]] = [[] for _ in asked]
        for rung_h in rungs_h:
            numbers = [n for n, used in enumerate(used_by) if rung_h in used]
            rows = feature_rows(
                [asked[number] for number in numbers],
                contract.feature_names,
                target=contract.target,
                youngest_run_h=rung_h,
            )
            start = 0
            for number in numbers:
                end = start + len(asked[number].instants)
                rungs[number].append(rows.part(slice(start, end)))
                start = end
        return [
            cls(
                region_slug=region.frame.region_slug,
                region_index=indices.get(region.frame.region_slug, POOLED_INDEX),
                issue_instants=tuple(region.instants),
                rungs=tuple(of_region),
            )
            for region, of_region in zip(asked, rungs, strict=True)
        ]

    @property
    def best_mode(self) -> InputMode:
        """The best mode in which the first window can be forecast."""
        return self.rungs[0].modes[0]

    def features(self, mode: InputMode) -> NDArray[np.float32] | None:
        """The first window's inputs in a mode, shape (F,); None without it."""
        found = (rows.features[0] for rows in self.rungs if rows.modes[0] is mode)
        return next(found, None)


def ask(
    model: Predictor, asked: Sequence[WindowsAsked]
) -> list[list[ByMode | Refusal]]:
    """Forecasts of many regions' windows, in every mode of each; the model runs once.

    Each row is asked alone, whatever its neighbours; see `OnnxModel.predict`.
    """
    contract = model.contract
    usable = [rows.features[rows.usable] for item in asked for rows in item.rungs]
    if not usable:
        return []
    regions = [
        np.full(int(rows.usable.sum()), item.region_index)
        for item in asked
        for rows in item.rungs
    ]
    mean, scale = model.predict(
        np.concatenate(usable), np.concatenate(regions).astype(np.int64)
    )
    predictions = zip(mean, scale, strict=True)
    return [_by_mode(contract, item, predictions) for item in asked]


def _by_mode(
    contract: ModelContract,
    asked: WindowsAsked,
    predictions: Iterator[tuple[FloatArray, FloatArray]],
) -> list[ByMode | Refusal]:
    found: list[ByMode | Refusal] = []
    for rows in asked.rungs:
        answers = _answers(contract, asked, rows, predictions)
        if not found:
            found = [a if isinstance(a, Refusal) else {} for a in answers]
        for by_mode, answer in zip(found, answers, strict=True):
            if isinstance(by_mode, dict) and isinstance(answer, HourlyForecast):
                by_mode.setdefault(answer.input_mode, answer)
    return found


def _rungs_h(guide: Quantity | None, frame: TelemetryFrame) -> tuple[int | None, ...]:
    """Those of `RUN_RUNGS_H` that can differ for a model with this guide."""
    if guide is None or frame.runs is None:
        return RUN_RUNGS_H[:1]
    if frame.runs.has_day_max:
        return RUN_RUNGS_H
    return tuple(rung for rung in RUN_RUNGS_H if rung != DAY_MAX_RUNG_H)


def _answers(
    contract: ModelContract,
    asked: WindowsAsked,
    rows: FeatureRows,
    predictions: Iterator[tuple[FloatArray, FloatArray]],
) -> list[HourlyForecast | Refusal]:
    answers: list[HourlyForecast | Refusal] = []
    for problem, issued_at_utc, mode, run_issued_at_utc in zip(
        rows.problems,
        asked.issue_instants,
        rows.modes,
        rows.run_issued_at_utc,
        strict=True,
    ):
        if problem is not None:
            answers.append(problem)
            continue
        mean, scale = next(predictions)
        answers.append(
            _implausible(contract, asked.region_slug, issued_at_utc, mean, scale)
            or HourlyForecast(
                region_slug=asked.region_slug,
                target=contract.target,
                issued_at_utc=issued_at_utc,
                mean=mean,
                scale=scale,
                input_mode=mode,
                run_issued_at_utc=run_issued_at_utc,
            )
        )
    return answers


def _implausible(
    contract: ModelContract,
    region_slug: str,
    issued_at_utc: datetime,
    mean: FloatArray,
    scale: FloatArray,
) -> Refusal | None:
    """Why what a model says is no forecast; None where it is one."""
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
    return None


def _refused(text: str) -> Refusal:
    return Refusal(code=RefusalCode.FORECAST_NOT_FINITE, text=text)
