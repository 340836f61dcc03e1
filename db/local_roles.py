"""The embedded server's roles and database, created or repaired at every start."""

from __future__ import annotations

import psycopg
from psycopg import sql

from db.engine import libpq_url
from db.local_cluster import (
    APP_ROLE,
    AUDITOR_ROLE,
    DATABASE,
    OWNER_ROLE,
    ROLES,
    SUPERUSER,
    ClusterHome,
)


def ensure_roles(home: ClusterHome) -> None:
    """Create the three roles and the database where they are missing."""
    passwords = home.passwords()
    with psycopg.connect(
        libpq_url(home.url(SUPERUSER, "postgres")), autocommit=True
    ) as connection:
        present = {
            name for (name,) in connection.execute("select rolname from pg_roles")
        }
        for role in ROLES:
            if role not in present:
                _create_role(connection, role, passwords[role])
        if not connection.execute(
            "select 1 from pg_database where datname = %s", [DATABASE]
        ).fetchone():
            create_database(connection, DATABASE)
        tighten_database(connection, DATABASE)


def create_database(
    connection: psycopg.Connection[tuple[object, ...]],
    name: str,
    *,
    template: str = "template1",
) -> None:
    """A database owned by the owner role; the connection is the superuser's."""
    connection.execute(
        sql.SQL("create database {} owner {} template {}").format(
            sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
        )
    )


def tighten_database(
    connection: psycopg.Connection[tuple[object, ...]], name: str
) -> None:
    """Only our roles connect, and only app and owner make temporary tables."""
    connection.execute(
        sql.SQL(
            "revoke all on database {name} from public;"
            "grant connect, temporary on database {name} to {app};"
            "grant connect on database {name} to {auditor}"
        ).format(
            name=sql.Identifier(name),
            app=sql.Identifier(APP_ROLE),
            auditor=sql.Identifier(AUDITOR_ROLE),
        )
    )


def _create_role(
    connection: psycopg.Connection[tuple[object, ...]], role: str, password: str
) -> None:
    # Hashed here, so that the server's log never contains the password.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(
        sql.SQL("create role {} login password {}").format(
            sql.Identifier(role), sql.Literal(verifier)
        )
    )
