"""A demo that tells a story, and a new region that comes to its first verdict."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.audit import AuditAction
from core.days import full_hour
from core.errors import Conflict
from core.forecasts import Target
from core.scheduler import Outcome
from core.telemetry import HOUR
from db import (
    audit,
    decision_lists,
    feeds,
    model_versions,
    regions,
    setup_tasks,
    telemetry,
)
from db.decision_comments import comments_of
from db.decision_lists import DecisionFilter
from orchestrator.cycle.worker_jobs import _catch_up
from orchestrator.decisions.details import decision_detail
from orchestrator.decisions.recording import evaluate
from orchestrator.feeds import demo_feed
from orchestrator.feeds.feed_list import list_feed_views
from orchestrator.feeds.runs import run_feed
from orchestrator.feeds.views import FeedHealth
from orchestrator.forecasts.fleet import fleet_view
from orchestrator.operations import demo_story, setup_jobs, setup_requests
from orchestrator.operations.setup_progress import (
    DEMO,
    TRAINING,
    TaskReport,
    hindcasts_of,
)
from orchestrator.operations.setup_state import fleet_setup, region_setup
from orchestrator.overview.first_page import overview
from orchestrator.overview.region_page import region_page
from orchestrator.overview.search import FoundKind, search
from orchestrator.telemetry.demo_regions import DEMO_REGIONS, first_demo_profiles
from orchestrator.telemetry.imports import generate_telemetry
from tests.asking import NOW, asking
from tests.fleet import SEED, Fleet


def _ignore(_message: str) -> None:
    """Progress that nobody looks at."""


def test_one_region_of_the_demo_waits_for_fresh_telemetry() -> None:
    assert [item.region.slug for item in DEMO_REGIONS if item.late_h > 3] == [
        "singapore"
    ]


def test_the_feed_of_the_demo_is_behind_and_ends_with_the_demo(
    fleet: Fleet, tmp_path: Path
) -> None:
    settings = fleet.runtime.settings.model_copy(update={"data_dir": tmp_path})
    runtime = replace(fleet.runtime, settings=settings)
    (profile,) = first_demo_profiles(1)
    slug = profile.region.slug
    end_utc = full_hour(NOW) - 5 * HOUR
    for _ in range(2):  # a second time adds nothing
        with runtime.request_as("worker") as request:
            demo_feed.add_demo_feed(runtime, request, profile, end_utc)
    file = tmp_path / "feeds" / "demo" / "hours.csv"
    minute_ago = NOW.timestamp() - 60
    os.utime(file, (minute_ago, minute_ago))
    with runtime.transaction() as session:
        (feed,) = feeds.list_feeds(session)
        assert demo_feed.brings(session, slug)
    run_feed(runtime, feed.feed_id, {})
    with runtime.transaction() as session:
        (view,) = list_feed_views(asking(session, fleet.actor(session)))
        assert (view.health, view.good_until_utc) == (FeedHealth.STALE, end_utc)
        assert view.problem is None

    # Hours that have ended since are left for it.
    with runtime.request_as("worker") as request:
        later = replace(request, now=NOW + 8 * HOUR)
        before = telemetry.first_and_last_hour(request.session, slug)
        stored = regions.region_by_slug(request.session, slug)
        _catch_up(runtime, [stored], later)
        assert telemetry.first_and_last_hour(request.session, slug) == before
    assert len(file.read_text().splitlines()) == 1 + 8

    with runtime.transaction() as session:
        setup_requests.retire_demo(asking(session, fleet.actor(session)))
        assert feeds.list_feeds(session) == []
        (event,) = audit.list_events(session, action=AuditAction.FEED_REMOVED)
        assert event.object_id == demo_feed.DEMO_FEED


@pytest.mark.slow
def test_a_demo_has_a_region_that_a_shift_clears_and_decisions_of_several_people(
    fleet: Fleet,
) -> None:
    demo_story.tighten_limits(fleet.runtime, _ignore)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        blocked = [
            row
            for row in fleet_view(request).rows
            if row.day_bound_c is not None
            and 0 < row.day_bound_c - row.thermal_limit_c <= demo_story.MOST_EXCESS_C
        ]
        assert blocked
        others = [
            item.slug
            for item in regions.list_regions(session)
            if item.slug != blocked[0].region.slug
        ]
        cards = [
            evaluate(
                request,
                source_slug=blocked[0].region.slug,
                target_slug=other,
                local_day=None,
                shift_pct=75.0,
            )
            for other in others
        ]
        assert Outcome.APPROVED in {card.verdict.outcome for card in cards}

    demo_story.tell_story(fleet.runtime, _ignore)
    demo_story.tell_story(fleet.runtime, _ignore)  # a second time adds nothing

    with fleet.runtime.transaction() as session:
        recorded = decision_lists.list_decisions(
            session, DecisionFilter(kind="recorded"), limit=50
        ).rows
        people = {item.actor_name for item in recorded}
        assert len(people) >= 2
        assert people <= set(demo_story.PEOPLE)
        assert all(item.facts.is_simulated for item in recorded)
        written = comments_of(session, [item.decision_id for item in recorded])
        ((number, (comment,)),) = written.items()
        assert comment.text.startswith("The bound held at the last moment")
        detail = decision_detail(asking(session, fleet.actor(session)), number)
        assert detail.card.verdict.outcome is Outcome.APPROVED
        (source, *_) = detail.charts
        measured_c = max(value for value in source.actual_c if value is not None)
        assert source.bound_before_c is not None
        assert 0 <= source.bound_before_c - measured_c < 2.0


@pytest.mark.slow
def test_a_new_region_is_set_up_by_the_worker_and_gets_its_first_forecast(
    fleet: Fleet,
) -> None:
    end_utc = full_hour(NOW)
    (*_, added) = first_demo_profiles(4)
    slug = added.region.slug
    with fleet.runtime.transaction() as session:
        generate_telemetry(
            asking(session, fleet.actor(session, "worker")),
            [added],
            start_utc=end_utc - timedelta(days=120),
            end_utc=end_utc,
            seed=SEED,
        )
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        missing = [s.name for s in region_setup(request, slug).steps if not s.is_done]
        assert missing == ["calibration", "verdict"]
        setup_requests.ask_for_hindcasts(request, slug)
        with pytest.raises(Conflict, match="already"):
            setup_requests.ask_for_hindcasts(request, slug)
        assert region_setup(request, slug).is_busy

    setup_jobs.hindcast_one(fleet.runtime, slug)

    with fleet.runtime.transaction() as session:
        done = region_setup(asking(session, fleet.actor(session)), slug)
        assert done.is_finished, done
        assert not done.is_busy
        page = region_page(asking(session, fleet.actor(session)), slug)
        assert page.row.day_bound_c is not None


def test_a_failed_task_says_why_and_can_be_asked_for_again(fleet: Fleet) -> None:
    setup_jobs.hindcast_one(fleet.runtime, "nowhere")

    with fleet.runtime.transaction() as session:
        task = setup_tasks.setup_task(session, hindcasts_of("nowhere"))
        assert task is not None
        assert (task.state, task.is_open) == ("failed", False)
        assert "telemetry" in (task.problem or "")


def test_the_checklist_counts_no_synthetic_region_and_can_be_closed(
    fleet: Fleet,
) -> None:
    TaskReport(runtime=fleet.runtime, name=DEMO, total_s=10).say("First", done_s=2)
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        setup = fleet_setup(request)
        assert not any(step.is_done for step in setup.steps)
        assert [task.done_frac for task in setup.tasks] == [0.2]
        assert setup.n_synthetic == 3
        setup_requests.close_checklist(request, is_closed=True)
        assert fleet_setup(request).is_closed
        with pytest.raises(Conflict, match="still being made"):
            setup_requests.retire_demo(request)
    TaskReport(runtime=fleet.runtime, name=DEMO, total_s=10).end("Done")
    with fleet.runtime.transaction() as session:
        assert setup_requests.retire_demo(asking(session, fleet.actor(session))) == 3
        assert not regions.list_regions(session)


def test_the_first_page_sums_the_fleet_and_compares_it_with_the_day_before(
    fleet: Fleet,
) -> None:
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        seen = overview(request, 3)
        rows = fleet_view(request).rows
        load = next(item for item in seen.totals if item.name == "IT load")
        assert load.value == pytest.approx(sum(row.it_load_mw or 0 for row in rows))
        assert load.change_frac is not None
        assert (seen.n_measured, seen.n_regions) == (3, 3)
        for row in rows:
            assert max(h for h in row.hour_bound_c if h is not None) == pytest.approx(
                row.day_bound_c
            )
        later = replace(request, now=NOW + timedelta(hours=3))
        assert overview(later, 3).totals[0].value is None


def test_words_find_regions_decisions_and_people(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        request = asking(session, fleet.actor(session))
        assert [item.key for item in search(request, " ARI")] == ["arizona"]
        first = search(request, "#1")
        assert first[0].kind is FoundKind.DECISION
        assert search(request, "%") == ()
        assert search(request, "9" * 30) == ()


@pytest.mark.slow
def test_training_goes_on_target_by_target_and_ends(fleet: Fleet) -> None:
    with fleet.runtime.transaction() as session:
        setup_requests.ask_for_training(asking(session, fleet.actor(session)))
        with pytest.raises(Conflict, match="under way"):
            setup_requests.ask_for_training(asking(session, fleet.actor(session)))

    setup_jobs.train_next(fleet.runtime, len(Target) - 1)

    with fleet.runtime.transaction() as session:
        task = setup_tasks.setup_task(session, TRAINING)
        assert task is not None
        assert (task.state, task.problem) == ("done", None)
        newest = model_versions.list_model_versions(session, limit=1)[0]
        assert newest.target is list(Target)[-1]
        assert newest.state in {"validated", "rejected"}
