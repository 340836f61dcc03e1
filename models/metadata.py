"""The metadata of a model, and how an ONNX file stores it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from core.days import WINDOW_H
from core.errors import InvalidInput, ModelRejected
from core.forecasts import Target
from core.telemetry import Quantity
from models.catalogue import features_named

CONTRACT_VERSION = 1
"""Of models that telemetry suffices for."""

RUN_CONTRACT_VERSION = 2
"""Of models that use weather forecasts too; the same otherwise."""

MAX_MODEL_BYTES = 64 * 1024 * 1024
"""Largest accepted ONNX file; the default model of 1,000 regions has 35 MB."""

MAX_REGIONS = 10_000
POOLED_INDEX = 0
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_KEY_PREFIX = "gfo_"
_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?\Z")


class Family(StrEnum):
    """How a model of ours is made; others may name their own."""

    RIDGE = "ridge"
    BOOSTING = "hist-gradient-boosting"


DEFAULT_FAMILY = Family.BOOSTING
"""The better of the two on every target of the backtest (docs/forecast-quality.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelContract:
    """The metadata of a model, validated once, here.

    Attributes
    ----------
    feature_names : tuple of str, length F
        Catalogue names in the order of the columns of `features`.
    region_slugs : tuple of str, length R
        Region i of this tuple has `region_index` i + 1; 0 is pooled.
    horizon_h : int
        Hours that one row forecasts: those that decisions are taken on, 24.
    trained_from_utc, trained_until_utc : datetime
        Start of the first and end of the last hour that training saw.
    family : str
        How it was made, such as ``ridge``; informative.
    """

    target: Target
    feature_names: tuple[str, ...]
    region_slugs: tuple[str, ...]
    horizon_h: int
    trained_from_utc: datetime
    trained_until_utc: datetime
    family: str
    code_version: str
    seed: int
    contract_version: int = CONTRACT_VERSION

    def __post_init__(self) -> None:
        if self.contract_version not in {CONTRACT_VERSION, RUN_CONTRACT_VERSION}:
            message = (
                f"Contract version {self.contract_version} is not served; build the"
                f" model for version {CONTRACT_VERSION} or {RUN_CONTRACT_VERSION}."
            )
            raise InvalidInput(message)
        uses_runs = any(f.statistic for f in features_named(self.feature_names))
        if uses_runs and self.contract_version < RUN_CONTRACT_VERSION:
            message = (
                "Features of weather forecasts need contract version"
                f" {RUN_CONTRACT_VERSION}."
            )
            raise InvalidInput(message)
        if self.horizon_h != WINDOW_H:
            message = (
                f"The model forecasts {self.horizon_h} h; decisions are taken on"
                f" {WINDOW_H} h, so it must forecast exactly these."
            )
            raise InvalidInput(message)
        if not self.trained_from_utc < self.trained_until_utc:
            message = "The training window must begin before it ends."
            raise InvalidInput(message)
        if not _FIRST_YEAR <= self.trained_until_utc.year <= _LAST_YEAR:
            message = f"The training window must end in {_FIRST_YEAR} to {_LAST_YEAR}."
            raise InvalidInput(message)
        bad = [slug for slug in self.region_slugs if not _SLUG.match(slug)]
        if bad or len(set(self.region_slugs)) != len(self.region_slugs):
            message = "Region slugs must be valid and named once each."
            raise InvalidInput(message)
        if len(self.region_slugs) > MAX_REGIONS:
            message = f"A model names at most {MAX_REGIONS:,} regions."
            raise InvalidInput(message)
        for what, text in (
            ("family", self.family),
            ("code version", self.code_version),
        ):
            if not 1 <= len(text) <= 64 or not text.isprintable():
                message = f"The {what} must be 1 to 64 printable characters."
                raise InvalidInput(message)

    @property
    def guiding_quantity(self) -> Quantity | None:
        """The quantity whose weather forecasts decide the input mode; None without any.

        That of the first feature of weather forecasts.
        """
        features = features_named(self.feature_names)
        return next((f.quantity for f in features if f.statistic), None)

    @property
    def region_indices(self) -> dict[str, int]:
        """`region_index` of each region that training included."""
        return {slug: number for number, slug in enumerate(self.region_slugs, start=1)}

    def region_index(self, region_slug: str) -> int:
        """`region_index` of a region; 0, pooled, when training did not include it."""
        return self.region_indices.get(region_slug, POOLED_INDEX)

    def to_metadata(self) -> dict[str, str]:
        """The `metadata_props` of the ONNX file, keys and values as text."""
        return {
            f"{_KEY_PREFIX}contract_version": str(self.contract_version),
            f"{_KEY_PREFIX}target": self.target.value,
            f"{_KEY_PREFIX}feature_names": json.dumps(self.feature_names),
            f"{_KEY_PREFIX}region_slugs": json.dumps(self.region_slugs),
            f"{_KEY_PREFIX}horizon_h": str(self.horizon_h),
            f"{_KEY_PREFIX}trained_from_utc": _instant_text(self.trained_from_utc),
            f"{_KEY_PREFIX}trained_until_utc": _instant_text(self.trained_until_utc),
            f"{_KEY_PREFIX}family": self.family,
            f"{_KEY_PREFIX}code_version": self.code_version,
            f"{_KEY_PREFIX}seed": str(self.seed),
        }


def require_trained_in_past(contract: ModelContract, now: datetime) -> None:
    """Refuse a training window that ends later than now.

    Raises
    ------
    ModelRejected
        When it does: no window after it could be scored, so it could never serve.
    """
    if contract.trained_until_utc > now:
        message = (
            f"gfo_trained_until_utc is {contract.trained_until_utc:%Y-%m-%d %H:%M} UTC,"
            " in the future; no later window can be scored, so it could never serve."
        )
        raise ModelRejected(message)


def contract_from_metadata(properties: Mapping[str, str]) -> ModelContract:
    """Read and check a model's `metadata_props`.

    Raises
    ------
    ModelRejected
        With the sentence that says what is missing or wrong.
    """
    try:
        return ModelContract(
            contract_version=_whole_number(properties, "contract_version"),
            target=_target(_text(properties, "target")),
            feature_names=_names(properties, "feature_names"),
            region_slugs=_names(properties, "region_slugs"),
            horizon_h=_whole_number(properties, "horizon_h"),
            trained_from_utc=_instant(properties, "trained_from_utc"),
            trained_until_utc=_instant(properties, "trained_until_utc"),
            family=_text(properties, "family"),
            code_version=_text(properties, "code_version"),
            seed=_whole_number(properties, "seed"),
        )
    except InvalidInput as exc:
        raise ModelRejected(exc.message) from exc


def _text(properties: Mapping[str, str], key: str) -> str:
    value = properties.get(_KEY_PREFIX + key)
    if value is None:
        message = f"The model's metadata has no {_KEY_PREFIX}{key}."
        raise ModelRejected(message)
    return value


def _whole_number(properties: Mapping[str, str], key: str) -> int:
    text = _text(properties, key)
    if not re.fullmatch(r"[0-9]{1,18}", text):
        message = f"{_KEY_PREFIX}{key} is {text[:40]!r}, not a whole number."
        raise ModelRejected(message)
    return int(text)


def _names(properties: Mapping[str, str], key: str) -> tuple[str, ...]:
    text = _text(properties, key)
    try:
        names = json.loads(text)
    except (ValueError, RecursionError) as exc:
        message = f"{_KEY_PREFIX}{key} is not a JSON list."
        raise ModelRejected(message) from exc
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        message = f"{_KEY_PREFIX}{key} is not a JSON list of names."
        raise ModelRejected(message)
    return tuple(names)


def _instant(properties: Mapping[str, str], key: str) -> datetime:
    text = _text(properties, key)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as exc:
        message = f"{_KEY_PREFIX}{key} is {text[:40]!r}, not an ISO 8601 instant."
        raise ModelRejected(message) from exc
    if instant.tzinfo is None:
        message = f"{_KEY_PREFIX}{key} has no time zone."
        raise ModelRejected(message)
    return instant.astimezone(UTC)


def _target(text: str) -> Target:
    try:
        return Target(text)
    except ValueError as exc:
        known = ", ".join(target.value for target in Target)
        message = f"gfo_target is {text[:40]!r}, not one of {known}."
        raise ModelRejected(message) from exc


def _instant_text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
