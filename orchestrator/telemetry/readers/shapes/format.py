"""What a format is: how its files are recognised, and how they are opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.telemetry.readers.options import ReadRules
from orchestrator.telemetry.readers.pipeline import Reading
from orchestrator.telemetry.readers.tables import Layout, TableHead


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of telemetry files.

    Attributes
    ----------
    name : str
        Stored with each import, so it is never renamed.
    words : str
        What people read.
    claims_table, claims_json : callable, optional
        Whether a file without a stated format is one of this format.
    layout : callable, optional
        From the first lines of a table to its columns; raises BadFile.
    open_json : callable, optional
        From a JSON document to its samples; raises BadFile.
    takes_columns : bool
        It reads columns that are said with `--column`, with its own habits.
    """

    name: str
    words: str
    claims_table: Callable[[TableHead], bool] = lambda _: False
    claims_json: Callable[[object], bool] = lambda _: False
    layout: Callable[[TableHead, ReadRules], Layout] | None = None
    open_json: Callable[[object, ReadRules], Reading] | None = None
    takes_columns: bool = False
