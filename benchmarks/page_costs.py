"""What a page's callback costs: processor time, statements and bytes.

    GFO_DATA_DIR=var .venv/bin/python benchmarks/page_costs.py USER PASSWORD [PAGE]

The portal runs in this process, on the database of a running one, and answers one
person's callbacks; the clock steps between two minutes, so that no answer is a kept
one. Prints a line for each page: milliseconds of the web process's processor and of
PostgreSQL's (the least of `REPEATS`, what other work on the machine adds left out) and
of the clock (their median), statements, and the answer's kB as sent and deflated. With
a PAGE its callback is profiled as well. Compare figures of one run: machines differ.
"""

from __future__ import annotations

import cProfile
import logging
import pstats
import statistics
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from portal import Person
from sqlalchemy import Engine, event
from werkzeug.serving import make_server

from orchestrator.processes.connect import configure_logs, open_runtime
from orchestrator.settings import load_settings
from pages.navigation import register_pages
from webapp.app import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from psycopg import Connection

REPEATS = 15

PAGES = {
    "Overview": ("fleet-table.children", "fleet-url.search", ""),
    "Forecast": ("forecast-panel.children", "forecast-url.search", "?region={0}"),
    "its quality": ("forecast-quality-content", "forecast-url.search", "?region={0}"),
    "What-if": (
        "what-if-data.data",
        "what-if-url.search",
        "?source={0}&target={1}&shift=7",
    ),
    "Trade-offs": (
        "trade-offs-data.data",
        "trade-offs-url.search",
        "?source={0}&target={1}&shift=7",
    ),
    "Plan": ("plan-shown.data", "plan-url.search", "?region={0}"),
    "Region": ("region-now.children", "region-url.pathname", "/regions/{0}"),
    "its history": ("region-history.children", "region-url.pathname", "/regions/{0}"),
    "Regions": ("regions-table.children", "regions-url.search", ""),
    "Quality": ("quality-panel.children", "quality-url.search", ""),
    "Audit": ("audit-decisions-table.rowData", "audit-url.search", ""),
    "its events": ("audit-events-table.rowData", "audit-events-url.search", ""),
    "Alarms": ("alarms-list.children", "alarms-url.search", ""),
    "their review": ("alarms-figures.children", "alarms-url.pathname", ""),
    "bar of alarms": ("alarm-bar-content.children", "alarm-bar-refresh", ""),
    "search of a region": (
        "forecast-region-found",
        "forecast-region-search.value",
        "a",
    ),
    "Telemetry": ("telemetry-imports.children", "telemetry-url.search", ""),
    "Feeds": ("feeds-table.children", "feeds-url.search", ""),
    "Models": ("models-versions.children", "models-url.search", ""),
}
"""The output that a callback is known by, what it is asked with, and how."""


class Meter:
    """What the requests of one portal took, one after another."""

    def __init__(self, engine: Engine, application: WSGIApplication) -> None:
        self.web_ms = self.statements = 0.0
        self.profile: cProfile.Profile | None = None
        self._backends: set[int] = set()
        self._application = application
        event.listen(engine, "connect", self._note_backend)
        event.listen(engine, "before_cursor_execute", self._count)

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request, metered."""
        began_s = time.thread_time()
        with self.profile or nullcontext():
            answer = b"".join(self._application(environ, start_response))
        self.web_ms += 1000 * (time.thread_time() - began_s)
        return [answer]

    def database_ms(self) -> float:
        """What PostgreSQL's processes have used so far."""
        texts = (Path(f"/proc/{pid}/schedstat").read_text() for pid in self._backends)
        return sum(int(text.split()[0]) for text in texts) / 1e6

    def _note_backend(self, connection: Connection, _record: object) -> None:
        self._backends.add(connection.info.backend_pid)

    def _count(self, *_given: object) -> None:
        self.statements += 1


class Clock:
    """Steps between two minutes with each question: no answer is a kept one."""

    def __init__(self) -> None:
        self.turn = 0
        self._began_utc = datetime.now(UTC)

    def __call__(self) -> datetime:
        """The time of this question."""
        return self._began_utc + timedelta(minutes=self.turn % 2)


def measure(
    meter: Meter, clock: Clock, ask: Callable[[], tuple[float, str]]
) -> dict[str, float]:
    """Medians of what one question takes."""
    rows = []
    for turn in range(REPEATS + 2):
        clock.turn += 1
        before = meter.web_ms, meter.database_ms(), meter.statements
        wall_ms, answer = ask()
        after = meter.web_ms, meter.database_ms(), meter.statements
        kb = len(answer) / 1000, len(zlib.compress(answer.encode())) / 1000
        if turn > 1:  # the first ones of each minute fill caches
            rows.append([b - a for a, b in zip(before, after, strict=True)])
            rows[-1] += [wall_ms, *kb]
    web_ms, database_ms, *others = zip(*rows, strict=True)
    names = ("web_ms", "database_ms", "statements", "wall_ms", "kb", "deflated_kb")
    values = [min(web_ms), min(database_ms), *map(statistics.median, others)]
    return {name: round(value, 1) for name, value in zip(names, values, strict=True)}


def main() -> None:
    """Measure and print."""
    name, password, *profiled = sys.argv[1:]
    settings, clock = load_settings(), Clock()
    configure_logs(settings, level="ERROR")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    runtime = replace(open_runtime(settings), clock=clock)
    meter = Meter(runtime.engine, create_app(runtime, register_pages).server.wsgi_app)
    server = make_server("127.0.0.1", 0, meter)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    person = Person(f"http://127.0.0.1:{server.server_port}", name, password)
    regions = person.regions()
    for page, (output, asked_with, pattern) in PAGES.items():
        if profiled and page not in profiled:
            continue
        value = pattern.format(*regions) or None
        ask = partial(person.post, output, {asked_with: value})
        print(f"{page:20}", measure(meter, clock, ask), flush=True)
        if profiled:
            meter.profile = cProfile.Profile(time.thread_time)
            measure(meter, clock, ask)
            stats = pstats.Stats(meter.profile)
            stats.sort_stats("cumtime").print_stats(70)
            stats.sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    main()
