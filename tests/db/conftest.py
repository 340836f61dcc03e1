"""A database with a row in every table; folders for embedded servers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.audit import AuditAction
from db.audit_append import append_event
from db.engine import DatabaseUrls, libpq_url, make_engine
from db.local_server import LocalServer

# In the order of the foreign keys; every statement makes exactly one row.
FILL = (
    "insert into app_user (name, role, password_hash) values ('ada', 'admin', 'x')",
    """insert into user_session (token_sha256, user_id, expires_at_utc)
        values (repeat('0', 64), 1, now() + interval '1 hour')""",
    """insert into denial_count (address, minute_utc, kind, count)
        values ('192.0.2.7', '2025-01-01T00:00Z', 'login', 3)""",
    """insert into login_limit (subject, place, try_count, last_at_utc, open_at_utc)
        values ('user:1', '192.0.2.7', 3, '2025-01-01T00:00Z', '2025-01-01T00:00Z')""",
    """insert into known_device (token_sha256, user_id, last_used_at_utc)
        values (repeat('0', 64), 1, '2025-01-01T00:00Z')""",
    """insert into refused_person (user_id, minute_utc, wanted, count)
        values (1, '2025-01-01T00:00Z', '/users', 3)""",
    """insert into totp_secret (user_id, encrypted_secret, last_step, created_at_utc)
        values (1, 'x', 7, '2025-01-01T00:00Z')""",
    """insert into passkey (user_id, label, rp_id, credential_id, public_key,
        sign_count, created_at_utc)
        values (1, 'key', 'localhost', 'a', 'b', 0, '2025-01-01T00:00Z')""",
    """insert into provider_keys (issuer, jwks, fetched_at_utc)
       values ('https://id.example', '{}', now())""",
    """insert into logout_token (issuer, jti, expires_at_utc)
       values ('https://id.example', 'a', now())""",
    """insert into change_rules (two_people, signed_models_only, reason, created_by_id)
       values (true, true, 'test', 1)""",
    """insert into api_token (name, token_sha256, user_id, scopes, created_by_id,
        created_at_utc, expires_at_utc)
    values ('a script', repeat('e', 64), 1, '{read}', 1, now(), now() + interval '1 h')
    """,
    """insert into approval_request (act, arguments, effects, asked_by_id, asked_at_utc,
       expires_at_utc) values ('x.y', '{}', '[]', 1, now(), now() + interval '1 h')""",
    """insert into approval_answer (approval_id, is_approved, answered_by_id,
       answered_at_utc) values (1, true, 2, now())""",
    """insert into signing_key (name, public_key, pinned_by_id, pinned_at_utc)
       values ('k', decode(repeat('ab', 32), 'hex'), 1, now())""",
    """insert into model_signature (content_sha256, signing_key_id, signature,
       given_by_id, given_at_utc) values (repeat('a', 64), 1,
       decode(repeat('ab', 64), 'hex'), 1, now())""",
    """insert into federated_identity (issuer, subject, user_id, created_at_utc)
        values ('https://id.example', 'ada', 1, '2025-01-01T00:00Z')""",
    """insert into recovery_code (user_id, code_sha256)
        values (1, repeat('0', 64))""",
    """insert into region (slug, name, time_zone, latitude_deg, longitude_deg,
        cooling_type, overhead_frac, chiller_cop, economiser_full_c, economiser_none_c,
        wue_air_l_per_kwh, adiabatic_switch_c, it_capacity_mw, flexible_load_frac,
        grid_water_l_per_kwh, colour)
        values ('US-TEX', 'Texas', 'America/Chicago', 31, -99, 'air', 0.1, 4, 10, 20,
        0, 25, 100, 0.4, 1.5, '#1f77b4')""",
    """insert into policy (version, thermal_limit_c, confidence,
        cooling_factor_c_per_pct, telemetry_max_age_h, created_by_id)
        values (1, 35, 0.95, 0.05, 3, 1)""",
    """insert into ingest_batch (source_label, format, content_sha256, origin,
        region_slugs, quantities, rows_read, rows_inserted, rows_updated,
        rows_unchanged, rows_refused, actor_id)
        values ('a.csv', 'csv', repeat('0', 64), 'measured', '{US-TEX}',
        '{temperature_c}', 2, 1, 0, 0, 1, 1)""",
    """insert into region_place (region_id, format, place, batch_id)
        values (1, 'electricity-maps', 'US-TEX-ERCO', 1)""",
    """insert into ingest_reject (batch_id, line_number, reason_code, reason, raw_text)
        values (1, 2, 'range', 'too hot', '999')""",
    "select ensure_telemetry_partitions('2023-08-01Z', '2023-09-01Z')",
    """insert into telemetry (region_id, hour_utc, batch_id, temperature_c)
        values (1, '2023-08-01 05:00Z', 1, 30)""",
    "update telemetry set temperature_c = 31",
    """insert into telemetry_finding (region_id, hour_utc, quantity, quality, rule,
        value, judged_at_utc)
    values (1, '2023-08-01Z', 'temperature_c', 'suspect', 'step', 31, now())""",
    """insert into telemetry_acceptance (region_id, quantity, start_utc, end_utc,
        newest_batch_id, hour_count, reason, actor_id)
    values (1, 'temperature_c', '2023-08-01Z', '2023-08-02Z', 1, 1, 'a front', 1)""",
    """insert into model_version (target, family, onnx_sha256, onnx_bytes,
        contract_version, feature_names, region_slugs, horizon_h, trained_from_utc,
        trained_until_utc, metrics, state, code_version, created_by_id)
        values ('temperature_c', 'ridge', repeat('0', 64), '\\x00', 1, '{a}',
        '{US-TEX}', 24, '2021-01-01Z', '2022-01-01Z', '{}', 'validated', '0.1.0', 1)""",
    """insert into model_activation (target, model_version_id, reason, actor_id)
        values ('temperature_c', 1, 'first', 1)""",
    "insert into model_health (target, is_available) values ('temperature_c', true)",
    """insert into model_watch (region_id, model_version_id, local_issue_hour,
        last_issued_at_utc, score_evidence, miss_evidence)
        values (1, 1, 0, '2023-08-01 05:00Z', 2.5, 0.5)""",
    """insert into model_alarm (region_id, model_version_id, evidence)
        values (1, 1, 4000)""",
    """insert into plain_fit (region_id, issue_hour_utc, uses_runs, week_start_utc,
        content) values (1, 5, false, '2023-08-01 00:00Z', '\\x00')""",
    """insert into model_upload (content_sha256, size_bytes, file_label, state,
        uploaded_by_id) values (repeat('0', 64), 1, 'a.onnx', 'quarantined', 1)""",
    """insert into model_upload_chunk (upload_id, position, content)
        values (1, 0, '\\x00')""",
    """insert into model_evaluation (model_version_id, from_utc, until_utc,
        region_slugs, state, findings, requested_by_id)
        values (1, '2022-01-01Z', '2023-01-01Z', '{US-TEX}', 'running', '{}', 1)""",
    """insert into model_evaluation_region (evaluation_id, region_slug, figures)
        values (1, 'US-TEX', '{}')""",
    """insert into interval_calibration (model_version_id, region_id, confidence,
        quantile, score_count, first_issue_utc, last_issue_utc)
        values (1, 1, 0.95, 1.5, 90, '2022-01-01Z', '2022-04-01Z')""",
    """insert into forecast (region_id, target, issued_at_utc, kind, status,
        model_version_id, interval_calibration_id, mean, scale, exact_hours)
        values (1, 'temperature_c', '2023-08-01 05:00Z', 'live', 'issued', 1, 1,
        array_fill(30.1::float8, array[24]), array_fill(0.3::float8, array[24]),
        array_fill(30.1::float8, array[24]) || array_fill(0.3::float8, array[24]))""",
    """insert into forecast_mode (forecast_id, input_mode, mean, scale)
        values (1, 'run_12h', array_fill(30.0::float8, array[24]),
        array_fill(1.0::float8, array[24]))""",
    """insert into weather_forecast (region_id, source, model, member, quantity,
        issued_at_utc, known_at_utc, first_lead_h, hourly_values)
        values (1, 'file', 'gfs', '', 'temperature_c', '2023-08-01 00:00Z',
        '2023-08-01 00:20Z', 1, '{30, null, 31}')""",
    """insert into forecast_input (forecast_id, region_index, features)
        values (1, 0, '\\x00000000')""",
    """insert into window_score (region_id, model_version_id, issued_at_utc,
        local_issue_hour, day_max_c, score, hours)
        values (1, 1, '2023-08-01 05:00Z', 0, 38, 0.5,
        '\\x0000f0410000803f00000000')""",
    """insert into decision (kind, request_id, actor_id, source_region_id, shift_pct,
        local_day, window_start_utc, window_end_utc, is_simulated, outcome, reason_code,
        reason_text, risk_level, recommendations, thermal_limit_c, confidence,
        inputs_text, inputs_sha256, code_version)
        values ('automatic', gen_random_uuid(), 1, 1, 0, '2023-08-01',
        '2023-08-01 05:00Z', '2023-08-02 05:00Z', true, 'BLOCKED', 'above_limit',
        'above', 'high', '{shift}', 35, 0.95, '{}', repeat('0', 64), '0.1.0')""",
    """insert into region (slug, name, time_zone, latitude_deg, longitude_deg,
        cooling_type, overhead_frac, chiller_cop, economiser_full_c, economiser_none_c,
        wue_air_l_per_kwh, adiabatic_switch_c, it_capacity_mw, flexible_load_frac,
        grid_water_l_per_kwh, colour)
        values ('SG', 'Singapore', 'Asia/Singapore', 1, 104, 'hybrid', 0.1, 4, 10, 20,
        0, 25, 100, 0.4, 1.5, '#1f77b4')""",
    """insert into decision_transfer (decision_id, hour_utc, source_region_id,
        target_region_id, moved_mw) values (1, '2023-08-01 05:00Z', 1, 2, 3)""",
    """insert into decision_state (decision_id, state, actor_id)
        values (1, 'acknowledged', 1)""",
    "insert into decision_comment (decision_id, actor_id, comment) values (1, 1, 'x')",
    "insert into decision_term (decision_id) values (1)",
    """insert into plan (request_id, actor_id, anchor_region_id, local_day,
        window_start_utc, window_end_utc, is_simulated, result, inputs_text,
        inputs_sha256, code_version)
        values (gen_random_uuid(), 1, 1, '2023-08-01', '2023-08-01 05:00Z',
        '2023-08-02 05:00Z', false, '{}', '{}', repeat('0', 64), '0.1.0')""",
    """insert into chain_check (scope, event_count, duration_s)
        values ('whole', 0, 0.1)""",
    """insert into handled_request (request_id, actor_id, operation, body_sha256,
        answer) values (gen_random_uuid(), 1, 'record', repeat('0', 64), '1')""",
    """insert into feed (name, kind, address, regions, options, quantities,
        private_hosts, every_min, priority, stale_after_h, backfill_h, next_run_at_utc)
        values ('grid', 'uk-carbon-intensity', 'https://example.org', '{}', '{}',
        '{carbon_intensity_gco2_kwh}', '{}', 60, 1, 3, 72, '2025-01-01T00:00Z')""",
    "insert into feed_progress (feed_id, region_id) values (1, 1)",
    """insert into feed_run (feed_id, started_at_utc, ended_at_utc, outcome, requests,
        received_bytes, hours_stored, batch_ids, answer_sha256s) values (1,
        '2025-01-01T00:00Z', '2025-01-01T00:00Z', 'stored', 1, 2, 1, '{1}', '{}')""",
    """insert into feed_answer (sha256, packed, size_bytes, last_seen_at_utc)
        values (repeat('0', 64), 'x', 1, '2025-01-01T00:00Z')""",
    """insert into feed_switch (region_id, quantity, feed_id, at_utc, reason)
        values (1, 'carbon_intensity_gco2_kwh', 1, '2025-01-01T00:00Z', 'first')""",
    """insert into alarm (kind, cause, sentence, region_slugs, since_utc,
        raised_at_utc) values ('breach_now', 'region:SG', 'hot', '{SG}',
        '2025-01-01T00:00Z', '2025-01-01T00:00Z')""",
    """insert into alarm_change (alarm_id, change, at_utc)
        values (1, 'raised', '2025-01-01T00:00Z')""",
    "insert into alarm_look (id, looked_at_utc) values (1, '2025-01-01T00:00Z')",
    """insert into shift_note (actor_id, start_utc, end_utc, note, alarms,
        decision_ids) values (1, '2025-01-01T00:00Z', '2025-01-01T08:00Z', 'quiet',
        '["hot"]', '{1}')""",
    """insert into delivery_subscription (name, channel, recipients, kinds, regions,
        private_hosts) values ('digest', 'mail', '{a@example.com}', '{digest.daily}',
        '{}', '{}')""",
    """insert into delivery (subscription_id, digest_day, kind, order_key,
        waiting_since_utc, due_at_utc) values (1, '2025-01-01', 'digest.daily', '',
        '2025-01-01T00:00Z', '2025-01-01T00:00Z')""",
    """insert into delivery_attempt (delivery_id, at_utc, duration_ms, is_delivered,
        answer) values (1, '2025-01-01T00:00Z', 1, true, 'Taken.')""",
    """insert into setup_task (name, state, step, done_s, total_s, started_at_utc,
        updated_at_utc) values ('demo', 'done', 'All of it.', 1, 1,
        '2025-01-01T00:00Z', '2025-01-01T00:00Z')""",
    "insert into closed_hint (user_id, name) values (1, 'setup-checklist')",
    "insert into model_skill_watch (model_version_id, next_day_utc) values (1, now())",
    "insert into saved_view (user_id, name, address) values (1, 'Hot', '/?span=7')",
    """insert into procrastinate_jobs (queue_name, task_name) values ('q', 't')""",
)


@pytest.fixture
def filled_urls(database_urls: DatabaseUrls) -> DatabaseUrls:
    """A database of this test's own; the application filled every table of it."""
    engine = make_engine(database_urls.app, pool_size=1)
    actor = Actor(user_id=1, name="worker", role=Role.ADMIN)
    with Session(engine) as session, session.begin():
        for statement in FILL:
            session.execute(text(statement))
        append_event(
            session,
            actor=actor,
            action=AuditAction.DECISION_AUTOMATIC,
            object_type="decision",
            object_id="1",
        )
    engine.dispose()
    return database_urls


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """An empty data folder that every user can pass, with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="gfo-server-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A data folder whose cluster is made and stopped; its tests leave it startable."""
    folder = Path(tempfile.mkdtemp(prefix="gfo-created-"))
    folder.chmod(0o755)
    with LocalServer.own(folder):
        pass
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def execute() -> Callable[[str, str], list[tuple[object, ...]]]:
    """Runs one statement on a connection of its own and commits."""

    def run(url: str, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(libpq_url(url)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return run
