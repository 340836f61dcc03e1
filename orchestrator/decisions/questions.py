"""A source, a target and a window, read from the database to be judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from core.days import local_day_of
from core.errors import InvalidInput
from core.forecasts import Target
from core.scheduler import decide
from core.shares import HoursOfDay, hours_in_words
from db import forecasts
from db.decisions import StoredDecision
from db.regions import StoredRegion
from orchestrator.decisions.judgements import Judgement
from orchestrator.decisions.records import read_inputs, share_rule
from orchestrator.regions.region_choice import choose_ends
from orchestrator.windows.choice import WindowChoice, choose_window, newer_issue
from orchestrator.windows.database_source import RegionWindow, load_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftQuestion:
    """A source, a target and a window, with all that is known of them."""

    session: Session
    source_region: StoredRegion
    choice: WindowChoice
    source: RegionWindow
    target: RegionWindow | None
    hours_of_day: HoursOfDay | None = None

    def judge(self, shift_pct: float) -> Judgement:
        """The verdict at a shift."""
        target = self.target.outlook if self.target else None
        return Judgement(
            source=self.source,
            target=self.target,
            local_day=self.choice.decision_day,
            verdict=decide(self.source.outlook, target, shift_pct),
            hours_of_day=self.hours_of_day,
        )


def ask_shift(
    session: Session,
    *,
    source_slug: str | None,
    target_slug: str | None,
    local_day: date | None,
    now: datetime,
    issued_at_utc: datetime | None = None,
    supersedes_id: int | None = None,
    hours_of_day: HoursOfDay | None = None,
) -> ShiftQuestion:
    """What a page or command asks; without a target, the first other region.

    The next 24 hours begin at the newest live issue of either end; with
    `issued_at_utc`, at that one, and bind nothing unless it is the newest.
    `supersedes_id` is a recorded decision whose moved load is not counted; load moves
    in `hours_of_day` on the clock of the source, or in every hour.

    Raises
    ------
    NotFound, InvalidInput
        When there is no such region, or source and target are one.
    """
    source, target = choose_ends(session, source_slug, target_slug)
    choice = choose_window(
        session, source, local_day=local_day, issued_at_utc=issued_at_utc, now=now
    )
    if not choice.is_simulation:
        choice = _newest_of_both(session, choice, source, target, now)
    question = _load(session, source, target, choice, now, supersedes_id)
    return question if hours_of_day is None else _in_hours(question, hours_of_day)


def ask_again(
    session: Session, stored: StoredDecision, superseded_id: int | None, now: datetime
) -> ShiftQuestion:
    """The question that a decision or what-if answered, as things stand now.

    A live one is asked of the newest issue, whichever it was judged on.
    """
    facts = stored.facts
    return ask_shift(
        session,
        source_slug=stored.source_slug,
        target_slug=stored.target_slug,
        local_day=facts.local_day if facts.is_simulated else None,
        now=now,
        supersedes_id=superseded_id,
        hours_of_day=read_inputs(facts.inputs_text).hours_of_day,
    )


def _in_hours(question: ShiftQuestion, hours_of_day: HoursOfDay) -> ShiftQuestion:
    """The question with load that leaves in some hours of the day only."""
    source = question.source
    shares = share_rule(hours_of_day, source.region.time_zone, source.issued_at_utc)
    if shares.hours is not None and not shares.hours.any():
        message = (
            f"On the clock of {source.region.name} the window has no hours"
            f" {hours_in_words(hours_of_day)}."
        )
        raise InvalidInput(message)
    return replace(
        question,
        source=replace(source, outlook=replace(source.outlook, shares=shares)),
        hours_of_day=hours_of_day,
    )


def _newest_of_both(
    session: Session,
    choice: WindowChoice,
    source: StoredRegion,
    target: StoredRegion | None,
    now: datetime,
) -> WindowChoice:
    """The live window from which neither end has a newer issue.

    An end that has none there is without a forecast, so the shift is BLOCKED until it
    has one. A source that was refused stays with its refusal, which blocks with its
    own reason.
    """
    if target is None:
        return choice
    newer_utc = newer_issue(
        session, [target], issued_at_utc=choice.issued_at_utc, now=now
    )
    if newer_utc is None:
        return choice
    own = forecasts.forecast_at(
        session,
        region_id=source.region_id,
        target=Target.TEMPERATURE_C,
        issued_at_utc=choice.issued_at_utc,
    )
    if own is None or own.refusal_code is not None:
        return choice
    return replace(
        choice,
        issued_at_utc=newer_utc,
        decision_day=local_day_of(source.region.time_zone, newer_utc),
    )


def _load(
    session: Session,
    source: StoredRegion,
    target: StoredRegion | None,
    choice: WindowChoice,
    now: datetime,
    superseded_id: int | None,
) -> ShiftQuestion:
    """Both regions are seen from one issue instant, the source's."""

    windows = load_windows(
        session,
        [source, target] if target else [source],
        issued_at_utc=choice.issued_at_utc,
        now=now,
        is_simulation=choice.is_simulation,
        without_decision_ids=() if superseded_id is None else (superseded_id,),
    )
    return ShiftQuestion(
        session=session,
        source_region=source,
        choice=choice,
        source=windows[0],
        target=windows[1] if target else None,
    )
