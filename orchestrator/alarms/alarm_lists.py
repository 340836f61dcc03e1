"""Alarms as people see them: the bar, the list, one with its history, the figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from core.access import Permission
from core.alarm_figures import figures
from core.alarm_kinds import AlarmKind, AlarmPriority
from core.alarms import INSTALLATION
from db import alarms
from db.alarms import OPEN, AlarmFilter
from db.job_queue import worker_silences_s
from orchestrator.alarms.alarm_rules import SILENT_AFTER
from orchestrator.alarms.views import (
    AlarmBar,
    AlarmDetail,
    AlarmList,
    AlarmReview,
    AlarmView,
    about,
    alarm_view,
)
from orchestrator.jobs import STALLED_AFTER_S
from orchestrator.use_cases import Request, query

SHOWN = 100
FIGURE_DAYS = 30


class StateFilter(StrEnum):
    """Which alarms are shown, by how they stand."""

    OPEN = "open"
    ACTIVE = "active"
    UNACKNOWLEDGED = "unacknowledged"
    SHELVED = "shelved"
    CONSEQUENCES = "consequences"
    CLEARED = "cleared"
    ALL = "all"


_FILTERS: Mapping[StateFilter, AlarmFilter] = {
    StateFilter.OPEN: OPEN,
    StateFilter.ACTIVE: replace(OPEN, is_active=True),
    StateFilter.UNACKNOWLEDGED: replace(OPEN, is_acknowledged=False),
    StateFilter.SHELVED: AlarmFilter(is_silenced=True),
    StateFilter.CONSEQUENCES: AlarmFilter(is_explained=True),
    StateFilter.CLEARED: AlarmFilter(is_active=False),
    StateFilter.ALL: AlarmFilter(),
}
_WITH_SILENT_WORKER = {
    StateFilter.OPEN,
    StateFilter.ACTIVE,
    StateFilter.UNACKNOWLEDGED,
    StateFilter.ALL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmQuestion:
    """Which alarms are asked for.

    Attributes
    ----------
    kinds : frozenset of AlarmKind | None
        None for all.
    """

    state: StateFilter = StateFilter.OPEN
    kinds: frozenset[AlarmKind] | None = None
    region_slug: str | None = None


_WHAT_IS_OPEN = AlarmQuestion()


@query(Permission.VIEW_FLEET)
def alarm_bar(request: Request) -> AlarmBar:
    """Counts by priority, and the newest alarm that waits for somebody."""
    found = standing_alarms(request)
    waiting = [one for one in found if not one.is_acknowledged]
    counts = Counter(one.priority for one in found if one.is_active)
    return AlarmBar(
        counts={priority: counts[priority] for priority in AlarmPriority},
        n_unacknowledged=len(waiting),
        newest=max(waiting, key=lambda one: one.raised_at_utc, default=None),
    )


@query(Permission.VIEW_FLEET)
def standing_alarms(request: Request) -> tuple[AlarmView, ...]:
    """Alarms that stand or wait to be acknowledged, what waits and is high first.

    That the worker is silent no worker can store: it is found here, by whoever reads,
    and cannot be acknowledged.
    """
    session = request.session
    stored = map(alarm_view, alarms.list_alarms(session, OPEN))
    return (*_silent_worker(session, request.now), *stored)


@query(Permission.VIEW_FLEET)
def list_alarms(request: Request, question: AlarmQuestion = _WHAT_IS_OPEN) -> AlarmList:
    """Alarms as asked for, what waits for somebody first."""
    session = request.session
    wanted = replace(
        _FILTERS[question.state],
        kinds=question.kinds,
        region_slug=question.region_slug,
    )
    found = [
        alarm_view(one) for one in alarms.list_alarms(session, wanted, limit=SHOWN + 1)
    ]
    derived = [
        one
        for one in _silent_worker(session, request.now)
        if question.state in _WITH_SILENT_WORKER
        and question.region_slug is None
        and (question.kinds is None or one.kind in question.kinds)
    ]
    return AlarmList(
        as_of_utc=request.now,
        alarms=(*derived, *found[:SHOWN]),
        is_cut=len(found) > SHOWN,
    )


@query(Permission.VIEW_FLEET)
def alarm_detail(request: Request, alarm_id: int) -> AlarmDetail:
    """One alarm with what happened to it; raises NotFound without one."""
    stored = alarms.find_alarm(request.session, alarm_id)
    return AlarmDetail(
        alarm=alarm_view(stored),
        history=tuple(alarms.events_of(request.session, alarm_id)),
    )


@query(Permission.VIEW_FLEET)
def alarm_review(request: Request) -> AlarmReview:
    """Figures of the last thirty days, and the newest hand-over notes."""
    session, now = request.session, request.now
    start_utc = now - timedelta(days=FIGURE_DAYS)
    n_operators = max(alarms.count_operators(session), 1)
    return AlarmReview(
        figures=figures(
            alarms.raised_between(session, start_utc, now),
            alarms.active_since(session),
            start_utc=start_utc,
            end_utc=now,
            n_operators=n_operators,
        ),
        n_operators=n_operators,
        notes=tuple(alarms.list_shift_notes(session)),
    )


def active_by_kind(session: Session) -> dict[AlarmKind, int]:
    """How many alarms of each kind stand; 0 for none."""
    return dict.fromkeys(AlarmKind, 0) | alarms.active_counts(session)


def _silent_worker(session: Session, now: datetime) -> tuple[AlarmView, ...]:
    silence_s = min(worker_silences_s(session), default=0.0)
    looked_utc = alarms.looked_at(session) or now
    since_utc = min(now - timedelta(seconds=silence_s), looked_utc)
    is_silent = silence_s > STALLED_AFTER_S or now - looked_utc > SILENT_AFTER
    if not is_silent:
        return ()
    view = AlarmView(
        alarm_id=None,
        kind=AlarmKind.WORKER_SILENT,
        about=about(INSTALLATION),
        text=f"The worker has said nothing since {since_utc:%Y-%m-%d %H:%M} UTC:"
        " forecasts and verdicts are not renewed.",
        state="active",
        since_utc=since_utc,
        raised_at_utc=since_utc,
    )
    return (view,)
