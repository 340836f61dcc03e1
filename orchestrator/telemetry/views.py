"""Plain values of imports and refused rows, as pages draw them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from orchestrator.regions.views import RegionChoices


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One import of telemetry.

    Attributes
    ----------
    withdrawn_by : int | None
        The import that withdrew it.
    can_be_withdrawn : bool
        It was not yet, and is no withdrawal itself.
    """

    batch_id: int
    created_at_utc: datetime
    label: str
    format: str
    origin: str
    region_slugs: tuple[str, ...]
    quantities: tuple[str, ...]
    rows_read: int
    rows_inserted: int
    rows_updated: int
    rows_unchanged: int
    rows_refused: int
    first_hour_utc: datetime | None
    last_hour_utc: datetime | None
    content_sha256: str
    withdrawn_by: int | None
    can_be_withdrawn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRowView:
    """A row that an import refused, and why."""

    line_number: int
    reason_code: str
    reason: str
    raw_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportsPage:
    """One page of imports, newest first; `next_before_id` opens the older ones."""

    rows: tuple[ImportRow, ...]
    next_before_id: int | None
    regions: RegionChoices


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    """One page of the rows that an import refused.

    Attributes
    ----------
    next_after : tuple of (int, int), optional
        Line and row id that the next page begins after; None when this is the last.
    reasons : Mapping of str to int
        How many rows the import refused for each reason, whatever is listed.
    """

    batch_id: int
    rows: tuple[RefusedRowView, ...]
    next_after: tuple[int, int] | None
    reasons: Mapping[str, int]
