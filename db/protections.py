"""Checks for `gfo doctor` that the append-only tables are protected."""

from __future__ import annotations

from sqlalchemy import Connection, text

APPEND_ONLY_TABLES = (
    "audit_event",
    "audit_head",
    "chain_check",
    "decision",
    "decision_comment",
    "decision_state",
    "decision_term",
    "decision_transfer",
    "feed_switch",
    "forecast",
    "forecast_input",
    "forecast_mode",
    "handled_request",
    "interval_calibration",
    "model_activation",
    "model_evaluation_region",
    "plan",
    "policy",
    "telemetry_revision",
    "weather_forecast",
    "window_score",
)

_RIGHTS = text(
    """
    select has_table_privilege(current_user, cast(:name as text), 'update')
        or has_table_privilege(current_user, cast(:name as text), 'delete')
        or has_table_privilege(current_user, cast(:name as text), 'truncate')
    """
)
_GUARDS = text(
    """
    select count(*) from pg_trigger
    where tgrelid = cast(:name as regclass) and not tgisinternal
      and tgenabled in ('O', 'A') and (tgtype::integer & (8 | 16 | 32)) <> 0
    """
)
_PROTECTED = text(
    """
    select ssl or inet_client_addr() is null
        or inet_client_addr() <<= inet '127.0.0.0/8'
        or inet_client_addr() = inet '::1'
    from pg_stat_ssl where pid = pg_backend_pid()
    """
)


def missing_protections(connection: Connection) -> list[str]:
    """What lets the current role rewrite history, in sentences; empty when nothing."""
    missing = []
    for name in APPEND_ONLY_TABLES:
        if not connection.scalar(_GUARDS, {"name": name}):
            missing.append(f"{name} has no trigger that refuses changes")
        if connection.scalar(_RIGHTS, {"name": name}):
            missing.append(
                f"the portal's role may change {name}; give it a role of its own"
                " (DATABASE_OWNER_URL apart from DATABASE_URL)"
            )
    return missing


def is_connection_protected(connection: Connection) -> bool:
    """Whether this connection is encrypted or does not leave the machine."""
    return bool(connection.scalar(_PROTECTED))
