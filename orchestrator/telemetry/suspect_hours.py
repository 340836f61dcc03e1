"""The quality of stored telemetry: judged as it comes in, listed, accepted.

Judging is the last step of every import, in its transaction: the changed hours and
those after them that they help to judge.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy.orm import Session

from core.access import Permission
from core.aliases import BoolArray
from core.audit import AuditAction
from core.days import full_hour
from core.errors import InvalidInput
from core.quality import (
    HELD_AGAINST_RUNS,
    LOOK_BACK_H,
    QualityRule,
    QualityVerdicts,
    finding_text,
    rule_of,
)
from core.quality_checks import judge_telemetry
from core.telemetry import (
    HOUR,
    Quantity,
    TelemetryFrame,
    ValidRange,
    hours_between,
    require_full_utc_hour,
)
from db import plain_fits, telemetry, telemetry_quality
from db.regions import StoredRegion, region_by_slug
from db.telemetry_quality import Acceptance, ChangedHours, TelemetryFinding
from db.weather_forecasts import load_runs
from orchestrator.jobs import queue_forecasts
from orchestrator.use_cases import Done, Event, Request, change, query

JUDGED_AROUND_H = 72
"""Hours before and after a changed one that are judged again: the longest window."""

LONGEST_REASON = 500
MOST_ACCEPTED_H = 31 * 24

_T = Quantity.TEMPERATURE_C


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedHours:
    """What a judgement of one region found.

    Attributes
    ----------
    counts : Mapping of Quantity to int
        Suspect and bad hours.
    """

    region_slug: str
    counts: Mapping[Quantity, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJudgement:
    """What judging stored hours found.

    Attributes
    ----------
    suspect, changed : int
        Values that are suspect or bad now, and those whose verdict changed.
    """

    hours: int
    suspect: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    """A finding as it is shown."""

    region_slug: str
    quantity: Quantity
    hour_utc: datetime
    quality: str
    rule: str
    text: str


@query(Permission.VIEW_FLEET)
def stored_span(request: Request, region_slug: str) -> tuple[datetime, datetime] | None:
    """The first hour of a region, and the end of its last; None without telemetry."""
    span = telemetry.first_and_last_hour(request.session, region_slug)
    return None if span is None else (span[0], span[1] + HOUR)


@query(Permission.VIEW_FLEET)
def suspect_hours(
    request: Request,
    *,
    region_slug: str | None = None,
    start_utc: datetime | None = None,
    end_utc: datetime | None = None,
    limit: int = 100,
) -> list[FindingView]:
    """Suspect and bad hours, newest first, each with its reason."""
    found = telemetry_quality.list_findings(
        request.session,
        region_slug=region_slug,
        start_utc=start_utc,
        end_utc=end_utc,
        limit=limit,
    )
    return [_view(one) for one in found]


@change(Permission.MANAGE_TELEMETRY, AuditAction.TELEMETRY_JUDGED, repeat=None)
def judge_stored_hours(
    request: Request,
    *,
    region_slug: str,
    start_utc: datetime,
    end_utc: datetime,
    ranges: Mapping[Quantity, ValidRange],
) -> Done[StoredJudgement]:
    """Judge the stored hours of [start_utc, end_utc) by the checks of this release.

    For telemetry that was stored before a check existed, or before the weather runs
    that it is held against came. Hours that are judged alike again change nothing and
    have no event.

    Raises
    ------
    Forbidden, NotFound
        Without the right to manage telemetry; when there is no such region.
    InvalidInput
        When the two are not full hours.
    """
    session = request.session
    stored = region_by_slug(session, region_slug)
    before = telemetry.load_frame(
        session, region_slug, start_utc, end_utc, with_suspect=True
    )
    if not any(np.isfinite(column).any() for column in before.values.values()):
        return Done(answer=StoredJudgement(hours=0, suspect=0, changed=0))
    _judge_span(request, stored, start_utc, end_utc, ranges)
    after = telemetry.load_frame(
        session, region_slug, start_utc, end_utc, with_suspect=True
    )
    answer = StoredJudgement(
        hours=before.n_hours,
        suspect=sum(int(np.count_nonzero(c)) for c in after.findings.values()),
        changed=sum(
            int(np.count_nonzero(after.finding_codes(q) != before.finding_codes(q)))
            for q in Quantity
        ),
    )
    if not answer.changed:
        return Done(answer=answer)
    queue_forecasts(session, issued_at_utc=full_hour(request.now))
    facts = {"start_utc": start_utc, "end_utc": end_utc, **asdict(answer)}
    event = Event(
        action=AuditAction.TELEMETRY_JUDGED,
        object_type="region",
        object_id=region_slug,
        after=facts,
    )
    return Done(answer=answer, events=(event,))


@change(
    Permission.DECIDE,
    AuditAction.TELEMETRY_ACCEPTED,
    repeat=lambda _request, kept: int(kept),
)
def accept_suspect_hours(
    request: Request,
    *,
    region_slug: str,
    quantity: Quantity,
    start_utc: datetime,
    end_utc: datetime,
    reason: str,
    ranges: Mapping[Quantity, ValidRange],
) -> Done[int]:
    """Accept the suspect and bad hours of [start_utc, end_utc); return how many.

    They count as good until they are corrected, and the hours after them are judged
    by them. A job that commits with this issues again what was refused for them.

    Raises
    ------
    Forbidden
        Without the right to decide.
    NotFound
        When there is no such region.
    InvalidInput
        Without a reason, for too many hours, or when none of them is suspect.
    """
    session = request.session
    stored = region_by_slug(session, region_slug)
    require_full_utc_hour(start_utc)
    require_full_utc_hour(end_utc)
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        message = (
            f"Say why these hours are accepted, in 1 to {LONGEST_REASON} characters."
        )
        raise InvalidInput(message)
    if not 1 <= hours_between(start_utc, end_utc) <= MOST_ACCEPTED_H:
        message = f"Accept 1 to {MOST_ACCEPTED_H} hours at once."
        raise InvalidInput(message)
    frame = telemetry.load_frame(
        session, region_slug, start_utc, end_utc, with_suspect=True
    )
    found = np.flatnonzero(frame.finding_codes(quantity))
    if not len(found):
        message = (
            f"No {quantity} of {region_slug} is suspect from"
            f" {start_utc:%Y-%m-%d %H:%M} to {end_utc:%Y-%m-%d %H:%M} UTC."
        )
        raise InvalidInput(message)
    batch_ids = telemetry_quality.batch_ids(
        session, stored.region_id, quantity, start_utc, end_utc
    )
    accepted = Acceptance(
        quantity=quantity,
        start_utc=start_utc,
        end_utc=end_utc,
        newest_batch_id=max(batch_ids.values()),
    )
    acceptance_id = telemetry_quality.insert_acceptance(
        session,
        stored.region_id,
        accepted,
        hour_count=len(found),
        reason=reason.strip(),
        actor_id=request.actor.user_id,
    )
    _judge_span(request, stored, start_utc, end_utc, ranges)
    event = Event(
        action=AuditAction.TELEMETRY_ACCEPTED,
        object_type="telemetry_acceptance",
        object_id=acceptance_id,
        after={
            "region_slug": region_slug,
            "quantity": quantity.value,
            "start_utc": start_utc,
            "end_utc": end_utc,
            "hour_count": len(found),
            "rules": sorted(
                {
                    rule_of(int(code)).value
                    for code in frame.finding_codes(quantity)[found]
                }
            ),
        },
        reason=reason.strip(),
    )
    queue_forecasts(session, issued_at_utc=full_hour(request.now))
    return Done(answer=len(found), events=(event,), kept=len(found))


def _judge_span(
    request: Request,
    stored: StoredRegion,
    start_utc: datetime,
    end_utc: datetime,
    ranges: Mapping[Quantity, ValidRange],
) -> None:
    changed = ChangedHours(
        region_id=stored.region_id,
        region_slug=stored.slug,
        it_capacity_mw=stored.region.it_capacity_mw,
        first_utc=start_utc,
        last_utc=end_utc - HOUR,
    )
    judge_regions(request.session, [changed], now=request.now, ranges=ranges)


def judge_regions(
    session: Session,
    changed: Sequence[ChangedHours],
    *,
    now: datetime,
    ranges: Mapping[Quantity, ValidRange],
) -> list[JudgedHours]:
    """Judge hours that changed, and those around them that they help to judge."""
    by_span: dict[tuple[datetime, datetime], list[int]] = defaultdict(list)
    for one in changed:
        by_span[_compared_span(one)].append(one.region_id)
    alike: dict[int, list[int]] = {}
    for (from_utc, end_utc), region_ids in by_span.items():
        alike |= telemetry_quality.regions_alike(
            session, region_ids, from_utc=from_utc, end_utc=end_utc
        )
    return [
        _judge_region(
            session, one, alike.get(one.region_id, []), now=now, ranges=ranges
        )
        for one in changed
    ]


def _judged_span(changed: ChangedHours) -> tuple[datetime, datetime]:
    return (
        changed.first_utc - JUDGED_AROUND_H * HOUR,
        changed.last_utc + (1 + JUDGED_AROUND_H) * HOUR,
    )


def _compared_span(changed: ChangedHours) -> tuple[datetime, datetime]:
    """Hours of which some have to be those of another region.

    Of a long import only the newest hours are compared: nothing else can be issued.
    """
    first_utc, end_utc = _judged_span(changed)
    return max(first_utc, end_utc - 2 * LOOK_BACK_H * HOUR), end_utc


def _judge_region(
    session: Session,
    changed: ChangedHours,
    alike_ids: Sequence[int],
    *,
    now: datetime,
    ranges: Mapping[Quantity, ValidRange],
) -> JudgedHours:
    first_utc, end_utc = _judged_span(changed)
    start_utc = first_utc - LOOK_BACK_H * HOUR
    frame = replace(
        telemetry.load_frame(
            session, changed.region_slug, start_utc, end_utc, with_suspect=True
        ),
        runs=load_runs(
            session,
            changed.region_slug,
            start_utc,
            end_utc,
            quantities=HELD_AGAINST_RUNS,
        ),
    )
    judgements = judge_telemetry(
        frame,
        first=LOOK_BACK_H,
        distrusted={q: codes > 0 for q, codes in frame.findings.items()},
        accepted=_accepted(session, changed.region_id, frame),
        copies=_copies(session, changed.region_id, alike_ids, frame),
        it_capacity_mw=changed.it_capacity_mw,
        ranges=ranges,
    )
    for quantity, judgement in judgements.items():
        # Hours before the first judged one keep what they have; a stuck sensor may
        # show that its run began there.
        known = frame.finding_codes(quantity)[:LOOK_BACK_H] > 0
        judgement.rule_codes[:LOOK_BACK_H][known] = 0
    plain_fits.forget_fits(session, [changed.region_id], changed.first_utc)
    telemetry_quality.replace_findings(
        session,
        changed.region_id,
        start_utc=first_utc,
        end_utc=end_utc,
        judged_at_utc=now,
        findings=_findings(frame, judgements),
    )
    return JudgedHours(
        region_slug=changed.region_slug,
        counts={
            quantity: int(np.count_nonzero(judgement.rule_codes))
            for quantity, judgement in judgements.items()
            if not judgement.is_good.all()
        },
    )


def _copies(
    session: Session, region_id: int, alike_ids: Sequence[int], frame: TelemetryFrame
) -> dict[str, BoolArray]:
    """Hours in which another region has the same weather, but for known copies."""
    if not alike_ids:
        return {}
    copied = frame.finding_codes(_T)[:LOOK_BACK_H] == QualityRule.OTHER_REGION.code
    copies = {}
    for slug, hours_utc in telemetry_quality.equal_weather(
        session,
        region_id,
        alike_ids,
        start_utc=max(frame.start_utc, frame.end_utc - 2 * LOOK_BACK_H * HOUR),
        end_utc=frame.end_utc,
    ).items():
        equal = np.zeros(frame.n_hours, dtype=np.bool_)
        equal[[hours_between(frame.start_utc, hour) for hour in hours_utc]] = True
        equal[:LOOK_BACK_H][copied] = False
        copies[slug] = equal
    return copies


def _accepted(
    session: Session, region_id: int, frame: TelemetryFrame
) -> dict[Quantity, BoolArray]:
    """Hours that were accepted and have not been imported again since."""
    covered: dict[Quantity, BoolArray] = {}
    for one in telemetry_quality.acceptances(
        session, region_id, frame.start_utc, frame.end_utc
    ):
        start_utc = max(one.start_utc, frame.start_utc)
        end_utc = min(one.end_utc, frame.end_utc)
        hours = covered.setdefault(
            one.quantity, np.zeros(frame.n_hours, dtype=np.bool_)
        )
        for hour_utc, batch_id in telemetry_quality.batch_ids(
            session, region_id, one.quantity, start_utc, end_utc
        ).items():
            if batch_id <= one.newest_batch_id:
                hours[hours_between(frame.start_utc, hour_utc)] = True
    return covered


def _findings(
    frame: TelemetryFrame, judgements: Mapping[Quantity, QualityVerdicts]
) -> Iterator[TelemetryFinding]:
    for quantity, judgement in judgements.items():
        values = frame.column(quantity)
        for hour in np.flatnonzero(judgement.rule_codes).tolist():
            rule = rule_of(int(judgement.rule_codes[hour]))
            yield TelemetryFinding(
                region_slug=frame.region_slug,
                quantity=quantity,
                hour_utc=frame.start_utc + hour * HOUR,
                quality=rule.quality,
                rule=rule,
                value=float(values[hour]),
                expected=_known(judgement.expected[hour]),
                allowed=_known(judgement.allowed[hour]),
                against=judgement.against.get(hour),
            )


def _known(figure: float) -> float | None:
    return float(figure) if math.isfinite(figure) else None


def _view(finding: TelemetryFinding) -> FindingView:
    return FindingView(
        region_slug=finding.region_slug,
        quantity=finding.quantity,
        hour_utc=finding.hour_utc,
        quality=finding.quality.value,
        rule=finding.rule.words,
        text=finding_text(
            finding.quantity,
            finding.rule,
            finding.value,
            expected=math.nan if finding.expected is None else finding.expected,
            allowed=math.nan if finding.allowed is None else finding.allowed,
            against=finding.against,
        ),
    )
