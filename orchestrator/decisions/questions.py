"""A source, a target and a window, read from the database to be judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from core.scheduler import decide
from db.decisions import StoredDecision
from db.regions import StoredRegion
from orchestrator.decisions.judgements import Judgement
from orchestrator.regions.region_choice import active_regions, pick_ends, pick_region
from orchestrator.windows.choice import WindowChoice, choose_window
from orchestrator.windows.database_source import RegionWindow, load_region_window


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftQuestion:
    """A source, a target and a window, with all that is known of them."""

    found: list[StoredRegion]
    source_region: StoredRegion
    choice: WindowChoice
    source: RegionWindow
    target: RegionWindow | None

    def judge(self, shift_pct: float) -> Judgement:
        """The verdict at a shift."""
        target = self.target.outlook if self.target else None
        return Judgement(
            source=self.source,
            target=self.target,
            local_day=self.choice.decision_day,
            verdict=decide(self.source.outlook, target, shift_pct),
        )


def ask_shift(
    session: Session,
    *,
    source_slug: str | None,
    target_slug: str | None,
    local_day: date | None,
    now: datetime,
    supersedes_id: int | None = None,
) -> ShiftQuestion:
    """What a page or command asks; without a target, the first other region.

    `supersedes_id` is a recorded decision whose moved load is not counted.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region, or source and target are one.
    """
    found = active_regions(session)
    source, target = pick_ends(found, source_slug, target_slug)
    choice = choose_window(session, source, local_day=local_day, now=now)
    return _load(session, found, source, target, choice, now, supersedes_id)


def ask_again(
    session: Session, what_if: StoredDecision, superseded_id: int | None, now: datetime
) -> ShiftQuestion:
    """The question that a what-if answered, as things stand now."""
    facts = what_if.facts
    found = active_regions(session)
    choice = WindowChoice(
        local_day=facts.local_day if facts.is_simulated else None,
        decision_day=facts.local_day,
        issued_at_utc=facts.window_start_utc,
        is_simulation=facts.is_simulated,
    )
    return _load(
        session,
        found,
        pick_region(found, what_if.source_slug),
        pick_region(found, what_if.target_slug) if what_if.target_slug else None,
        choice,
        now,
        superseded_id,
    )


def _load(
    session: Session,
    found: list[StoredRegion],
    source: StoredRegion,
    target: StoredRegion | None,
    choice: WindowChoice,
    now: datetime,
    superseded_id: int | None,
) -> ShiftQuestion:
    """Both regions are seen from one issue instant, the source's."""

    def window(stored_region: StoredRegion) -> RegionWindow:
        return load_region_window(
            session,
            stored_region,
            issued_at_utc=choice.issued_at_utc,
            now=now,
            is_simulation=choice.is_simulation,
            without_decision_id=superseded_id,
        )

    return ShiftQuestion(
        found=found,
        source_region=source,
        choice=choice,
        source=window(source),
        target=window(target) if target else None,
    )
