"""Lists of decisions: one page at a time, filtered and sorted; and as CSV."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.access import Permission
from core.audit import AuditAction
from core.errors import InvalidInput
from core.risk import RiskLevel
from core.scheduler import Outcome
from db import model_versions, users
from db.decision_comments import DecisionComment, comments_of
from db.decision_lists import (
    DecisionFilter,
    DecisionOrder,
    DecisionPlace,
    list_decisions,
)
from db.decisions import StoredDecision
from orchestrator.decisions.cards import named_regions
from orchestrator.decisions.views import (
    DecisionPage,
    DecisionRun,
    DecisionSummary,
    ListChoices,
)
from orchestrator.list_exports import CsvExport, export_list, neutral
from orchestrator.regions.region_choice import RegionScope, region_choices
from orchestrator.regions.views import RegionChoice
from orchestrator.use_cases import Done, Request, change, query
from orchestrator.windows.recorded import ending_soon

__all__ = ["DecisionFilter", "DecisionOrder"]

MAXIMUM_PAGE = 200
MAXIMUM_CSV_ROWS = 10_000
LONGEST_WORDS = 200

_NUMBER = re.compile(r"(?:decision )?#?(\d{1,19})", re.IGNORECASE | re.ASCII)
_CSV_COLUMNS = (
    "decision_id", "created_at_utc", "kind", "actor", "source", "target", "shift_pct",
    "hours_of_day", "local_day", "window_start_utc", "window_end_utc", "is_simulated",
    "outcome", "reason_code", "reason_text", "risk_level", "thermal_limit_c",
    "confidence", "exceedance_probability", "source_bound_before_c",
    "source_bound_after_c", "target_bound_before_c", "target_bound_after_c",
    "minimum_shift_pct", "maximum_safe_shift_pct", "model_version_id", "comment",
    "supersedes_id", "is_superseded", "state", "inputs_sha256", "code_version",
    "comments",
)  # fmt: skip


@query(Permission.VIEW_FLEET)
def decision_page(
    request: Request,
    chosen: DecisionFilter | None = None,
    *,
    order: DecisionOrder = DecisionOrder.NEWEST,
    after: str | None = None,
    limit: int = 50,
    with_runs: bool = False,
) -> DecisionPage:
    """One page of decisions, as of `after`, the place where the last page ended.

    With `with_runs`, automatic decisions of a region that say the same one after the
    other are one row; all of them stay stored, and are listed without it.

    Raises
    ------
    Forbidden, InvalidInput
        Without the right to see decisions; for a place that cannot be.
    """
    session = request.session
    if not 1 <= limit <= MAXIMUM_PAGE:
        message = f"A page has 1 to {MAXIMUM_PAGE} rows."
        raise InvalidInput(message)
    chosen = _understood(request, chosen or DecisionFilter())
    place = parse_place(after, order) if after else None
    page = list_decisions(session, chosen, order=order, after=place, limit=limit)
    slugs = {slug for row in page.rows for slug in (row.source_slug, row.target_slug)}
    choices = named_regions(session, slugs)
    ids = [stored.decision_id for stored in page.rows]
    written = comments_of(session, ids)
    rows = [
        _summary(stored, choices, request.now, len(written.get(stored.decision_id, ())))
        for stored in page.rows
    ]
    return DecisionPage(
        rows=tuple(_with_runs(rows) if with_runs else rows),
        next_after=place_text(page.next_place) if page.next_place else None,
        choices=ListChoices(
            regions=region_choices(session, chosen.region_slug, scope=RegionScope.ALL),
            actors=tuple(user.name for user in users.list_users(session)),
            models=model_versions.model_labels(session),
        ),
        ending=ending_soon(request.session, request.now),
    )


def _with_runs(rows: list[DecisionSummary]) -> list[DecisionSummary]:
    """Rows with one in place of each run of automatic decisions that say the same.

    A run of a region ends when its verdict or its reason changes, and when a person
    decides anything: what is decided stays between what was said before and after.
    """
    shown: list[DecisionSummary] = []
    newest: dict[str, int] = {}  # by region: the place of its run that may go on
    for row in rows:
        if row.kind != "automatic":
            newest.clear()
            shown.append(row)
            continue
        place = newest.get(row.source.slug)
        if place is not None and _says(shown[place]) == _says(row):
            shown[place] = replace(shown[place], run=_longer(shown[place], row))
            continue
        newest[row.source.slug] = len(shown)
        shown.append(row)
    return shown


def _says(row: DecisionSummary) -> tuple[str, str, bool]:
    return row.outcome, row.reason_code, row.is_simulated


def _longer(listed: DecisionSummary, row: DecisionSummary) -> DecisionRun:
    run = listed.run or DecisionRun(
        count=1, first_utc=listed.created_at_utc, last_utc=listed.created_at_utc
    )
    return DecisionRun(
        count=run.count + 1,
        first_utc=min(run.first_utc, row.created_at_utc),
        last_utc=max(run.last_utc, row.created_at_utc),
    )


@change(Permission.VIEW_AUDIT_EVENTS, AuditAction.AUDIT_EXPORTED, repeat=None)
def decisions_csv(
    request: Request,
    chosen: DecisionFilter,
    *,
    order: DecisionOrder = DecisionOrder.NEWEST,
) -> Done[CsvExport]:
    """The list as CSV, from its first row on; the export is audited."""
    chosen = _understood(request, chosen)
    return export_list(
        _CSV_COLUMNS,
        _csv_rows(request, chosen, order),
        most_rows=MAXIMUM_CSV_ROWS,
        object_type="decision_list",
        chosen=chosen,
        order=order.value,
    )


def place_text(place: DecisionPlace) -> str:
    """A place in a list as an address holds it."""
    key = place.key
    first = key.isoformat() if isinstance(key, datetime) else repr(float(key))
    return f"{first}~{place.decision_id}"


def parse_place(text: str, order: DecisionOrder) -> DecisionPlace:
    """A place in a list from hostile text.

    Raises
    ------
    InvalidInput
        When it is not a place in a list of this order.
    """
    first, _, last = text.partition("~")
    try:
        key = _key(first, order)
        decision_id = int(last) if last.isascii() and last.isdigit() else -1
    except ValueError:
        key, decision_id = math.nan, -1
    is_place = isinstance(key, datetime) or math.isfinite(key)
    if not (is_place and 0 < decision_id < 2**63):
        message = "The address names no place in this list; open its first page."
        raise InvalidInput(message)
    return DecisionPlace(key=key, decision_id=decision_id)


def _key(text: str, order: DecisionOrder) -> datetime | float:
    if order is DecisionOrder.CHANCE:
        return float(text)
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(text)
    return instant


def _understood(request: Request, chosen: DecisionFilter) -> DecisionFilter:
    """The filter with words that are a decision's number, or a person, as such.

    A number finds its decision, whatever else is chosen.
    """
    words = (chosen.words or "").strip()
    if len(words) > LONGEST_WORDS:
        message = f"Search for at most {LONGEST_WORDS} characters."
        raise InvalidInput(message)
    number = _NUMBER.fullmatch(words)
    if number is not None and int(number[1]) < 2**63:
        return DecisionFilter(decision_id=int(number[1]))
    if words and users.find_user_by_name(request.session, words) is not None:
        return replace(chosen, actor_name=words, words=None)
    return chosen


def _summary(
    stored: StoredDecision,
    choices: Mapping[str, RegionChoice],
    now: datetime,
    n_comments: int,
) -> DecisionSummary:
    facts = stored.facts
    return DecisionSummary(
        decision_id=stored.decision_id,
        kind=facts.kind,
        created_at_utc=stored.created_at_utc,
        actor_name=stored.actor_name,
        source=choices[stored.source_slug],
        target=choices[stored.target_slug] if stored.target_slug else None,
        local_day=facts.local_day,
        window_start_utc=facts.window_start_utc,
        shift_pct=facts.shift_pct,
        hours_of_day=facts.hours_of_day,
        is_simulated=facts.is_simulated,
        outcome=Outcome(facts.outcome),
        exceedance_probability=facts.exceedance_probability,
        allowed_probability=float(1 - facts.confidence),
        reason_code=facts.reason_code,
        reason_text=facts.reason_text,
        risk_level=RiskLevel(facts.risk_level),
        is_superseded=stored.is_superseded,
        state=stored.state(now),
        comment=facts.comment,
        n_comments=n_comments,
    )


def _csv_rows(
    request: Request, chosen: DecisionFilter, order: DecisionOrder
) -> Iterator[list[object]]:
    place: DecisionPlace | None = None
    while True:
        page = list_decisions(
            request.session, chosen, order=order, after=place, limit=MAXIMUM_PAGE
        )
        ids = [stored.decision_id for stored in page.rows]
        found = comments_of(request.session, ids)
        for stored in page.rows:
            written = found.get(stored.decision_id, ())
            yield _csv_row(stored, request.now, written)
        place = page.next_place
        if place is None:
            return


def _csv_row(
    stored: StoredDecision, now: datetime, written: Sequence[DecisionComment]
) -> list[object]:
    state = stored.state(now)
    named = {
        "decision_id": stored.decision_id,
        "created_at_utc": stored.created_at_utc,
        "actor": stored.actor_name,
        "source": stored.source_slug,
        "target": stored.target_slug,
        "is_superseded": stored.is_superseded,
        "state": state.value if state else None,
        "comments": " | ".join(
            f"{one.written_at_utc.isoformat()} {one.actor_name}: {one.text}"
            for one in written
        )
        or None,
    }
    values = (
        named[name] if name in named else getattr(stored.facts, name)
        for name in _CSV_COLUMNS
    )
    return [_cell(value) for value in values]


def _cell(value: object) -> object:
    """Numbers stay numbers; an instant or a day is ISO; text runs no formula."""
    if isinstance(value, str):
        return neutral(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
