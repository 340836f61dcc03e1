"""How Alembic reaches the database: short locks, one transaction for each migration."""

from __future__ import annotations

import os
from logging.config import fileConfig

from alembic import context
from sqlalchemy import Connection, text

from db.engine import make_engine
from db.migrate import statement_timeout
from db.schema import Base

LOCK_TIMEOUT = "2s"


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave out telemetry's partitions and the job queue's tables."""
    foreign = ("telemetry_", "procrastinate_")
    if kind != "table" or name is None or name in Base.metadata.tables:
        return True
    return not name.startswith(foreign)


def _is_compared(
    _item: object, name: str | None, kind: str, _reflected: object, _other: object
) -> bool:
    """Leave out an index whose definition PostgreSQL rewrites.

    Alembic would report it as changed; the test of declared against migrated tables
    compares it instead.
    """
    return (kind, name) != ("index", "ix_decision_words")


def _migrate(connection: Connection) -> None:
    # Every later lock request queues behind a migration that waits for a lock.
    connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT}'"))
    longest = statement_timeout(connection)
    connection.execute(text(f"set statement_timeout = '{longest}'"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        include_name=_is_ours,
        include_object=_is_compared,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _owner_url() -> str:
    for name in ("DATABASE_OWNER_URL", "DATABASE_URL"):
        if url := os.environ.get(name):
            return url
    message = "Set DATABASE_OWNER_URL or DATABASE_URL, or use `gfo db upgrade`."
    raise RuntimeError(message)


def run() -> None:
    """Migrate over the caller's connection, or over one of our own."""
    if context.is_offline_mode():
        message = "These migrations read the database: they cannot run offline."
        raise RuntimeError(message)
    config = context.config
    connection = config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    if config.config_file_name is not None:
        fileConfig(config.config_file_name, disable_existing_loggers=False)
    engine = make_engine(_owner_url(), pool_size=1, application_name="gfo-migrate")
    with engine.connect() as own_connection:
        _migrate(own_connection)
    engine.dispose()


run()
