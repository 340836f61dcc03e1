"""History cannot be changed, neither by the application nor by the schema's owner."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from db.engine import DatabaseUrls, make_engine

# Each with a column to change.
APPEND_ONLY = {
    "policy": "reason",
    "telemetry_revision": "region_id",
    "telemetry_acceptance": "reason",
    "model_activation": "reason",
    "interval_calibration": "quantile",
    "forecast": "refusal_text",
    "forecast_input": "features",
    "window_score": "score",
    "plan": "code_version",
    "decision": "comment",
    "decision_transfer": "moved_mw",
    "decision_state": "reason",
    "decision_comment": "comment",
    "decision_term": "ends_at_utc",
    "feed_switch": "reason",
    "alarm_change": "sentence",
    "shift_note": "note",
    "audit_event": "payload",
    "chain_check": "reason",
    "handled_request": "answer",
    "change_rules": "reason",
    "approval_request": "effects",
    "approval_answer": "is_approved",
    "model_signature": "signature",
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


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("update audit_head set seq = 0", "moves only with an event"),
        ("update audit_head set seq = seq + 1", "moves only with an event"),
        ("delete from audit_head", "moves only with an event"),
        ("truncate audit_head", "append-only"),
        ("update model_version set onnx_bytes = '\\x01'", "append-only"),
        ("update model_version set onnx_sha256 = repeat('1', 64)", "append-only"),
        ("delete from model_version", "still referenced|violates foreign key"),
        ("delete from region", "still referenced|violates foreign key"),
        ("delete from app_user where id = 1", "violates foreign key"),
    ],
)
def test_what_history_rests_on_is_kept_from_the_owner_too(
    filled_urls: DatabaseUrls, statement: str, refusal: str
) -> None:
    with pytest.raises(DBAPIError, match=refusal):
        run(filled_urls.owner, statement)


def test_a_decision_without_its_event_is_not_committed(
    filled_urls: DatabaseUrls,
) -> None:
    copy = (
        "insert into decision (kind, request_id, actor_id, source_region_id, shift_pct,"
        " local_day, window_start_utc, window_end_utc, is_simulated, outcome,"
        " reason_code, reason_text, risk_level, recommendations, thermal_limit_c,"
        " confidence, inputs_text, inputs_sha256, code_version)"
        " select 'recorded', gen_random_uuid(), actor_id, source_region_id, shift_pct,"
        " local_day, window_start_utc, window_end_utc, is_simulated, outcome,"
        " reason_code, reason_text, risk_level, recommendations, thermal_limit_c,"
        " confidence, inputs_text, inputs_sha256, code_version from decision"
    )
    for url in (filled_urls.app, filled_urls.owner):
        with pytest.raises(DBAPIError, match="has no audit event"):
            run(url, copy)


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


def test_answers_of_requests_are_deleted_after_thirty_days_and_no_earlier(
    filled_urls: DatabaseUrls,
) -> None:
    run(
        filled_urls.owner,
        "insert into handled_request (request_id, actor_id, operation, body_sha256,"
        " answer, created_at_utc) select gen_random_uuid(), 1, 'x', repeat('a', 64),"
        " '', now() - days * interval '1 day' from unnest(array[29, 31]) as days",
    )
    engine = make_engine(filled_urls.app, pool_size=1)
    with engine.begin() as connection:
        assert connection.scalar(text("select purge_handled_requests()")) == 1
        assert connection.scalar(text("select count(*) from handled_request")) == 2
    engine.dispose()
