"""Runs of feeds on a real database, against real servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import NotFound
from core.telemetry import HOUR
from db import feeds
from db.engine import DatabaseUrls
from orchestrator.cycle.worker_jobs import WorkerJobs
from orchestrator.feeds.asking import ask_source, begin_run
from orchestrator.feeds.configuration import change_feed, pause_feed, remove_feed
from orchestrator.feeds.feed_list import list_feed_views
from orchestrator.feeds.runs import forget_old_answers, store_run
from orchestrator.feeds.web_client import WebClient, WebUse
from orchestrator.jobs import BEHIND_CYCLE, QUEUE_FEEDS, RUN_FEED
from orchestrator.operations.doctor import feeds_of
from orchestrator.operations.monitoring import measure
from orchestrator.processes.worker import make_queue
from tests.feeds.asking_kinds import END, NOW, facts_of
from tests.feeds.local_source import Asked, LocalSource, Reply, document
from tests.feeds.portals import QUICK, Portal, Weather, temperature, weather_feed

DAY = timedelta(days=1)


@pytest.fixture
def portal(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Portal]:
    made = Portal(database_urls, tmp_path)
    yield made
    made.runtime.engine.dispose()


def test_a_run_stores_hours_and_how_far_it_came_and_keeps_the_answer(
    portal: Portal, source: LocalSource
) -> None:
    weather = Weather(source)
    feed_id = portal.add(weather_feed(source))
    assert portal.jobs() == 1
    done = portal.run(feed_id)
    assert done is not None
    assert (done.outcome, done.hours_stored, done.problem) == ("stored", 24, None)
    assert portal.hours() == {
        END - (24 - i) * HOUR: temperature(END - (24 - i) * HOUR) for i in range(24)
    }
    assert weather.spans == [("14T12", "15T11")]
    with portal.runtime.transaction() as session:
        (stored,) = feeds.list_runs(session, feed_id)
        (progress,) = feeds.progress_of(session).values()
        content = feeds.kept_answer(session, stored.answer_sha256s[0])
    assert b'"temperature_2m"' in content
    assert (stored.outcome, stored.requests) == ("stored", 1)
    assert len(stored.batch_ids) == 1
    assert progress.good_until_utc == progress.asked_until_utc == END
    assert portal.actions() == ["feed_added", "feed_switched"]
    assert ("issue_again",) in portal.rows("select task_name from procrastinate_jobs")
    # All hours are there: nobody is asked until the next hour has ended.
    again = portal.run(feed_id)
    assert again is not None
    assert (again.outcome, again.requests, len(source.asked)) == ("nothing_new", 0, 1)
    portal.now += HOUR
    assert portal.run(feed_id) is not None
    assert weather.spans[1] == ("15T06", "15T12")  # some hours again: they are revised
    assert len(portal.hours()) == 25


def test_the_worker_queues_what_is_due_behind_the_cycle_and_it_is_measured(
    portal: Portal, source: LocalSource
) -> None:
    weather = Weather(source)
    feed_id = portal.add(weather_feed(source))
    portal.rows("delete from procrastinate_jobs returning 1")
    queue = make_queue(portal.runtime, WorkerJobs(portal.runtime))
    for _ in range(2):
        queue.tasks[QUEUE_FEEDS](timestamp=0)
    jobs = portal.rows(
        "select task_name, priority, args ->> 'feed_id' from procrastinate_jobs"
    )
    assert jobs == [(RUN_FEED, BEHIND_CYCLE, str(feed_id))]
    assert BEHIND_CYCLE < 0
    queue.tasks[RUN_FEED](feed_id=str(feed_id))
    portal.now += 4 * HOUR
    weather.reply = Reply(status=500)
    with portal.runtime.transaction() as session:
        measured = measure(session, portal.now)
        (finding,) = feeds_of(session, portal.now)
    assert measured.feed_lag_s == {("first", "here"): pytest.approx(4.33 * 3600, 1e-2)}
    assert measured.feeds_failing == {"first": False}
    assert (finding.is_sound, finding.text) == (False, "stale, 4.3 h behind")
    portal.run(feed_id)
    with portal.runtime.transaction() as session:
        assert measure(session, portal.now).feeds_failing == {"first": True}


def test_an_outage_is_filled_in_steps_and_no_further_back_than_allowed(
    portal: Portal, source: LocalSource
) -> None:
    weather = Weather(source)
    feed_id = portal.add(weather_feed(source, backfill_h=24 * 20))
    done = portal.run(feed_id)
    assert done is not None
    assert done.next_run_at_utc == NOW  # the next step follows at once
    portal.run(feed_id)
    assert weather.spans == [("26T12", "09T11"), ("09T06", "15T11")]
    assert len(portal.hours()) == 24 * 20
    portal.now += 31 * DAY
    source.asked.clear()
    weather.until_utc = portal.now
    for _ in range(3):
        portal.run(feed_id)
    assert [first for first, _ in weather.spans] == ["26T06", "09T00"]
    assert portal.feed(feed_id).state.next_run_at_utc > portal.now


def test_a_gap_of_the_source_does_not_stop_the_filling(
    portal: Portal, source: LocalSource
) -> None:
    weather = Weather(source)
    feed_id = portal.add(weather_feed(source, backfill_h=24 * 31))
    begin, end = NOW - 17 * DAY, NOW - DAY
    usual = weather.answer

    def with_gap(asked: object) -> Reply:
        weather.value = lambda hour: (
            temperature(hour) if not begin <= hour < end else float("nan")
        )
        reply = usual(asked)  # type: ignore[arg-type]
        return replace(reply, body=reply.body.replace(b"NaN", b"null"))

    source.answering = with_gap
    for _ in range(4):
        portal.run(feed_id)
    assert max(portal.hours()) == END - HOUR


def test_failures_are_said_once_and_so_is_the_recovery(
    portal: Portal, source: LocalSource
) -> None:
    weather = Weather(source)
    feed_id = portal.add(weather_feed(source, every_min=15))
    for reply, words in (
        (Reply(status=401), "localhost refused the secret of this feed (401)"),
        (Reply(status=500), "localhost has a fault of its own (500)."),
        (Reply(body=b'{"hourly": {'), "no JSON"),
        (document({"error": True, "reason": "out of range"}), "out of range"),
        (Reply(kind="text/html"), "answered with text/html"),
        (document({"error": True, "reason": "a\0b \ud800"}), "a b"),
    ):
        weather.reply = reply
        done = portal.run(feed_id)
        assert done is not None
        assert done.outcome == "failed"
        assert words in (done.problem or "")
    assert portal.feed(feed_id).state.failures_in_a_row == 6
    weather.reply = Reply(status=429, headers={"Retry-After": "7200"})
    done = portal.run(feed_id)
    assert done is not None
    assert done.next_run_at_utc > NOW + HOUR
    weather.reply = None
    portal.run(feed_id)
    state = portal.feed(feed_id).state
    assert (state.failures_in_a_row, state.last_problem) == (0, None)
    assert portal.actions()[2:] == ["feed_failing", "feed_recovered"]
    assert len(portal.hours()) == 24


@pytest.mark.slow
def test_the_second_source_takes_over_and_the_first_returns_when_it_is_steady(
    portal: Portal, source: LocalSource
) -> None:
    with LocalSource().running() as other:
        first, _ = Weather(source), Weather(other)
        ids = [
            portal.add(weather_feed(source, "first", priority=1)),
            portal.add(weather_feed(other, "second", priority=2)),
        ]

        def hour_passes() -> None:
            portal.now += HOUR
            portal.choose()
            for feed_id in ids:
                portal.run(feed_id)

        for feed_id in ids:
            portal.run(feed_id)
        first.reply = Reply(status=503)
        for _ in range(5):  # stale after 3 h
            hour_passes()
        first.reply = None
        for index in range(7):
            # It fails in turn: three hours without a failure begin again.
            first.reply = Reply(status=503) if index == 2 else None
            hour_passes()
    used = portal.used()
    assert [feed for _, feed in used[:24]] == ["first"] * 24
    assert [feed for hour, feed in used[24:]] == ["second"] * 11 + ["first"]
    hours = list(portal.hours())
    assert hours == [hours[0] + i * HOUR for i in range(len(hours))]
    switched = portal.rows(
        "select f.name, s.reason from feed_switch s join feed f on f.id = s.feed_id"
        " order by s.id"
    )
    assert switched == [
        ("first", "It is the first of the order."),
        ("second", "first fails, and this one has newer hours."),
        ("first", "It has been fresh for 3 h and comes first."),
    ]
    outcomes = portal.rows("select outcome from feed_run where feed_id = 2")
    assert ("standing_by",) in outcomes


@pytest.mark.slow
def test_while_two_sources_fail_in_turn_no_hour_is_later_than_one_cycle(
    portal: Portal, source: LocalSource
) -> None:
    with LocalSource().running() as other:
        weathers = Weather(source), Weather(other)
        ids = [
            portal.add(weather_feed(source, "first", priority=1)),
            portal.add(weather_feed(other, "second", priority=2)),
        ]

        def worker_looks() -> None:
            portal.choose()
            for feed_id in ids:
                portal.run(feed_id)

        worker_looks()
        first_hour, lags = max(portal.hours()), []
        for hour in range(12):
            for index, weather in enumerate(weathers):
                is_failing = hour // 3 % 2 == index
                weather.reply = Reply(status=503) if is_failing else None
            portal.now += HOUR
            worker_looks()
            # The worker chooses each minute: who took over is asked in the next one.
            portal.now += timedelta(minutes=1)
            worker_looks()
            lags.append(portal.now - max(portal.hours()) - HOUR)
    assert max(lags) <= HOUR, lags
    hours = sorted(hour for hour in portal.hours() if hour >= first_hour)
    assert hours == [first_hour + i * HOUR for i in range(13)]
    assert {feed for _, feed in portal.used()[-12:]} == {"first", "second"}


def test_a_frozen_source_is_found_by_the_guards_and_left(
    portal: Portal, source: LocalSource
) -> None:
    with LocalSource().running() as other:
        first, _ = Weather(source), Weather(other)
        ids = [
            portal.add(
                weather_feed(
                    source, "first", priority=1, backfill_h=24 * 14, stale_after_h=1.5
                )
            ),
            portal.add(weather_feed(other, "second", priority=2)),
        ]
        for feed_id in ids:
            portal.run(feed_id)
        frozen_from = portal.now
        first.value = lambda hour: temperature(min(hour, frozen_from))
        for _ in range(10):
            portal.now += HOUR
            portal.choose()
            for feed_id in ids:
                portal.run(feed_id)
    assert portal.used()[-1][1] == "second"
    newest = max(portal.hours())
    assert portal.hours()[newest] == temperature(newest)
    assert len(portal.rows("select 1 from feed_switch")) == 2  # it does not flap


def test_of_two_runs_of_one_state_one_is_stored(
    portal: Portal, source: LocalSource
) -> None:
    Weather(source)
    feed_id = portal.add(weather_feed(source))
    portal.choose()
    with portal.runtime.request_as("worker") as request:
        begun = begin_run(request, feed_id)
    assert begun is not None
    client = WebClient(private_hosts={"localhost"}, limits=QUICK)
    asked = ask_source(begun, client, {}, secrets_dir=None, folder=portal.folder)
    ranges = portal.runtime.settings.valid_ranges()
    outcomes = []
    for _ in range(2):
        with portal.runtime.request_as("worker") as request:
            outcomes.append(store_run(request, begun, asked, WebUse(), ranges=ranges))
    assert outcomes[0] is not None
    assert outcomes[1] is None
    assert portal.rows("select count(*) from feed_run") == [(1,)]
    assert portal.rows("select count(*) from ingest_batch") == [(1,)]
    # Neither is a run stored of a feed that an admin changed meanwhile.
    portal.now += HOUR
    with portal.runtime.request_as("worker") as request:
        begun = begin_run(request, feed_id)
    assert begun is not None
    with portal.runtime.request_as("cli") as request:
        change_feed(request, replace(weather_feed(source), every_min=30))
    with portal.runtime.request_as("worker") as request:
        assert store_run(request, begun, asked, WebUse(), ranges=ranges) is None


def test_an_answer_that_cannot_be_imported_by_an_error_of_ours_is_a_failed_run(
    portal: Portal, source: LocalSource
) -> None:
    Weather(source)
    feed_id = portal.add(weather_feed(source))
    portal.choose()
    with portal.runtime.request_as("worker") as request:
        begun = begin_run(request, feed_id)
    assert begun is not None
    client = WebClient(private_hosts={"localhost"}, limits=QUICK)
    (good,) = ask_source(begun, client, {}, secrets_dir=None, folder=portal.folder)
    (answer,) = good.answers
    of_no_bytes = replace(answer, file="text")  # type: ignore[arg-type]
    bad = replace(good, answers=(of_no_bytes, answer))
    with portal.runtime.request_as("worker") as request:
        done = store_run(
            request,
            begun,
            [bad],
            client.use,
            ranges=portal.runtime.settings.valid_ranges(),
        )
    assert done is not None
    assert done.problem == "An error of the portal; see the worker's log."
    assert (done.outcome, done.hours_stored) == ("stored", 24)
    assert portal.feed(feed_id).state.next_run_at_utc > portal.now


def test_a_paused_feed_is_not_run_and_a_quota_ends_with_its_day(
    portal: Portal, source: LocalSource
) -> None:
    Weather(source)
    feed_id = portal.add(weather_feed(source, requests_a_day=1))
    portal.run(feed_id)
    assert portal.feed(feed_id).state.quota_left == 0
    portal.now += HOUR
    done = portal.run(feed_id)
    assert done is not None
    assert "limit of requests a day" in (done.problem or "")
    assert len(source.asked) == 1
    portal.now += DAY
    done = portal.run(feed_id)
    assert done is not None
    assert done.outcome == "stored"
    with portal.runtime.request_as("cli") as request:
        pause_feed(request, "first", is_paused=True)
    assert portal.run(feed_id) is None
    assert portal.actions()[-1] == "feed_changed"


def test_a_removed_feed_is_asked_no_more_and_its_name_is_free(
    portal: Portal, source: LocalSource
) -> None:
    Weather(source)
    removed_id = portal.add(weather_feed(source))
    portal.run(removed_id)
    with portal.runtime.request_as("cli") as request:
        remove_feed(request, "first")
        with pytest.raises(NotFound):
            pause_feed(request, "first", is_paused=False)
        assert list_feed_views(request) == []
    portal.now += HOUR
    assert portal.run(removed_id) is None

    named_alike = portal.add(weather_feed(source))
    assert portal.run(named_alike) is not None
    assert portal.used()[-1] == ("15 12", "first")  # its hours name it, as before
    with portal.runtime.request_as("cli") as request:
        (view,) = list_feed_views(request)
    assert not view.facts.is_paused
    assert view.places[0].source_of == ("temperature_c",)
    assert portal.actions()[-3:] == ["feed_removed", "feed_added", "feed_switched"]


def test_a_missing_secret_is_said_and_a_present_one_is_stored_nowhere(
    portal: Portal, source: LocalSource
) -> None:
    Weather(source)
    facts = weather_feed(source, secret_reference="env:GFO_FEED_KEY")
    feed_id = portal.add(facts)
    done = portal.run(feed_id)
    assert done is not None
    assert "The variable GFO_FEED_KEY is not set for the worker." in str(done.problem)
    value = "-".join(("v3ry", "s3cret"))
    portal.run(feed_id, GFO_FEED_KEY=value)
    assert source.asked[-1].query["apikey"] == value
    tables = portal.rows(
        "select table_name from information_schema.tables where table_schema = 'public'"
        " and table_name !~ '[0-9]{4}'"
    )
    for (table,) in tables:
        query = f"select count(*) from {table} t where t::text like '%v3ry-s3cret%'"  # noqa: S608
        assert portal.rows(query) == [(0,)], table


def test_an_hour_that_came_by_half_is_taken_when_it_is_whole(
    portal: Portal, source: LocalSource
) -> None:
    def answering(asked: Asked) -> Reply:
        first, last, step = (int(asked.query[n]) for n in ("start", "end", "step"))
        stamps = range(first, min(last, int(newest.timestamp())) + 1, step)
        points = [[moment, str(40 + moment // 3600 % 24)] for moment in stamps]
        series = {"metric": {"__name__": "it_load_mw"}, "values": points}
        data = {"resultType": "matrix", "result": [series]}
        return document({"status": "success", "data": data})

    newest, source.answering = END - HOUR / 2, answering
    facts = facts_of("prometheus", source.address, "x", quantities=["it_load_mw"])
    feed_id = portal.add(replace(facts, backfill_h=12))
    done = portal.run(feed_id)
    assert done is not None
    assert (done.hours_stored, done.problem) == (11, None)
    assert max(portal.hours("it_load_mw")) == END - 2 * HOUR
    newest = NOW
    done = portal.run(feed_id)
    assert done is not None
    assert done.hours_stored == 1
    assert max(portal.hours("it_load_mw")) == END - HOUR
    assert source.asked[-1].query["start"] == f"{(END - 7 * HOUR).timestamp():.0f}"


def test_runs_of_weather_models_are_kept_as_issued(
    portal: Portal, source: LocalSource
) -> None:
    hours = [END + i * HOUR for i in range(3)]
    source.replies(
        document(
            {
                "latitude": 51.5,
                "longitude": -0.1,
                "utc_offset_seconds": 0,
                "hourly_units": {"temperature_2m": "°C"},
                "hourly": {
                    "time": [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours],
                    "temperature_2m": [1.0, 2.0, 3.0],
                },
            }
        )
    )
    facts = facts_of("open-meteo-runs", source.address, quantities=["temperature_c"])
    feed_id = portal.add(facts)
    done = portal.run(feed_id)
    assert done is not None
    assert (done.outcome, done.problem) == ("stored", None)
    rows = portal.rows(
        "select source, model, issued_at_utc, known_at_utc from weather_forecast"
    )
    assert rows == [("open-meteo", "best_match", END, NOW)]
    done = portal.run(feed_id)
    assert done is not None
    assert done.outcome == "nothing_new"


def test_a_folder_is_emptied_into_the_portal_and_a_bad_file_is_read_once(
    portal: Portal,
) -> None:
    folder = portal.folder / "feeds" / "site"
    folder.mkdir(parents=True)
    (folder / "good.csv").write_text(
        "timestamp,it_load_mw,temperature_c\n2026-01-15T06:00Z,41,3\n"
    )
    (folder / "bad.csv").write_text("nothing of use\n1\n")
    feed_id = portal.add(facts_of("folder", "site", quantities=["it_load_mw"]))
    portal.now += 365 * DAY  # files are younger than the clock of the test
    done = portal.run(feed_id)
    assert done is not None
    assert (done.outcome, done.hours_stored) == ("stored", 1)
    assert "has no column 'timestamp'" in (done.problem or "")
    assert portal.hours("it_load_mw") != {}
    assert portal.hours("temperature_c") == {}  # not what the feed is for
    done = portal.run(feed_id)
    assert done is not None
    assert (done.outcome, done.problem) == ("nothing_new", None)


def test_old_answers_and_runs_are_removed(portal: Portal, source: LocalSource) -> None:
    Weather(source)
    feed_id = portal.add(weather_feed(source))
    portal.run(feed_id)
    (digests,) = portal.rows("select answer_sha256s from feed_run")
    portal.now += 91 * DAY
    with portal.runtime.request_as("worker") as request:
        forget_old_answers(request)
    assert portal.rows("select count(*) from feed_run") == [(0,)]
    with portal.runtime.transaction() as session, pytest.raises(NotFound):
        feeds.kept_answer(session, digests[0][0])
    assert len(portal.hours()) == 24
