"""Who reads and writes what; no table is forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from db.engine import DatabaseUrls, make_engine
from db.privileges import APP_GRANTS, AUDITOR_HIDDEN_COLUMNS, apply_privileges
from db.schema import Base

_GRANTS = text(
    """
    select grantee, table_name, privilege_type
    from information_schema.role_table_grants
    where table_schema = 'public' and grantee in ('gfo_app', 'gfo_auditor', 'PUBLIC')
    order by 1, 2, 3
    """
)


def test_every_table_states_the_rights_of_the_application() -> None:
    assert set(APP_GRANTS) == {*Base.metadata.tables, "alembic_version"}


def test_applying_twice_changes_nothing(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.owner, pool_size=1)
    with engine.begin() as connection:
        before = list(connection.execute(_GRANTS))
        apply_privileges(connection, app_role="gfo_app", auditor_role="gfo_auditor")
        after = list(connection.execute(_GRANTS))
    engine.dispose()

    assert before == after
    assert not [row for row in before if row.grantee == "PUBLIC"]


def test_a_right_given_by_hand_is_taken_back(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.owner, pool_size=1)
    with engine.begin() as connection:
        connection.execute(text("grant update on audit_head to gfo_app"))
        apply_privileges(connection, app_role="gfo_app", auditor_role="gfo_auditor")
        grants = {tuple(row) for row in connection.execute(_GRANTS)}
    engine.dispose()

    assert ("gfo_app", "audit_head", "UPDATE") not in grants


def test_a_single_role_keeps_its_own_rights(database_urls: DatabaseUrls) -> None:
    engine = make_engine(database_urls.owner, pool_size=1)
    with engine.begin() as connection:
        apply_privileges(connection, app_role="gfo_owner", auditor_role="gfo_owner")
        connection.execute(text("update app_user set is_active = true"))
    engine.dispose()


@pytest.mark.parametrize("table", sorted(AUDITOR_HIDDEN_COLUMNS))
def test_secrets_and_model_bytes_are_hidden_from_the_auditor(
    filled_urls: DatabaseUrls, table: str
) -> None:
    engine = make_engine(filled_urls.auditor, pool_size=1)
    for column in AUDITOR_HIDDEN_COLUMNS[table]:
        for seen in (column, "*"):
            with engine.connect() as connection, pytest.raises(ProgrammingError):
                connection.execute(text(f"select {seen} from {table}"))  # noqa: S608
    with engine.connect() as connection:
        assert connection.scalar(text(f"select count(*) from {table}"))  # noqa: S608
    engine.dispose()


def test_the_auditor_reads_every_table(filled_urls: DatabaseUrls) -> None:
    engine = make_engine(filled_urls.auditor, pool_size=1)
    with engine.connect() as connection:
        for name, table in Base.metadata.tables.items():
            hidden = AUDITOR_HIDDEN_COLUMNS.get(name, frozenset())
            columns = ", ".join(c.name for c in table.columns if c.name not in hidden)
            rows = connection.execute(text(f"select {columns} from {name}"))  # noqa: S608
            assert rows.first() is not None, name
    engine.dispose()


def test_the_application_queues_runs_and_deletes_jobs(session: Session) -> None:
    session.execute(
        text(
            "select procrastinate_defer_jobs_v1(array[row('q', 't', 0, null, null,"
            " '{}', null)]::procrastinate_job_to_defer_v1[])"
        )
    )
    job = session.scalar(text("select (procrastinate_fetch_job_v2(null, null)).id"))
    session.execute(
        text("select procrastinate_finish_job_v1(:job, 'succeeded', true)"),
        {"job": job},
    )

    assert session.scalar(text("select count(*) from procrastinate_jobs")) == 0
