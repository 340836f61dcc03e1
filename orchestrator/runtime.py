"""What a process holds while it runs: settings, the database, the clock."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from psycopg import OperationalError as DriverError
from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import ServiceUnavailable
from db.users import system_actor
from orchestrator.settings import Settings
from orchestrator.use_cases import Request


def utc_now() -> datetime:
    """The wall clock, aware, in UTC."""
    return datetime.now(UTC)


@cache
def machine_user() -> str:
    """Who runs this process, and where: the operating system's user and host."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run as a user without a name
        name = f"uid {uid}"
    return f"{name}@{socket.gethostname()}"


def process_actor(session: Session, system_user: str) -> Actor:
    """The system user that this process acts as, with who runs it as its address."""
    return replace(system_actor(session, system_user), address=machine_user())


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
                caller=process_actor(session, system_user),
                now=self.clock(),
                is_confirmed=True,
            )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits when the block ends and rolls back when it raises.

        Raises
        ------
        ServiceUnavailable
            When the database does not answer, or takes no changes.
        """
        try:
            with (
                Session(self.engine, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except (OperationalError, DriverError, PoolTimeout) as exc:
            # The driver's own come from COPY, which does not pass through SQLAlchemy.
            message = "The database does not answer. Try again in a moment."
            raise ServiceUnavailable(message) from exc
        except DBAPIError as exc:
            if isinstance(exc.orig, ReadOnlySqlTransaction):
                message = "The database takes no changes now. Try again in a moment."
                raise ServiceUnavailable(message) from exc
            if exc.connection_invalidated:
                message = "The database connection was lost. Try again in a moment."
                raise ServiceUnavailable(message) from exc
            raise
