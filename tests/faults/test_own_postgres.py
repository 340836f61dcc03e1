"""docs/operations.md on real servers: roles, recovery to an instant, failover."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import ServiceUnavailable
from db import audit
from db.backup import backup, restore
from db.engine import DatabaseUrls
from orchestrator.runtime import Runtime
from tests.conftest import PostgresForTests
from tests.faults.decision_stream import (
    DecisionStream,
    lost_and_doubled,
    stored_decisions,
)
from tests.faults.plain_server import (
    ServerHost,
    portal_urls,
    server_host,
    shell_blocks,
)
from tests.faults.portal_process import free_port, wait_until
from tests.fleet import runtime_on

pytestmark = pytest.mark.slow

FAILOVER_DECISIONS = 400 if os.environ.get("GFO_TEST_FULL") else 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Primary:
    """A server that archives its log, with the fleet in it."""

    host: ServerHost
    data: Path
    port: int

    @property
    def variables(self) -> dict[str, str]:
        """What the document's commands name."""
        return {
            "PRIMARY": str(self.data),
            "ARCHIVE": str(self.host.folder / "archive"),
            "PGPORT": str(self.port),
        }

    def runtime(self, urls: DatabaseUrls | None = None) -> Runtime:
        """A runtime of the portal on this server."""
        return runtime_on(urls or portal_urls(self.port))


@pytest.fixture(scope="module")
def primary(
    postgres: PostgresForTests,
    _fleet_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Primary]:
    """Installed and archiving as the document says, filled from a backup."""
    file = tmp_path_factory.mktemp("fleet") / "fleet.backup"
    backup(postgres.urls(_fleet_template), file)
    with server_host() as host:
        port = free_port()
        found = Primary(host=host, data=host.new_server("primary", port), port=port)
        (roles,) = shell_blocks("Install")
        archiving, _base, _restore = shell_blocks("Point-in-time recovery")
        host.run(roles, found.variables)
        host.run(archiving, found.variables)
        restore(portal_urls(port), file)
        yield found


def test_a_server_returns_to_an_instant_between_two_decisions(
    primary: Primary,
) -> None:
    _archiving, base, restore = shell_blocks("Point-in-time recovery")
    host, runtime, port = primary.host, primary.runtime(), free_port()
    stream = DecisionStream(runtime)
    host.run(base, primary.variables | {"BASE": str(host.folder / "base")})
    before = stream.record_one()
    with runtime.transaction() as session:
        instant = session.scalar(text("select clock_timestamp()::text"))
    after = stream.record_one()
    sealed = "select pg_walfile_name(pg_current_wal_lsn())"
    host.run(
        f'last=$(psql -At -c "{sealed}"); psql -q -c "select pg_switch_wal()"\n'
        'until [ -f "$ARCHIVE/$last" ]; do sleep 0.1; done',
        primary.variables,
    )

    host.run(
        restore,
        primary.variables
        | {
            "BASE": str(host.folder / "base"),
            "RESTORED": str(host.folder / "restored"),
            "RESTORED_PORT": str(port),
            "INSTANT": str(instant),
        },
    )

    restored = runtime_on(portal_urls(port, query="?target_session_attrs=read-write"))
    wait_until(lambda: _takes_changes(restored))
    with restored.transaction() as session:
        kept = [found for ids in stored_decisions(session).values() for found in ids]
        assert audit.verify(session).is_sound
    assert before in kept
    assert after not in kept
    assert DecisionStream(restored).record_one() not in {0, before}  # goes on
    restored.engine.dispose()
    runtime.engine.dispose()
    host.stop(host.folder / "restored")


def test_a_promoted_standby_has_every_acknowledged_decision(primary: Primary) -> None:
    standby, promote = shell_blocks("Failover")
    host, port = primary.host, free_port()
    variables = primary.variables | {
        "STANDBY": str(host.folder / "standby"),
        "STANDBY_PORT": str(port),
    }
    host.run(standby, variables)
    urls = portal_urls(primary.port, port, query="?target_session_attrs=read-write")
    runtime = primary.runtime(urls)
    with runtime.transaction() as session:
        known = set(stored_decisions(session))
    wait_until(lambda: _is_synchronous(runtime))
    stream = DecisionStream(runtime)

    with stream.running():
        wait_until(lambda: len(stream.acknowledged) >= FAILOVER_DECISIONS)
        host.stop(primary.data)  # without a word to anybody, as a power cut does
        wait_until(lambda: stream.failures > 0)
        at_failover = len(stream.acknowledged)
        host.run(promote, variables)
        wait_until(lambda: len(stream.acknowledged) >= at_failover + FAILOVER_DECISIONS)

    with runtime.transaction() as session:
        stored = stored_decisions(session)
        assert audit.verify(session).is_sound
        assert session.scalar(text("show cluster_name")) == "standby1"
    made = {key: found for key, found in stored.items() if key not in known}
    assert lost_and_doubled(stream.acknowledged, made) == (0, 0)
    assert stream.longest_wait_s < 30
    runtime.engine.dispose()


def _takes_changes(runtime: Runtime) -> bool:
    try:
        with runtime.transaction() as session:
            return not session.scalar(text("select pg_is_in_recovery()"))
    except ServiceUnavailable:  # no host of the address does
        return False


def _is_synchronous(runtime: Runtime) -> bool:
    with runtime.transaction() as session:
        shown = session.scalar(text("show synchronous_standby_names"))
    return shown == "standby1"
