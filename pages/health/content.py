"""What fills the Health and Jobs pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from orchestrator.decisions.views import NamedValue
from orchestrator.operations.views import HealthView, JobRow, JobsView
from pages import addresses
from pages.components import (
    Child,
    data_table,
    facts,
    link,
    moment,
    notice,
    status,
    tag,
)
from pages.theme import MISSING, number
from pages.words import counted, typeset

STATUS_WORDS: Mapping[str, str] = {
    "todo": "waits",
    "doing": "runs",
    "failed": "failed",
}


def health_notice(view: HealthView) -> Component:
    """All in one sentence."""
    count = view.unsound_count
    if not count:
        return notice(
            "Everything is sound.", f"Release {view.release}.", id="health-sum"
        )
    words = "1 finding wants" if count == 1 else f"{count} findings want"
    return notice(
        f"{words} a look.",
        f"Release {view.release}. The runbooks are in docs/operations.md.",
        kind="warn",
        id="health-sum",
    )


def findings_table(view: HealthView) -> Component:
    """Every finding, those to look at first."""
    return data_table(
        "What was looked at",
        ("Subject", "State", "Found"),
        [
            [
                typeset(finding.name),
                status("✓", "sound")
                if finding.is_sound
                else status("▲", "LOOK", css="gfo-status-warn"),
                typeset(finding.text),
            ]
            for finding in view.findings
        ],
        numeric_from=3,
        id="health-list",
        cards=True,
        download=True,
    )


def queue(view: JobsView, zone: str) -> Component:
    """How much waits and for how long, the workers, and the jobs."""
    silences = view.worker_silences_s
    spoke = ", ".join(f"{seconds:.0f} s" for seconds in silences)
    said = (
        f"{counted(len(silences), 'worker')} registered, heard {spoke} ago."
        if silences
        else "No worker is registered."
    )
    return html.Div(
        [
            html.P(f"{view.depth_words}. {said}", id="jobs-depth"),
            _jobs_table(view, zone) if view.jobs else notice("Nothing waits.", None),
            html.P("More jobs wait than are shown.") if view.is_cut else None,
        ]
    )


def _jobs_table(view: JobsView, zone: str) -> Component:
    return data_table(
        "Jobs that run, failed or wait",
        ("Job", "Does", "State", "Of", "Since", "Next try", "Priority", "Tries"),
        [_cells(row, zone) for row in view.jobs],
        numeric_from=6,
        id="jobs-list",
        cards=True,
        download=True,
    )


def _cells(row: JobRow, zone: str) -> list[Child]:
    job = row.job
    href = addresses.with_query(addresses.ADMIN_JOBS, {"job": str(job.job_id)})
    return [
        link(str(job.job_id), href) if job.status == "failed" else str(job.job_id),
        row.words,
        _state(job.status),
        _arguments(row),
        moment(job.since_utc, zone),
        moment(job.scheduled_at_utc, zone) if job.scheduled_at_utc else MISSING,
        number(float(job.priority)),
        number(float(job.attempts)),
    ]


def _state(name: str) -> Component:
    """What failed stands out; what waits or runs is as it should be."""
    if name == "failed":
        return status("▲", STATUS_WORDS[name], css="gfo-status-alarm")
    return tag(STATUS_WORDS.get(name, name))


def _arguments(row: JobRow) -> str:
    """What a job is about; the second at which a clock asked for it says nothing."""
    given = [
        f"{name} {value}"
        for name, value in row.job.arguments.items()
        if name != "timestamp"
    ]
    return ", ".join(given).replace("_", " ") or MISSING


def chosen_job(row: JobRow, zone: str) -> Component:
    """A job, with what it is about."""
    job = row.job
    return html.Div(
        [
            facts(
                [
                    NamedValue(label="Job", value=str(job.job_id)),
                    NamedValue(label="Does", value=row.words),
                    NamedValue(label="Of", value=_arguments(row)),
                    NamedValue(
                        label="State", value=STATUS_WORDS.get(job.status, job.status)
                    ),
                    NamedValue(label="Tries", value=str(job.attempts)),
                ]
            ),
            html.P(["Since ", moment(job.since_utc, zone)]),
        ]
    )


def find_job(rows: Sequence[JobRow], job_id: int) -> JobRow | None:
    """The job of this number among those that are shown."""
    return next((row for row in rows if row.job.job_id == job_id), None)


def long_work(view: JobsView, zone: str) -> Component:
    """How far work of many steps is."""
    if not view.long_work:
        return notice("None runs.", None)
    return data_table(
        "Work of many steps",
        ("Work", "Began", "Regions done", "Of"),
        [
            [
                work.words,
                moment(work.began_at_utc, zone),
                number(float(work.done)),
                number(float(work.total)),
            ]
            for work in view.long_work
        ],
        numeric_from=2,
        id="jobs-long-list",
        cards=True,
    )


def durations(view: JobsView, zone: str) -> Component:
    """How long the jobs of each task took."""
    if not view.durations:
        return notice("No job has ended yet.", None)
    return data_table(
        "How long jobs took that succeeded",
        ("Does", "Last ended", "Last, s", "Median, s", "Longest, s", "Jobs"),
        [
            [
                words,
                moment(item.last_ended_at_utc, zone),
                number(item.last_s, 1),
                number(item.median_s, 1),
                number(item.longest_s, 1),
                number(float(item.count)),
            ]
            for words, item in view.durations
        ],
        numeric_from=2,
        id="jobs-durations-list",
        cards=True,
        download=True,
    )
