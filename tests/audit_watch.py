"""A database that refuses every commit which changes something without its event.

Deferred triggers on every table look, at commit, for one of the events that tell of
such a change in the same transaction. A new table is watched from the day it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from core.audit import AuditAction

Action = AuditAction

_IMPORTS = {
    Action.TELEMETRY_IMPORTED,
    Action.TELEMETRY_GENERATED,
    Action.TELEMETRY_WITHDRAWN,
}
_UPLOADS = {Action.MODEL_UPLOADED, Action.MODEL_ACCEPTED, Action.MODEL_REJECTED}
_VERDICTS = {Action.MODEL_VALIDATED, Action.MODEL_REJECTED}
_DECISIONS = {
    Action.DECISION_AUTOMATIC,
    Action.DECISION_WHAT_IF,
    Action.DECISION_RECORDED,
}

_ALARM_CHANGES = {action for action in Action if action.value.startswith("alarm_")}

AUDITED_BY: Mapping[str, set[AuditAction]] = {
    "app_user": {
        Action.USER_ADDED,
        Action.USER_ROLE_CHANGED,
        Action.USER_DISABLED,
        Action.USER_ENABLED,
        Action.PASSWORD_CHANGED,
        Action.PASSWORD_RESET,
        Action.LOGIN_SUCCEEDED,  # a hash of older parameters is renewed
    },
    "user_session": {
        Action.LOGIN_SUCCEEDED,
        Action.LOGGED_OUT,
        Action.SESSION_ENDED,
        Action.PASSWORD_CHANGED,
        Action.PASSWORD_RESET,
        Action.USER_DISABLED,
        Action.USER_ROLE_CHANGED,
        Action.RECORDS_PURGED,
        Action.SECOND_FACTOR_ADDED,
        Action.SECOND_FACTOR_REMOVED,
        Action.SECOND_FACTORS_RESET,
    },
    "api_token": {
        Action.API_TOKEN_MADE,
        Action.API_TOKEN_REVOKED,
        Action.PASSWORD_RESET,
        Action.USER_DISABLED,
        Action.USER_ENABLED,
        Action.USER_ROLE_CHANGED,
    },
    "totp_secret": {
        Action.SECOND_FACTOR_ADDED,
        Action.SECOND_FACTOR_REMOVED,
        Action.SECOND_FACTORS_RESET,
        Action.LOGIN_SUCCEEDED,
    },
    "passkey": {
        Action.SECOND_FACTOR_ADDED,
        Action.SECOND_FACTOR_REMOVED,
        Action.SECOND_FACTORS_RESET,
        Action.LOGIN_SUCCEEDED,
    },
    "federated_identity": {Action.USER_ADDED},
    "recovery_code": {
        Action.RECOVERY_CODES_MADE,
        Action.RECOVERY_CODE_USED,
        Action.SECOND_FACTOR_REMOVED,
        Action.SECOND_FACTORS_RESET,
    },
    "known_device": {
        Action.SECOND_FACTORS_RESET,
        Action.LOGIN_SUCCEEDED,
        Action.PASSWORD_RESET,
        Action.USER_ENABLED,
    },
    "region": {Action.REGION_ADDED, Action.REGION_CHANGED},
    "policy": {Action.POLICY_CHANGED},
    "ingest_batch": _IMPORTS,
    "ingest_reject": _IMPORTS,
    "region_place": _IMPORTS,
    "telemetry": _IMPORTS,
    "telemetry_revision": _IMPORTS,
    "telemetry_finding": {
        *_IMPORTS,
        Action.TELEMETRY_ACCEPTED,
        Action.TELEMETRY_JUDGED,
    },
    "telemetry_acceptance": {Action.TELEMETRY_ACCEPTED},
    "weather_forecast": {Action.WEATHER_FORECASTS_IMPORTED},
    "feed": {
        Action.FEED_ADDED,
        Action.FEED_CHANGED,
        Action.FEED_REMOVED,
        Action.FEED_FAILING,
        Action.FEED_RECOVERED,
    },
    "feed_switch": {Action.FEED_SWITCHED},
    "delivery_subscription": {
        Action.SUBSCRIPTION_ADDED,
        Action.SUBSCRIPTION_CHANGED,
        Action.SUBSCRIPTION_REMOVED,
        Action.SUBSCRIPTION_ROTATED,
        Action.SUBSCRIPTION_STOPPED,
    },
    "model_version": {
        Action.MODEL_REGISTERED,
        Action.MODEL_GATE_OVERRIDDEN,
        *_VERDICTS,
    },
    "change_rules": {Action.CHANGE_RULES_SET},
    "approval_request": {Action.APPROVAL_ASKED},
    "approval_answer": {Action.APPROVAL_GIVEN, Action.APPROVAL_REFUSED},
    "signing_key": {Action.SIGNING_KEY_PINNED, Action.SIGNING_KEY_UNPINNED},
    "model_signature": {Action.MODEL_SIGNED},
    "model_activation": {Action.MODEL_ACTIVATED},
    "model_health": {
        Action.MODEL_UNAVAILABLE,
        Action.MODEL_AVAILABLE,
        Action.MODEL_ACTIVATED,
    },
    "model_alarm": {
        Action.MODEL_COVERAGE_LOST,
        Action.MODEL_SKILL_LOST,
        Action.MODEL_ALARM_CLEARED,
    },
    "model_upload": _UPLOADS,
    "model_upload_chunk": _UPLOADS,
    "model_evaluation": {Action.MODEL_EVALUATION_STARTED, *_VERDICTS},
    "plan": {Action.PLAN_FOUND},
    "decision": _DECISIONS,
    "decision_transfer": {Action.DECISION_RECORDED},
    "decision_term": {Action.DECISION_RECORDED},
    "decision_state": {
        Action.DECISION_ACKNOWLEDGED,
        Action.DECISION_IN_EFFECT,
        Action.DECISION_REFUSED,
    },
    "decision_comment": {Action.DECISION_COMMENTED},
    "alarm": _ALARM_CHANGES,
    "alarm_change": _ALARM_CHANGES,
    "shift_note": {Action.SHIFT_HANDED_OVER},
    "saved_view": {Action.VIEW_SAVED, Action.VIEW_REMOVED},
}
"""Each table of state, with the events of which one has to go along with a change."""

_COMPUTED = "computed from stored telemetry by a stored model, and can be again"
UNAUDITED: Mapping[str, str] = {
    "alembic_version": "the schema's revision, changed by migrations alone",
    "audit_event": "the events themselves",
    "audit_head": "moves with every event",
    "alarm_look": "when the worker looked last; what it found is audited",
    "chain_check": "what verifications found; it only grows, and changes nothing",
    "denial_count": "each finished minute of it becomes an event",
    "refused_person": "each finished minute of it becomes an event",
    "provider_keys": "public keys, as the identity provider published them",
    "logout_token": "that each token counts once; what it ended is audited",
    "login_limit": "counts of tries; failures become events by the minute",
    "forecast": f"{_COMPUTED}; the decisions that rest on it are audited",
    "forecast_mode": _COMPUTED,
    "forecast_input": "what the model was given; belongs to a forecast",
    "delivery": "each carries an audited event; that dead ones are replayed is audited",
    "delivery_attempt": "what receivers answered, which changes nothing here",
    "feed_answer": "what sources sent; the imports made of it are audited",
    "feed_progress": "how far a feed came; its imports and switches are audited",
    "feed_run": "the history of runs, which changes nothing; imports are audited",
    "handled_request": "answers; what was done for them is audited, so is a purge",
    "interval_calibration": _COMPUTED,
    "model_watch": f"{_COMPUTED}; alarms are audited, so is clearing one",
    "model_skill_watch": f"{_COMPUTED}; alarms are audited, so is clearing one",
    "plain_fit": _COMPUTED,
    "model_evaluation_region": "a part; its evaluation's begin and end are audited",
    "window_score": _COMPUTED,
    "setup_task": "how far work has come; asking for it and what it makes are audited",
    "closed_hint": "what one person wants to see of their own page",
}
UNAUDITED_PREFIX = "procrastinate_"
"""Queued jobs: what asked for one is audited, and so is what it did."""

UNAUDITED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "api_token": dict.fromkeys(
        ("last_used_at_utc", "minute_utc", "minute_count"),
        "noted with every request of the token; what it does is audited",
    ),
    "user_session": {
        "last_seen_at_utc": "noted every minute somebody acts",
        "refresh_token": "the provider gives a new one with each check",
        "checked_at_utc": "noted whenever the provider confirms a login",
    },
    "totp_secret": {"last_step": "a code that confirmed what is audited by itself"},
    "feed": dict.fromkeys(
        (
            *("next_run_at_utc", "run_count", "failures_in_a_row", "last_run_at_utc"),
            *("last_success_at_utc", "last_problem", "request_day"),
            *("requests_that_day", "quota_left", "known_answers"),
        ),
        "what a run leaves; a feed that begins to fail, or recovers, is audited",
    ),
    "alarm": dict.fromkeys(
        (
            *("sentence", "region_slugs", "ended_at_utc", "n_explained"),
            *("explained_by_kind", "explained_by_cause"),
        ),
        "what each look finds of an alarm that stays as it is",
    ),
    "delivery_subscription": dict.fromkeys(
        (
            *("leased_until_utc", "rest_until_utc", "failures_in_a_row"),
            *("last_tried_at_utc", "last_delivered_at_utc", "last_answer"),
        ),
        "what a try leaves; the events that are sent are audited",
    ),
    "model_upload": {"problem": "why a check has to be tried again; it is logged"},
}

_WATCH = """
create schema watch;
create function watch.note_event() returns trigger language plpgsql as $$
begin
    perform set_config('watch.told',
        coalesce(current_setting('watch.told', true), '') || ',' || new.action, true);
    return null;
end $$;
create function watch.require_event() returns trigger language plpgsql as $$
declare
    told text[] := string_to_array(current_setting('watch.told', true), ',');
    unaudited_columns text[] := tg_argv[1];
begin
    if tg_op = 'UPDATE' and (to_jsonb(old) - unaudited_columns)
            = (to_jsonb(new) - unaudited_columns) then
        return null;
    end if;
    if told is null or not told && tg_argv[0]::text[] then
        raise exception 'unaudited: % of % without one of %',
            lower(tg_op), tg_argv[2], tg_argv[0]
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end $$;
create trigger note_event after insert on audit_event
for each row execute function watch.note_event();
"""
_ON_TABLE = sql.SQL(
    "create constraint trigger watch_told after insert or update or delete on {table}"
    " deferrable initially deferred for each row"
    " execute function watch.require_event({told}, {unaudited_columns}, {name})"
)
_TABLES = """
select relname from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
  and not relispartition
"""


@dataclass(frozen=True, slots=True)
class WatchedTables:
    """What is watched, and what is not."""

    watched: set[str]
    left_out: set[str]


def watch(superuser_url: str) -> WatchedTables:
    """Watch every table of this database that is not left out with a reason."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute(_WATCH.encode())
        names = {str(name) for (name,) in connection.execute(_TABLES)}
        left_out = {
            n for n in names if n in UNAUDITED or n.startswith(UNAUDITED_PREFIX)
        }
        for name in names - left_out:
            told = sorted(action.value for action in AUDITED_BY.get(name, ()))
            statement = _ON_TABLE.format(
                table=sql.Identifier("public", name),
                told=sql.Literal("{" + ",".join(told) + "}"),
                unaudited_columns=sql.Literal(
                    "{" + ",".join(UNAUDITED_COLUMNS.get(name, ())) + "}"
                ),
                name=sql.Literal(name),
            )
            connection.execute(statement)
    return WatchedTables(watched=names - left_out, left_out=left_out)
