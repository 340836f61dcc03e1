"""A worker that is killed while it runs a feed loses nothing and doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import DatabaseUrls
from tests.feeds.local_source import Asked, LocalSource, Reply
from tests.feeds.portals import Portal, Weather, temperature, weather_feed

pytestmark = pytest.mark.slow

RUN = """
import sys
from datetime import datetime
from pathlib import Path
from db.engine import make_engine
from orchestrator.feeds.runs import run_feed
from orchestrator.runtime import Runtime
from orchestrator.settings import load_settings
url, now, folder = sys.argv[1:]
settings = load_settings(None).model_copy(update={"data_dir": Path(folder)})
runtime = Runtime(settings=settings, engine=make_engine(url),
                  clock=lambda: datetime.fromisoformat(now))
run_feed(runtime, 1, {})
"""


@pytest.fixture
def portal(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Portal]:
    made = Portal(database_urls, tmp_path)
    yield made
    made.runtime.engine.dispose()


def _start(portal: Portal) -> subprocess.Popen[bytes]:
    arguments = [portal.urls.app, portal.now.isoformat(), str(portal.folder)]
    return subprocess.Popen([sys.executable, "-c", RUN, *arguments])


def test_a_run_that_is_killed_is_made_again_whole(
    portal: Portal, source: LocalSource
) -> None:
    weather = Weather(source)
    portal.add(weather_feed(source))
    # While it waits for the source.
    running: list[subprocess.Popen[bytes]] = []

    def kill_then_answer(asked: Asked) -> Reply:
        os.kill(running[0].pid, signal.SIGKILL)
        return weather.answer(asked)

    source.answering = kill_then_answer
    running.append(_start(portal))
    assert running[0].wait(60) == -signal.SIGKILL
    assert portal.hours() == {}
    # While it stores: it waits for the feed's row, which this session holds.
    answered = threading.Event()

    def answer_and_tell(asked: Asked) -> Reply:
        answered.set()
        return weather.answer(asked)

    source.answering = answer_and_tell
    with portal.runtime.transaction() as session:
        session.execute(text("select 1 from feed for update"))
        running[0] = _start(portal)
        assert answered.wait(60)
        with pytest.raises(subprocess.TimeoutExpired):
            running[0].wait(1.0)
        running[0].kill()
        running[0].wait(60)
    assert portal.rows("select count(*) from feed_run") == [(0,)]
    # A third time, and once more, as a queue that is not sure repeats it.
    for _ in range(2):
        assert portal.run(1) is not None
    hours = portal.hours()
    assert len(hours) == 24
    assert all(value == temperature(hour) for hour, value in hours.items())
    assert portal.rows("select count(*) from ingest_batch") == [(1,)]
    assert portal.rows("select count(*) from feed_run") == [(1,)]
