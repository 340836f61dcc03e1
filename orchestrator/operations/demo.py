"""The demo fleet: synthetic regions with a history, models, hindcasts and a story.

It is made in steps, each a transaction or a few; a step that is done is not done again.
The worker makes it behind the portal that answers already (`run_demo_step`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import accumulate

from core.aliases import Progress
from core.days import full_hour
from core.errors import InvalidInput
from core.forecasts import Target
from core.telemetry import HOUR
from db import telemetry
from models.metadata import DEFAULT_FAMILY, Family
from orchestrator.cycle.issuance import issue_live
from orchestrator.feeds.demo_feed import add_demo_feed
from orchestrator.forecasts.hindcasts import hindcast_regions
from orchestrator.forecasts.model_cache import ModelCache
from orchestrator.jobs import queue_demo_step
from orchestrator.operations.demo_story import tell_story, tighten_limits
from orchestrator.operations.setup_progress import DEMO, TaskReport, reported
from orchestrator.regions.policies import ensure_first_policy
from orchestrator.regions.region_choice import active_regions
from orchestrator.registry.training import split_day, train_models
from orchestrator.runtime import Runtime
from orchestrator.telemetry.demo_regions import first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from orchestrator.use_cases import WORKER_USER

N_REGIONS, N_DAYS = 6, 1095


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStep:
    """A part of the demo fleet.

    Attributes
    ----------
    usual_s : float
        How long it takes on two idle cores, for the progress that people see.
    """

    title: str
    usual_s: float
    carry_out: Callable[[Runtime, Progress], None]


def demo_steps(
    n_regions: int = N_REGIONS, n_days: int = N_DAYS
) -> tuple[DemoStep, ...]:
    """All steps in order: first what verdicts need, last what may wait.

    The quick family serves from the first minutes on. The better one is trained last
    and not activated: it waits for an admin.

    Raises
    ------
    InvalidInput
        When more regions are asked for than there are.
    """
    profiles = first_demo_profiles(n_regions)
    names = [profile.region.name for profile in profiles]
    others = [target for target in Target if target is not Target.TEMPERATURE_C]

    def train(target: Target, family: Family, usual_s: float) -> DemoStep:
        title = f"Training the {target} model ({family})"
        carry_out = partial(_train, target=target, family=family)
        return DemoStep(title=title, usual_s=usual_s, carry_out=carry_out)

    return (
        *(
            DemoStep(
                title=f"{n_days} days of synthetic telemetry for {name}",
                usual_s=3.0,
                carry_out=partial(_generate, place=place, n_days=n_days),
            )
            for place, name in enumerate(names)
        ),
        train(Target.TEMPERATURE_C, Family.RIDGE, 20.0),
        DemoStep(title="The first verdicts", usual_s=3.0, carry_out=_issue),
        DemoStep(
            title="Limits that are tight for the season",
            usual_s=1.0,
            carry_out=tighten_limits,
        ),
        *(train(target, Family.RIDGE, 10.0) for target in others),
        *(
            DemoStep(
                title=f"Past days of {name}",
                usual_s=3.0,
                carry_out=partial(_hindcast, place=place),
            )
            for place, name in enumerate(names)
        ),
        DemoStep(
            title="Forecasts of load, carbon and wet bulb",
            usual_s=3.0,
            carry_out=_issue,
        ),
        DemoStep(
            title="A feed that is some hours late",
            usual_s=1.0,
            carry_out=partial(_late_feed, n_regions=n_regions),
        ),
        DemoStep(
            title="Decisions of some days, and a plan",
            usual_s=8.0,
            carry_out=tell_story,
        ),
        train(Target.TEMPERATURE_C, DEFAULT_FAMILY, 70.0),
    )


def make_demo_fleet(
    runtime: Runtime, *, n_regions: int, n_days: int, on_progress: Progress
) -> None:
    """Carry out every step here and now.

    Raises
    ------
    InvalidInput
        When more regions are asked for than there are.
    """
    for step in demo_steps(n_regions, n_days):
        on_progress(f"{step.title} …")
        step.carry_out(runtime, on_progress)


def run_demo_step(runtime: Runtime, number: int) -> None:
    """Carry out one step as a job; the next one is queued behind what waits already."""
    steps = demo_steps()
    step = steps[number]
    before_s = [0.0, *accumulate(item.usual_s for item in steps)]
    report = TaskReport(runtime=runtime, name=DEMO, total_s=_total_s(steps))
    with reported(report):
        report.say(step.title, done_s=before_s[number])
        step.carry_out(runtime, report.say)
        if number + 1 == len(steps):
            report.end("The demo fleet is there.")
            return
        with runtime.transaction() as session:
            queue_demo_step(session, step=number + 1)


def _total_s(steps: Sequence[DemoStep]) -> float:
    return sum(step.usual_s for step in steps)


def _generate(runtime: Runtime, _report: Progress, *, place: int, n_days: int) -> None:
    profile = first_demo_profiles(place + 1)[place]
    end_utc = full_hour(runtime.clock()) - profile.late_h * HOUR
    with runtime.request_as(WORKER_USER) as request:
        ensure_first_policy(request, runtime.settings.first_policy())
        generate_telemetry(
            request,
            [profile],
            start_utc=end_utc - timedelta(days=n_days),
            end_utc=end_utc,
            seed=runtime.settings.demo_seed,
        )


def _late_feed(runtime: Runtime, _report: Progress, *, n_regions: int) -> None:
    for profile in first_demo_profiles(n_regions):
        if profile.late_h:
            end_utc = full_hour(runtime.clock()) - profile.late_h * HOUR
            with runtime.request_as(WORKER_USER) as request:
                add_demo_feed(runtime, request, profile, end_utc)


def _train(
    runtime: Runtime, report: Progress, *, target: Target, family: Family
) -> None:
    with runtime.request_as(WORKER_USER) as request:
        slug = first_demo_profiles(1)[0].region.slug
        span = telemetry.first_and_last_hour(request.session, slug)
        if span is None:
            message = "The demo fleet has no telemetry."
            raise InvalidInput(message)
        train_models(
            request,
            targets=[target],
            until_day=split_day(*span),
            family=family,
            seed=runtime.settings.demo_seed,
            activate=False,
            on_progress=report,
        )


def _issue(runtime: Runtime, _report: Progress) -> None:
    cache = ModelCache()
    try:
        with runtime.request_as(WORKER_USER) as request:
            issue_live(
                request,
                cache,
                issued_at_utc=full_hour(request.now),
                stored_regions=active_regions(request.session),
            )
    finally:
        cache.close()


def _hindcast(runtime: Runtime, _report: Progress, *, place: int) -> None:
    cache = ModelCache()
    try:
        with runtime.request_as(WORKER_USER) as request:
            found = active_regions(request.session)
            slug = first_demo_profiles(place + 1)[place].region.slug
            span = telemetry.first_and_last_hour(request.session, found[0].slug)
            if span is None:
                message = "The demo fleet has no telemetry."
                raise InvalidInput(message)
            hindcast_regions(
                request,
                cache,
                stored_regions=[item for item in found if item.slug == slug],
                compared_with=found,
                from_day=split_day(*span) + timedelta(days=1),
                until_day=full_hour(request.now).date() + timedelta(days=1),
            )
    finally:
        cache.close()
