"""What pages and commands show of alarms, built from what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.alarm_figures import AlarmFigures
from core.alarm_kinds import DEFINITIONS, AlarmDefinition, AlarmKind, AlarmPriority
from core.alarms import INSTALLATION
from db.alarms import AlarmEvent, ShiftNote, StoredAlarm


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """An alarm in words.

    Attributes
    ----------
    alarm_id : int | None
        None for the one that no worker can store: that it is silent itself.
    about : str
        What it is about, such as `region arizona`.
    state : str
        Active, cleared, shelved, out of service or a consequence, in words.
    explained_by : str | None
        The alarm of which it is a consequence now.
    n_explained : int
        Consequences counted under it.
    """

    alarm_id: int | None
    kind: AlarmKind
    about: str
    text: str
    state: str
    since_utc: datetime
    raised_at_utc: datetime
    cleared_at_utc: datetime | None = None
    ended_at_utc: datetime | None = None
    region_slugs: tuple[str, ...] = ()
    is_acknowledged: bool = False
    acknowledged_by: str | None = None
    acknowledged_at_utc: datetime | None = None
    shelved_until_utc: datetime | None = None
    is_out_of_service: bool = False
    explained_by: str | None = None
    n_explained: int = 0

    @property
    def definition(self) -> AlarmDefinition:
        """What is written of its kind."""
        return DEFINITIONS[self.kind]

    @property
    def title(self) -> str:
        """Its kind in a few words."""
        return self.definition.title

    @property
    def priority(self) -> AlarmPriority:
        """How soon somebody has to act."""
        return self.definition.priority

    @property
    def is_active(self) -> bool:
        """Whether it was raised and not cleared since."""
        return self.cleared_at_utc is None

    @property
    def can_be_acknowledged(self) -> bool:
        """Whether it is stored and waits for somebody."""
        return self.alarm_id is not None and not self.is_acknowledged


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmBar:
    """What stands, on every page.

    Attributes
    ----------
    counts : mapping
        Alarms that stand, by priority.
    n_unacknowledged : int
        Those that wait for somebody, also when they are cleared.
    newest : AlarmView | None
        The newest that waits.
    """

    counts: Mapping[AlarmPriority, int]
    n_unacknowledged: int
    newest: AlarmView | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDetail:
    """One alarm with its history, newest first."""

    alarm: AlarmView
    history: tuple[AlarmEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmList:
    """Alarms as filtered, what waits for somebody first.

    Attributes
    ----------
    is_cut : bool
        Whether there are more.
    """

    as_of_utc: datetime
    alarms: tuple[AlarmView, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmReview:
    """Figures of the last days, and hand-over notes, newest first."""

    figures: AlarmFigures
    n_operators: int
    notes: tuple[ShiftNote, ...]


def alarm_view(stored: StoredAlarm) -> AlarmView:
    """A stored alarm in words."""
    state = stored.state
    by = state.explained_by
    return AlarmView(
        alarm_id=stored.alarm_id,
        kind=state.kind,
        about=about(state.cause),
        text=state.text,
        state=_state_words(stored),
        since_utc=state.since_utc,
        raised_at_utc=state.raised_at_utc,
        cleared_at_utc=state.cleared_at_utc,
        ended_at_utc=state.ended_at_utc,
        region_slugs=state.region_slugs,
        is_acknowledged=state.is_acknowledged,
        acknowledged_by=stored.acknowledged_by,
        acknowledged_at_utc=stored.acknowledged_at_utc,
        shelved_until_utc=state.shelved_until_utc,
        is_out_of_service=state.is_out_of_service,
        explained_by=None
        if by is None
        else f"{DEFINITIONS[by[0]].title}, {about(by[1])}",
        n_explained=state.n_explained,
    )


def about(cause: str) -> str:
    """What an alarm is about, in words.

    Examples
    --------
    >>> about("region:arizona"), about("installation")
    ('region arizona', 'the installation')
    """
    if cause == INSTALLATION:
        return "the installation"
    return cause.replace(":", " ", 1)


def _state_words(stored: StoredAlarm) -> str:
    state = stored.state
    if state.is_out_of_service:
        return "out of service"
    if state.shelved_until_utc is not None:
        return "shelved"
    if state.explained_by is not None:
        return "a consequence"
    return "active" if state.is_active else "cleared"
