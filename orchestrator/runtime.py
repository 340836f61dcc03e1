"""What a process holds while it runs: settings, the database, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from core.errors import ServiceUnavailable
from db.users import system_actor
from orchestrator.settings import Settings
from orchestrator.use_cases import Request


def utc_now() -> datetime:
    """The wall clock, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Wired once by an entry point; everything below takes what it needs from here.

    Attributes
    ----------
    engine : Engine
        Connects as the app role.
    clock : callable
        Gives the present instant; tests pass a fixed one.
    """

    settings: Settings
    engine: Engine
    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def request_as(self, system_user: str) -> Iterator[Request]:
        """A request of a system user at this moment; commits when the block ends."""
        with self.transaction() as session:
            yield Request(
                session=session,
                caller=system_actor(session, system_user),
                now=self.clock(),
            )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises.

        Raises
        ------
        ServiceUnavailable
            When the database does not answer.
        """
        try:
            with (
                Session(self.engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except (OperationalError, PoolTimeout) as exc:
            message = "The database does not answer. Try again in a moment."
            raise ServiceUnavailable(message) from exc
        except DBAPIError as exc:
            if exc.connection_invalidated:
                message = "The database connection was lost. Try again in a moment."
                raise ServiceUnavailable(message) from exc
            raise
