"""History cannot be changed, neither by the application nor by the schema's owner."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db.engine import DatabaseUrls, make_engine

# Each with a column to change.
APPEND_ONLY = {
    "policy": "reason",
    "telemetry_revision": "region_id",
    "model_activation": "reason",
    "interval_calibration": "quantile",
    "forecast": "refusal_text",
    "forecast_hour": "mean",
    "window_score": "score",
    "plan": "code_version",
    "decision": "comment",
    "decision_transfer": "moved_mw",
    "audit_event": "payload",
}

CHANGES = (
    "update {table} set {column} = {column}",
    "delete from {table}",
    "truncate {table} cascade",
)


def run(url: str, statement: str) -> None:
    engine = make_engine(url, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def statements(table: str) -> list[str]:
    column = APPEND_ONLY[table]
    return [change.format(table=table, column=column) for change in CHANGES]


def test_every_change_is_refused_to_the_application(filled_urls: DatabaseUrls) -> None:
    for table in APPEND_ONLY:
        for statement in statements(table):
            with pytest.raises(ProgrammingError, match="permission denied"):
                run(filled_urls.app, statement)


def test_every_change_is_refused_to_the_owner(filled_urls: DatabaseUrls) -> None:
    for table in APPEND_ONLY:
        for statement in statements(table):
            with pytest.raises(ProgrammingError, match="append-only"):
                run(filled_urls.owner, statement)


def test_every_change_is_refused_to_the_auditor(filled_urls: DatabaseUrls) -> None:
    for table in APPEND_ONLY:
        for statement in (*statements(table), f"insert into {table} default values"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                run(filled_urls.auditor, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_head set seq = 0",
        "delete from audit_head",
        "select * from audit_head for update",
        "alter table audit_event disable trigger all",
        "drop trigger link_event on audit_event",
        "insert into telemetry_revision default values",
        "delete from telemetry",
        "delete from app_user",
        "update model_version set onnx_bytes = '\\x01'",
        "update model_version set onnx_sha256 = ''",
        "delete from model_version",
        "create table mine (id int)",
        "drop table telemetry",
        "alter table telemetry detach partition telemetry_2023_08",
        "drop table telemetry_2023_08",
        "set session_replication_role = replica",
        "set role gfo_owner",
    ],
)
def test_the_application_has_no_way_around(
    filled_urls: DatabaseUrls, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        run(filled_urls.app, statement)
