"""What the Health and Jobs pages draw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.job_queue import Job, TaskDurations
from orchestrator.operations.safeguards import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthView:
    """The state of the installation; findings that are not sound come first."""

    as_of_utc: datetime
    findings: tuple[Finding, ...]
    release: str

    @property
    def unsound_count(self) -> int:
        """How many findings want somebody to look."""
        return sum(not finding.is_sound for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongWork:
    """Work of many steps: what it is, how far it is, and since when it runs."""

    words: str
    done: int
    total: int
    began_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job with what it does in words."""

    job: Job
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsView:
    """The queue of the workers.

    Attributes
    ----------
    jobs : tuple of JobRow
        Those that run, failed or wait, as far as they are shown.
    worker_silences_s : tuple of float
        How long each registered worker has said nothing.
    """

    as_of_utc: datetime
    depth_words: str
    jobs: tuple[JobRow, ...]
    is_cut: bool
    durations: tuple[tuple[str, TaskDurations], ...]
    long_work: tuple[LongWork, ...]
    worker_silences_s: tuple[float, ...]
