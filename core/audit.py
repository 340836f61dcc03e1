"""Events of the audit chain: what they record, canonical text, link hashes."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from numbers import Integral, Real
from typing import Any, TypeAlias
from uuid import UUID

from core.errors import InvalidInput

FORMAT_VERSION = 1
HASH_BYTES = 32
ANONYMOUS = "anonymous"
"""The actor of events by strangers."""

Canonical: TypeAlias = (
    "dict[str, Canonical] | list[Canonical] | str | int | bool | None"
)


class AuditAction(StrEnum):
    """What an audit event records."""

    INSTALLATION_STARTED = "installation_started"
    LOGIN_SUCCEEDED = "login_succeeded"
    LOGIN_FAILED = "login_failed"
    LOGGED_OUT = "logged_out"
    SESSION_ENDED = "session_ended"
    ACCESS_DENIED = "access_denied"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 -- the name of an event
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- the name of an event
    SECOND_FACTOR_ADDED = "second_factor_added"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    SECOND_FACTORS_RESET = "second_factors_reset"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    RECOVERY_CODE_USED = "recovery_code_used"
    USER_ADDED = "user_added"
    USER_ROLE_CHANGED = "user_role_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    API_TOKEN_MADE = "api_token_made"  # noqa: S105 -- the name of an event
    API_TOKEN_REVOKED = "api_token_revoked"  # noqa: S105 -- the name of an event
    TELEMETRY_IMPORTED = "telemetry_imported"
    TELEMETRY_GENERATED = "telemetry_generated"
    TELEMETRY_WITHDRAWN = "telemetry_withdrawn"
    TELEMETRY_ACCEPTED = "telemetry_accepted"
    TELEMETRY_JUDGED = "telemetry_judged"
    WEATHER_FORECASTS_IMPORTED = "weather_forecasts_imported"
    FEED_ADDED = "feed_added"
    FEED_CHANGED = "feed_changed"
    FEED_REMOVED = "feed_removed"
    FEED_FAILING = "feed_failing"
    FEED_RECOVERED = "feed_recovered"
    FEED_SWITCHED = "feed_switched"
    SUBSCRIPTION_ADDED = "subscription_added"
    SUBSCRIPTION_CHANGED = "subscription_changed"
    SUBSCRIPTION_REMOVED = "subscription_removed"
    SUBSCRIPTION_ROTATED = "subscription_rotated"
    SUBSCRIPTION_TESTED = "subscription_tested"
    SUBSCRIPTION_STOPPED = "subscription_stopped"
    DELIVERIES_REPLAYED = "deliveries_replayed"
    REGION_ADDED = "region_added"
    REGION_CHANGED = "region_changed"
    POLICY_CHANGED = "policy_changed"
    CHANGE_RULES_SET = "change_rules_set"
    APPROVAL_ASKED = "approval_asked"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_REFUSED = "approval_refused"
    MODEL_TRAINING_ASKED = "model_training_asked"
    HINDCASTS_ASKED = "hindcasts_asked"
    MODEL_UPLOADED = "model_uploaded"
    MODEL_ACCEPTED = "model_accepted"
    MODEL_REGISTERED = "model_registered"
    MODEL_VALIDATED = "model_validated"
    MODEL_REJECTED = "model_rejected"
    MODEL_EVALUATION_STARTED = "model_evaluation_started"
    MODEL_GATE_OVERRIDDEN = "model_gate_overridden"
    MODEL_ACTIVATED = "model_activated"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_AVAILABLE = "model_available"
    MODEL_IMPLAUSIBLE = "model_implausible"
    MODEL_COVERAGE_LOST = "model_coverage_lost"
    MODEL_SKILL_LOST = "model_skill_lost"
    MODEL_ALARM_CLEARED = "model_alarm_cleared"
    MODEL_EXPORTED = "model_exported"
    MODEL_SIGNED = "model_signed"
    SIGNING_KEY_PINNED = "signing_key_pinned"
    SIGNING_KEY_UNPINNED = "signing_key_unpinned"
    PLAN_FOUND = "plan_found"
    PLAN_RECORDED = "plan_recorded"
    PLAN_UNDONE = "plan_undone"
    PLAN_CHANGED = "plan_changed"
    DECISION_AUTOMATIC = "decision_automatic"
    DECISION_WHAT_IF = "decision_what_if"
    DECISION_RECORDED = "decision_recorded"
    DECISION_ACKNOWLEDGED = "decision_acknowledged"
    DECISION_IN_EFFECT = "decision_in_effect"
    DECISION_REFUSED = "decision_refused"
    DECISION_COMMENTED = "decision_commented"
    DECISION_JUDGED_AGAIN = "decision_judged_again"
    ALARM_RAISED = "alarm_raised"
    ALARM_CLEARED = "alarm_cleared"
    ALARM_ACKNOWLEDGED = "alarm_acknowledged"
    ALARM_SHELVED = "alarm_shelved"
    ALARM_UNSHELVED = "alarm_unshelved"
    ALARM_OUT_OF_SERVICE = "alarm_out_of_service"
    ALARM_BACK_IN_SERVICE = "alarm_back_in_service"
    ALARM_COMMENTED = "alarm_commented"
    SHIFT_HANDED_OVER = "shift_handed_over"
    AUDIT_EXPORTED = "audit_exported"
    ANCHORING_BEGUN = "anchoring_begun"
    CHAIN_CHECK_ASKED = "chain_check_asked"
    CHAIN_BROKEN = "chain_broken"
    RECORDS_PURGED = "records_purged"
    BACKUP_MADE = "backup_made"
    BACKUP_RESTORED = "backup_restored"
    RESTORE_DRILLED = "restore_drilled"
    JOB_RETRIED = "job_retried"
    VIEW_SAVED = "view_saved"
    VIEW_REMOVED = "view_removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """A link of the chain: the hashed payload, and the columns used for filtering.

    Attributes
    ----------
    seq : int
        Position in the chain, from 1, without gaps.
    previous_hash, hash : bytes, 32 bytes
        Of the event before (of the installation's id for the first), and of this one.
    payload : str
        Canonical text as it was hashed; it is never parsed and written again.
    """

    seq: int
    format_version: int
    previous_hash: bytes
    hash: bytes
    payload: str
    occurred_at_utc: datetime
    actor_id: int | None
    actor_name: str
    action: str
    object_type: str | None
    object_id: str | None
    request_id: str | None

    @property
    def hash_hex(self) -> str:
        """The hash in 64 hexadecimal digits."""
        return self.hash.hex()

    @property
    def after(self) -> dict[str, Any]:
        """What the event says of its object after the change; empty without."""
        return json.loads(self.payload).get("after") or {}


def canonical_json(value: object) -> str:
    """The one text of a record: what is hashed, stored and never written again.

    JSON with sorted keys, no white space, and ASCII only, so that no export, terminal
    or copy can change a byte. Numbers that are not whole become strings: floats their
    shortest form that reads back as the same float (`"35.1"`, `"NaN"`, `"Infinity"`,
    `"-Infinity"`), decimals their digits; a reader in another language then
    cannot round them. Instants are UTC with microseconds and `Z`.

    Raises
    ------
    InvalidInput
        For a key that is not text, an instant without a time zone, or a value of a
        kind that has no canonical form.

    Examples
    --------
    >>> canonical_json({"limit_c": 35.0, "bound_c": float("nan"), "n": 3})
    '{"bound_c":"NaN","limit_c":"35.0","n":3}'
    """
    return json.dumps(
        _canonical(value),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )


def instant_text(instant: datetime) -> str:
    """An instant as payloads write it.

    Examples
    --------
    >>> instant_text(datetime(2023, 8, 1, 5, tzinfo=UTC))
    '2023-08-01T05:00:00.000000Z'
    """
    if instant.tzinfo is None:
        message = f"{instant.isoformat()} has no time zone."
        raise InvalidInput(message)
    text = instant.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"


def genesis_hash(installation_id: UUID) -> bytes:
    """Previous hash of the first event: SHA-256 of the installation's id as text."""
    return hashlib.sha256(str(installation_id).encode("ascii")).digest()


def event_hash(version: int, previous_hash: bytes, seq: int, payload: str) -> bytes:
    """SHA-256 of version u8, previous hash 32 B, seq u64 big-endian, payload UTF-8.

    Raises
    ------
    InvalidInput
        When a part does not fit its field.
    """
    if not 0 <= version < 2**8 or not 0 <= seq < 2**64:
        message = f"Version {version} or sequence {seq} is out of range."
        raise InvalidInput(message)
    if len(previous_hash) != HASH_BYTES:
        message = f"A hash has {HASH_BYTES} bytes, not {len(previous_hash)}."
        raise InvalidInput(message)
    head = struct.pack(">B32sQ", version, previous_hash, seq)
    return hashlib.sha256(head + payload.encode("utf-8", "surrogatepass")).digest()


def _canonical(value: object) -> Canonical:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | float):  # most values: the questions below are slow
        return str(value) if isinstance(value, str) else _float_text(float(value))
    if isinstance(value, int | Integral):
        return int(value)
    if isinstance(value, dict | Mapping):
        return {_key(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | Sequence) and not isinstance(value, bytes | bytearray):
        return [_canonical(item) for item in value]
    return _scalar_text(value)


def _key(key: object) -> str:
    if not isinstance(key, str):
        message = f"A record's keys are text, not {type(key).__name__}."
        raise InvalidInput(message)
    return str(key)


def _scalar_text(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Real):
        return _float_text(float(value))
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    message = f"A value of type {type(value).__name__} has no canonical form."
    raise InvalidInput(message)


def _float_text(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
