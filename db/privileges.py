"""What each database role may do: one table, applied after every migration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

JOB_QUEUE_PREFIX = "procrastinate_"

_APPEND = "select, insert"
_CHANGE = "select, insert, update"
_ANY = "select, insert, update, delete"

APP_GRANTS: Mapping[str, str] = {
    "alembic_version": "select",
    "app_user": _CHANGE,
    "user_session": _ANY,
    "api_token": "select, insert, update (last_used_at_utc, minute_utc, minute_count,"
    " revoked_at_utc)",
    "denial_count": _ANY,
    "login_limit": _ANY,
    "known_device": _ANY,
    "refused_person": _ANY,
    "totp_secret": _ANY,
    "passkey": _ANY,
    "federated_identity": _APPEND,
    "provider_keys": _CHANGE,
    "logout_token": "select, insert, delete",
    "recovery_code": "select, insert, delete",
    "region": _CHANGE,
    "policy": _APPEND,
    "ingest_batch": _CHANGE,
    "ingest_reject": _APPEND,
    "region_place": "select, insert, update, delete",
    "telemetry": _CHANGE,
    "telemetry_finding": "select, insert, delete",
    "telemetry_acceptance": _APPEND,
    "telemetry_revision": "select",  # its trigger writes, as the owner
    "model_version": "select, insert, update (state, rejected_reason)",
    "model_activation": _APPEND,
    "model_health": _CHANGE,
    "signing_key": "select, insert, update (unpinned_at_utc)",
    "model_signature": _APPEND,
    "model_watch": _ANY,
    "model_skill_watch": "select, insert, update (next_day_utc, evidence)",
    "model_alarm": "select, insert, update (cleared_at_utc)",
    "plain_fit": _ANY,
    "model_upload": _CHANGE,
    "model_upload_chunk": "select, insert, delete",
    "model_evaluation": _CHANGE,
    "model_evaluation_region": _APPEND,
    "weather_forecast": _APPEND,
    "interval_calibration": _APPEND,
    "forecast": _APPEND,
    "forecast_mode": _APPEND,
    "forecast_input": _APPEND,
    "window_score": _APPEND,
    "plan": _APPEND,
    "decision": _APPEND,
    "decision_transfer": _APPEND,
    "decision_state": _APPEND,
    "decision_comment": _APPEND,
    "decision_term": _APPEND,
    "audit_head": "select",  # its trigger writes, as the owner
    "audit_event": _APPEND,
    "chain_check": _APPEND,
    "handled_request": _APPEND,
    "change_rules": _APPEND,
    "approval_request": _APPEND,
    "approval_answer": _APPEND,
    "feed": _CHANGE,
    "feed_progress": _CHANGE,
    "feed_run": "select, insert, delete",
    "feed_answer": _ANY,
    "feed_switch": _APPEND,
    "alarm": _CHANGE,
    "alarm_change": _APPEND,
    "alarm_look": _CHANGE,
    "shift_note": _APPEND,
    "setup_task": _CHANGE,
    "closed_hint": "select, insert, delete",
    "saved_view": _ANY,
    "delivery_subscription": _CHANGE,
    "delivery": _ANY,
    "delivery_attempt": "select, insert, delete",
}
"""Rights of the application; it has none on a table that is not named here."""

AUDITOR_HIDDEN_COLUMNS: Mapping[str, frozenset[str]] = {
    "app_user": frozenset({"password_hash"}),
    "user_session": frozenset({"token_sha256", "refresh_token"}),
    "api_token": frozenset({"token_sha256"}),
    "known_device": frozenset({"token_sha256"}),
    "totp_secret": frozenset({"encrypted_secret"}),
    "recovery_code": frozenset({"code_sha256"}),
    "model_version": frozenset({"onnx_bytes"}),
    "model_upload_chunk": frozenset({"content"}),
    "delivery_subscription": frozenset({"secret", "former_secret"}),
}
"""The auditor reads everything but these."""

_APP_SEQUENCES = ("decision_id_seq", "forecast_id_seq")
"""Rows of these are copied with ids that were taken before; see `db.copying`."""

_APP_FUNCTIONS = (
    "ensure_telemetry_partitions(",
    "purge_handled_requests(",
    "forecasts_kept_since(",
    "retire_forecasts(",
)

_RELATIONS = text(
    """
    select relname, relkind from pg_class
    where relnamespace = 'public'::regnamespace
      and relkind in ('r', 'p', 'S') and not relispartition
    order by relname
    """
)
_COLUMNS = text(
    """
    select attname from pg_attribute
    where attrelid = to_regclass('public.' || quote_ident(:table))
      and attnum > 0 and not attisdropped
    order by attnum
    """
)
_FUNCTIONS = text(
    """
    select oid::regprocedure::text from pg_proc
    where pronamespace = 'public'::regnamespace and prokind = 'f' order by 1
    """
)


@dataclass(frozen=True, slots=True)
class _Relation:
    name: str
    is_sequence: bool

    @property
    def is_job_queue(self) -> bool:
        return self.name.startswith(JOB_QUEUE_PREFIX)


def apply_privileges(
    connection: Connection, *, app_role: str, auditor_role: str
) -> None:
    """Give both roles their rights and no others; the connection is the owner's.

    Idempotent. On a server with a single role nothing is revoked, because the owner
    would lose its own rights; the triggers still protect the append-only tables.
    """
    owner_role = connection.scalar(text("select current_user"))
    quote = connection.dialect.identifier_preparer.quote
    relations = [
        _Relation(name, kind == "S") for name, kind in connection.execute(_RELATIONS)
    ]
    functions = list(connection.scalars(_FUNCTIONS))
    statements = [*_close_to_everybody(functions)]
    if app_role != owner_role:
        statements += _reset(quote(app_role), relations, functions)
        statements += _app_statements(quote(app_role), relations, functions)
    if auditor_role not in {owner_role, app_role}:
        role = quote(auditor_role)
        statements += _reset(role, relations, functions)
        for relation in relations:
            if not relation.is_sequence:
                columns = _visible_columns(connection, relation.name)
                statements.append(f"grant select{columns} on {relation.name} to {role}")
    for statement in statements:
        connection.execute(text(statement))


def _close_to_everybody(functions: list[str]) -> list[str]:
    # PostgreSQL 14 lets everybody create tables in this schema. An owner without the
    # right to change that gets a warning only.
    statements = ["revoke create on schema public from public"]
    statements += [f"revoke all on function {name} from public" for name in functions]
    return statements


def _reset(role: str, relations: list[_Relation], functions: list[str]) -> list[str]:
    statements = [f"grant usage on schema public to {role}"]
    for relation in relations:
        kind = "sequence" if relation.is_sequence else "table"
        statements.append(f"revoke all on {kind} {relation.name} from {role}")
    statements += [f"revoke all on function {name} from {role}" for name in functions]
    return statements


def _app_statements(
    role: str, relations: list[_Relation], functions: list[str]
) -> list[str]:
    statements = []
    for relation in relations:
        if relation.is_sequence and (
            relation.is_job_queue or relation.name in _APP_SEQUENCES
        ):
            statements.append(f"grant usage on sequence {relation.name} to {role}")
        elif relation.is_job_queue:
            rights = "select, insert, update, delete"
            statements.append(f"grant {rights} on {relation.name} to {role}")
        elif relation.name in APP_GRANTS:
            rights = APP_GRANTS[relation.name]
            statements.append(f"grant {rights} on {relation.name} to {role}")
    statements += [
        f"grant execute on function {name} to {role}"
        for name in functions
        if name.startswith((JOB_QUEUE_PREFIX, *_APP_FUNCTIONS))
    ]
    return statements


def _visible_columns(connection: Connection, table: str) -> str:
    hidden = AUDITOR_HIDDEN_COLUMNS.get(table)
    if not hidden:
        return ""
    columns = connection.scalars(_COLUMNS, {"table": table})
    return f" ({', '.join(name for name in columns if name not in hidden)})"
