"""The only ORM classes. One row per fact; the database keeps the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Text,
    TextClause,
    TypeDecorator,
    UniqueConstraint,
    cast,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.forecasts import InputMode
from core.telemetry import DEFINITIONS, Quantity

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

NOW = text("now()")


class Base(DeclarativeBase):
    """Declarative base with explicit constraint names and plain column types."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads this class attribute
        datetime: DateTime(timezone=True),
        date: Date,
        float: Double,
        str: Text,
        bytes: LargeBinary,
        Decimal: Numeric(6, 5),
        UUID: postgresql.UUID(as_uuid=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
    }


class Singles(TypeDecorator[list[float]]):
    """An array of `real`, read as the doubles that it holds, to the bit.

    Its text has only the digits that tell it from other singles.
    """

    impl = ARRAY(REAL)
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Cast where the numbers are, not from their text."""
        return cast(column, ARRAY(Double))


def _big_id() -> Mapped[int]:
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)


class UserRow(Base):
    """People and system users, which cannot log in: processes and service accounts."""

    __tablename__ = "app_user"
    __table_args__ = (
        CheckConstraint("role in ('auditor', 'operator', 'admin')", name="role"),
        CheckConstraint(
            "(password_hash is null) = is_system", name="system_has_no_password"
        ),
        CheckConstraint("name = btrim(name) and name <> ''", name="name_trimmed"),
        CheckConstraint("is_system or not is_service", name="service_is_system"),
        Index("uq_app_user_name_lower", text("lower(name)"), unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str]
    password_hash: Mapped[str | None]
    is_system: Mapped[bool] = mapped_column(server_default=text("false"))
    is_service: Mapped[bool] = mapped_column(server_default=text("false"))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    must_change_password: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    one_time_until_utc: Mapped[datetime | None]


class SessionRow(Base):
    """A login; the cookie holds a random token, this table its SHA-256."""

    __tablename__ = "user_session"
    __table_args__ = (
        CheckConstraint("length(token_sha256) = 64", name="token_sha256_length"),
        CheckConstraint("expires_at_utc > created_at_utc", name="expires_later"),
        Index("ix_user_session_user_id", "user_id"),
    )

    id: Mapped[int] = _big_id()
    token_sha256: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    last_seen_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    expires_at_utc: Mapped[datetime]
    ended_at_utc: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    proved_at_utc: Mapped[datetime | None]
    provider_sid: Mapped[str | None]
    refresh_token: Mapped[str | None]
    checked_at_utc: Mapped[datetime | None]
    address: Mapped[str | None]
    user_agent: Mapped[str | None] = mapped_column(String(300))


class ApiTokenRow(Base):
    """A token of an account for the API; the table holds its SHA-256.

    `minute_count` counts its requests in the minute `minute_utc`.
    """

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("length(token_sha256) = 64", name="token_sha256_length"),
        CheckConstraint("name = btrim(name) and name <> ''", name="name_trimmed"),
        CheckConstraint(
            "cardinality(scopes) > 0 and scopes <@ array['read', 'decide',"
            " 'telemetry', 'models', 'audit', 'admin', 'approve']",
            name="scopes",
        ),
        CheckConstraint("expires_at_utc > created_at_utc", name="expires_later"),
        Index("ix_api_token_user_id", "user_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    token_sha256: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    scopes: Mapped[list[str]]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime]
    expires_at_utc: Mapped[datetime]
    last_used_at_utc: Mapped[datetime | None]
    minute_utc: Mapped[datetime | None]
    minute_count: Mapped[int] = mapped_column(server_default=text("0"))
    revoked_at_utc: Mapped[datetime | None]


class DenialCountRow(Base):
    """How often an address was refused in a minute; feeds limits and the audit."""

    __tablename__ = "denial_count"
    __table_args__ = (
        CheckConstraint("kind in ('login', 'access', 'account')", name="kind"),
        CheckConstraint("count > 0", name="count_positive"),
    )

    address: Mapped[str] = mapped_column(primary_key=True)
    minute_utc: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    is_reported: Mapped[bool] = mapped_column(server_default=text("false"))


class LoginLimitRow(Base):
    """Tries of a subject at a place, counted before they are evaluated."""

    __tablename__ = "login_limit"
    __table_args__ = (CheckConstraint("try_count >= 0", name="count_positive"),)

    subject: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    try_count: Mapped[int]
    last_at_utc: Mapped[datetime]
    open_at_utc: Mapped[datetime]


class KnownDeviceRow(Base):
    """A browser in which a person has logged in; its cookie holds a random token."""

    __tablename__ = "known_device"
    __table_args__ = (
        CheckConstraint("length(token_sha256) = 64", name="token_sha256_length"),
    )

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    last_used_at_utc: Mapped[datetime]


class TotpSecretRow(Base):
    """The secret of a person's authenticator app, encrypted outside the database."""

    __tablename__ = "totp_secret"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("app_user.id"), primary_key=True, autoincrement=False
    )
    encrypted_secret: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger)
    created_at_utc: Mapped[datetime]


class PasskeyRow(Base):
    """A public key that an authenticator made for a person and a host."""

    __tablename__ = "passkey"
    __table_args__ = (Index("ix_passkey_user_id", "user_id"),)

    id: Mapped[int] = _big_id()
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    label: Mapped[str] = mapped_column(String(80))
    rp_id: Mapped[str]
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    created_at_utc: Mapped[datetime]
    last_used_at_utc: Mapped[datetime | None]


class FederatedIdentityRow(Base):
    """Whom an identity provider means by a subject; that account has no password."""

    __tablename__ = "federated_identity"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), unique=True)
    created_at_utc: Mapped[datetime]


class ProviderKeysRow(Base):
    """The public keys of the identity provider, as it last published them."""

    __tablename__ = "provider_keys"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    jwks: Mapped[dict[str, Any]]
    fetched_at_utc: Mapped[datetime]


class LogoutTokenRow(Base):
    """A logout token of the identity provider; each counts once."""

    __tablename__ = "logout_token"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at_utc: Mapped[datetime]


class RecoveryCodeRow(Base):
    """A code that logs in once where the second factor is lost, stored hashed."""

    __tablename__ = "recovery_code"
    __table_args__ = (
        CheckConstraint("length(code_sha256) = 64", name="code_sha256_length"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    code_sha256: Mapped[str] = mapped_column(primary_key=True)


class RefusedPersonRow(Base):
    """How often a person was refused something in a minute; feeds the audit."""

    __tablename__ = "refused_person"
    __table_args__ = (CheckConstraint("count > 0", name="count_positive"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    minute_utc: Mapped[datetime] = mapped_column(primary_key=True)
    wanted: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str | None]
    count: Mapped[int]
    is_reported: Mapped[bool] = mapped_column(server_default=text("false"))


class RegionRow(Base):
    """A region; limits and factors live in `policy`, the rest of its facts here."""

    __tablename__ = "region"
    __table_args__ = (
        CheckConstraint(
            "cooling_type in ('evaporative', 'air', 'hybrid', 'adiabatic')",
            name="cooling_type",
        ),
        CheckConstraint("latitude_deg between -90 and 90", name="latitude"),
        CheckConstraint("longitude_deg between -180 and 180", name="longitude"),
        CheckConstraint(
            "it_capacity_mw > 0 and it_capacity_mw <= 100000", name="capacity_positive"
        ),
        CheckConstraint("flexible_load_frac between 0 and 1", name="flexible_frac"),
        CheckConstraint("grid_water_l_per_kwh between 0 and 100", name="grid_water"),
        CheckConstraint("grid_hydro_frac between 0 and 1", name="grid_hydro"),
        CheckConstraint("overhead_frac between 0 and 1", name="overhead_frac"),
        CheckConstraint("chiller_cop between 0.5 and 50", name="chiller_cop"),
        CheckConstraint(
            "economiser_full_c < economiser_none_c and economiser_none_c <= 60",
            name="economiser_band",
        ),
        CheckConstraint("wue_air_l_per_kwh between 0 and 10", name="wue_air"),
        CheckConstraint("colour ~ '^#[0-9a-fA-F]{6}$'", name="colour"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    slug: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    time_zone: Mapped[str]
    latitude_deg: Mapped[float]
    longitude_deg: Mapped[float]
    cooling_type: Mapped[str]
    overhead_frac: Mapped[float]
    chiller_cop: Mapped[float]
    economiser_full_c: Mapped[float]
    economiser_none_c: Mapped[float]
    wue_air_l_per_kwh: Mapped[float]
    adiabatic_switch_c: Mapped[float]
    it_capacity_mw: Mapped[float]
    flexible_load_frac: Mapped[float]
    grid_water_l_per_kwh: Mapped[float]
    grid_hydro_frac: Mapped[float] = mapped_column(server_default=text("0"))
    colour: Mapped[str]
    is_synthetic: Mapped[bool] = mapped_column(server_default=text("false"))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class PolicyRow(Base):
    """A version of the policy; fleet rows are complete, region rows override fields."""

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint("thermal_limit_c between -50 and 100", name="thermal_limit"),
        CheckConstraint("confidence between 0.5 and 0.99", name="confidence"),
        CheckConstraint("cooling_factor_c_per_pct between 0 and 1", name="cooling"),
        CheckConstraint(
            "telemetry_max_age_h between 0.1 and 168", name="telemetry_max_age"
        ),
        CheckConstraint(
            "migration_energy_frac between 0 and 1", name="migration_energy"
        ),
        CheckConstraint(
            "migration_usd_per_mwh between 0 and 1000", name="migration_cost"
        ),
        CheckConstraint(
            "plan_blocked_chance_pct between 0 and 50", name="plan_blocked_chance"
        ),
        CheckConstraint(
            "forecasts_kept_days between 30 and 36500", name="forecasts_kept"
        ),
        CheckConstraint(
            "region_id is not null or (thermal_limit_c is not null and confidence is"
            " not null and cooling_factor_c_per_pct is not null and"
            " telemetry_max_age_h is not null)",
            name="fleet_complete",
        ),
        Index(
            "uq_policy_scope_version",
            text("coalesce(region_id, 0)"),
            "version",
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    version: Mapped[int]
    thermal_limit_c: Mapped[float | None]
    confidence: Mapped[Decimal | None]
    cooling_factor_c_per_pct: Mapped[float | None]
    telemetry_max_age_h: Mapped[float | None]
    migration_energy_frac: Mapped[float | None]
    migration_usd_per_mwh: Mapped[float | None]
    counts_hydro_water: Mapped[bool | None]
    plan_blocked_chance_pct: Mapped[float | None]
    falls_back_on_alarm: Mapped[bool | None]
    reason: Mapped[str | None]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    forecasts_kept_days: Mapped[float | None]


class IngestBatchRow(Base):
    """One import or generation of telemetry, with its counts."""

    __tablename__ = "ingest_batch"
    __table_args__ = (
        CheckConstraint("origin in ('measured', 'synthetic')", name="origin"),
        CheckConstraint(
            "format ~ '^[a-z][a-z0-9-]{1,39}$'",
            name="format",
        ),
        CheckConstraint("length(content_sha256) = 64", name="content_sha256_length"),
        CheckConstraint(
            "carbon_kind ~ '^(life-cycle|direct) (average|marginal)( market-based)?$'",
            name="carbon_kind",
        ),
        CheckConstraint(
            "rows_read = rows_inserted + rows_updated + rows_unchanged + rows_refused",
            name="counts_add_up",
        ),
        CheckConstraint("withdrawn_by_batch_id > id", name="withdrawn_later"),
    )

    id: Mapped[int] = _big_id()
    source_label: Mapped[str] = mapped_column(String(300))
    format: Mapped[str]
    content_sha256: Mapped[str]
    origin: Mapped[str]
    carbon_kind: Mapped[str | None]
    time_zone: Mapped[str | None]
    region_slugs: Mapped[list[str]]
    quantities: Mapped[list[str]]
    first_hour_utc: Mapped[datetime | None]
    last_hour_utc: Mapped[datetime | None]
    rows_read: Mapped[int]
    rows_inserted: Mapped[int]
    rows_updated: Mapped[int]
    rows_unchanged: Mapped[int]
    rows_refused: Mapped[int]
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    withdrawn_by_batch_id: Mapped[int | None] = mapped_column(
        ForeignKey("ingest_batch.id")
    )


class RegionPlaceRow(Base):
    """The zone, station or node of a format that a region's files are about."""

    __tablename__ = "region_place"

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), primary_key=True)
    format: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str]
    batch_id: Mapped[int] = mapped_column(ForeignKey("ingest_batch.id"))


class IngestRejectRow(Base):
    """A refused row of an import: line number, raw text and reason."""

    __tablename__ = "ingest_reject"
    __table_args__ = (
        CheckConstraint("line_number > 0", name="line_number_positive"),
        Index("ix_ingest_reject_batch_id", "batch_id", "line_number"),
    )

    id: Mapped[int] = _big_id()
    batch_id: Mapped[int] = mapped_column(ForeignKey("ingest_batch.id"))
    line_number: Mapped[int] = mapped_column(BigInteger)
    reason_code: Mapped[str]
    reason: Mapped[str]
    raw_text: Mapped[str] = mapped_column(String(500))


def _range_checks() -> list[CheckConstraint]:
    """A closed range for each quantity; not-a-number and infinities are outside."""
    ranges = {
        quantity: definition.storable or definition.valid
        for quantity, definition in DEFINITIONS.items()
    }
    return [
        CheckConstraint(
            f"{quantity} between {valid.low:.15g} and {valid.high:.15g}",
            name=quantity.value,
        )
        for quantity, valid in ranges.items()
    ]


class TelemetryRow(Base):
    """The hour [hour_utc, hour_utc + 1 h) of a region; known when it ends.

    Range-partitioned by month (UTC); `ensure_telemetry_partitions` makes partitions.
    A column for each quantity, and for the import that its value came with, is added
    below; `batch_id` is the last import that changed the hour, and `estimated` lists
    the quantities whose values were not measured. The imports of single values have no
    foreign keys, which would be checked ten times a row: each was `batch_id` once.
    """

    __tablename__ = "telemetry"
    __table_args__ = (
        CheckConstraint("extract(epoch from hour_utc) % 3600 = 0", name="full_hour"),
        *_range_checks(),
        {"postgresql_partition_by": "RANGE (hour_utc)"},
    )

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), primary_key=True)
    hour_utc: Mapped[datetime] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("ingest_batch.id"))
    estimated: Mapped[list[str] | None]


class TelemetryRevisionRow(Base):
    """Former values of a telemetry hour, written by a trigger when one changes."""

    __tablename__ = "telemetry_revision"
    __table_args__ = (Index("ix_telemetry_revision_hour", "region_id", "hour_utc"),)

    id: Mapped[int] = _big_id()
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    hour_utc: Mapped[datetime]
    batch_id: Mapped[int] = mapped_column(ForeignKey("ingest_batch.id"))
    replaced_by_batch_id: Mapped[int] = mapped_column(ForeignKey("ingest_batch.id"))
    replaced_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    estimated: Mapped[list[str] | None]


class TelemetryFindingRow(Base):
    """Why a value of an hour is suspect or bad; a value without a row is good."""

    __tablename__ = "telemetry_finding"
    __table_args__ = (CheckConstraint("quality in ('suspect', 'bad')", name="quality"),)

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), primary_key=True)
    hour_utc: Mapped[datetime] = mapped_column(primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    quality: Mapped[str]
    rule: Mapped[str]
    value: Mapped[float]
    expected: Mapped[float | None]
    allowed: Mapped[float | None]
    against: Mapped[str | None]
    judged_at_utc: Mapped[datetime]


class TelemetryAcceptanceRow(Base):
    """Suspect hours that an operator accepted; append-only.

    It covers values of imports up to `newest_batch_id`: a corrected value is judged
    again.
    """

    __tablename__ = "telemetry_acceptance"
    __table_args__ = (
        Index("ix_telemetry_acceptance_region_id", "region_id", "start_utc"),
        CheckConstraint("start_utc < end_utc", name="hours"),
        CheckConstraint("hour_count > 0", name="hour_count_positive"),
        CheckConstraint("length(trim(reason)) > 0", name="reason"),
    )

    id: Mapped[int] = _big_id()
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    quantity: Mapped[str]
    start_utc: Mapped[datetime]
    end_utc: Mapped[datetime]
    newest_batch_id: Mapped[int] = mapped_column(ForeignKey("ingest_batch.id"))
    hour_count: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500))
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


BATCH_COLUMNS = {quantity: f"{quantity}_batch_id" for quantity in Quantity}
"""The column that names the import of a quantity's value; unknown where null."""


for _row in (TelemetryRow, TelemetryRevisionRow):
    for _quantity in Quantity:
        setattr(_row, _quantity.value, mapped_column(Double))
        setattr(_row, BATCH_COLUMNS[_quantity], mapped_column(BigInteger))


class ModelVersionRow(Base):
    """A model: its bytes, contract, training window and metrics."""

    __tablename__ = "model_version"
    __table_args__ = (
        CheckConstraint("length(onnx_sha256) = 64", name="onnx_sha256_length"),
        CheckConstraint(
            "state in ('candidate', 'validated', 'rejected')", name="state"
        ),
        CheckConstraint(
            "(state = 'rejected') = (rejected_reason is not null)",
            name="rejected_has_reason",
        ),
        CheckConstraint("trained_from_utc < trained_until_utc", name="window"),
        CheckConstraint("horizon_h = 24", name="horizon"),
        UniqueConstraint("target", "onnx_sha256"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    target: Mapped[str]
    family: Mapped[str]
    onnx_sha256: Mapped[str]
    onnx_bytes: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    contract_version: Mapped[int]
    feature_names: Mapped[list[str]]
    region_slugs: Mapped[list[str]]
    horizon_h: Mapped[int]
    trained_from_utc: Mapped[datetime]
    trained_until_utc: Mapped[datetime]
    metrics: Mapped[dict[str, Any]]
    state: Mapped[str]
    rejected_reason: Mapped[str | None]
    code_version: Mapped[str]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class ModelActivationRow(Base):
    """Append-only log, the only source of "which model serves".

    Each activation names the one that it replaces; the reference is unique, so of two
    concurrent activations exactly one succeeds (compare and swap).
    """

    __tablename__ = "model_activation"
    __table_args__ = (
        UniqueConstraint("previous_id"),
        Index(
            "uq_model_activation_first",
            "target",
            unique=True,
            postgresql_where=text("previous_id is null"),
        ),
        Index("ix_model_activation_target", "target", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    target: Mapped[str]
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("model_activation.id"))
    reason: Mapped[str]
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class SigningKeyRow(Base):
    """An Ed25519 public key whose signatures on models an admin trusts."""

    __tablename__ = "signing_key"
    __table_args__ = (
        CheckConstraint("length(public_key) = 32", name="length"),
        CheckConstraint(
            "unpinned_at_utc is null or unpinned_at_utc >= pinned_at_utc",
            name="unpinned_later",
        ),
        Index(
            "uq_signing_key_pinned",
            "public_key",
            unique=True,
            postgresql_where=text("unpinned_at_utc is null"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    public_key: Mapped[bytes]
    pinned_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    pinned_at_utc: Mapped[datetime]
    unpinned_at_utc: Mapped[datetime | None]


class ModelSignatureRow(Base):
    """A signature of a model's bytes that was verified with a pinned key."""

    __tablename__ = "model_signature"
    __table_args__ = (
        CheckConstraint("length(content_sha256) = 64", name="content_sha256_length"),
        CheckConstraint("length(signature) = 64", name="length"),
    )

    content_sha256: Mapped[str] = mapped_column(primary_key=True)
    signing_key_id: Mapped[int] = mapped_column(
        ForeignKey("signing_key.id"), primary_key=True
    )
    signature: Mapped[bytes]
    given_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    given_at_utc: Mapped[datetime]


class ModelHealthRow(Base):
    """Whether the active model of a target answers, as the worker last found it."""

    __tablename__ = "model_health"
    __table_args__ = (
        CheckConstraint(
            "is_available = (reason is null)", name="unavailable_has_reason"
        ),
    )

    target: Mapped[str] = mapped_column(primary_key=True)
    is_available: Mapped[bool]
    reason: Mapped[str | None]
    changed_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class ModelWatchRow(Base):
    """Evidence that a model has lost its coverage; see `core.model_watch`."""

    __tablename__ = "model_watch"
    __table_args__ = (
        CheckConstraint("local_issue_hour between 0 and 23", name="local_hour"),
        CheckConstraint(
            "score_evidence between 0 and 1e12 and miss_evidence between 0 and 1e12",
            name="evidence",
        ),
    )

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), primary_key=True)
    model_version_id: Mapped[int] = mapped_column(
        ForeignKey("model_version.id"), primary_key=True
    )
    local_issue_hour: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    last_issued_at_utc: Mapped[datetime]
    score_evidence: Mapped[float]
    miss_evidence: Mapped[float]


class ModelSkillWatchRow(Base):
    """Evidence over the fleet that a model lost its skill; see `core.model_watch`."""

    __tablename__ = "model_skill_watch"
    __table_args__ = (CheckConstraint("evidence between 0 and 1e12", name="evidence"),)

    model_version_id: Mapped[int] = mapped_column(
        ForeignKey("model_version.id"), primary_key=True
    )
    next_day_utc: Mapped[datetime]
    evidence: Mapped[float] = mapped_column(server_default=text("0"))


class ModelAlarmRow(Base):
    """An alarm of the watch; it stands until an admin clears it with a reason.

    Without a region it is of the whole fleet: the model has lost its skill.
    """

    __tablename__ = "model_alarm"
    __table_args__ = (
        Index(
            "uq_model_alarm_standing",
            text("coalesce(region_id, 0)"),
            "model_version_id",
            unique=True,
            postgresql_where=text("cleared_at_utc is null"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    evidence: Mapped[float]
    raised_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    cleared_at_utc: Mapped[datetime | None]


class PlainFitRow(Base):
    """A week's fit of the portal's own plain model, for one hour of issue of a region.

    Made again from telemetry when it is not there; see `models.plain_model.PlainFit`.
    """

    __tablename__ = "plain_fit"
    __table_args__ = (
        CheckConstraint("issue_hour_utc between 0 and 23", name="issue_hour"),
    )

    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), primary_key=True)
    issue_hour_utc: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    uses_runs: Mapped[bool] = mapped_column(primary_key=True)
    week_start_utc: Mapped[datetime]
    content: Mapped[bytes]
    hour_weights: Mapped[bytes | None]


class ModelUploadRow(Base):
    """An uploaded model file, quarantined until its check."""

    __tablename__ = "model_upload"
    __table_args__ = (
        CheckConstraint("length(content_sha256) = 64", name="content_sha256_length"),
        CheckConstraint("size_bytes between 0 and 67108864", name="size"),
        CheckConstraint(
            "state in ('quarantined', 'rejected', 'accepted')", name="state"
        ),
        CheckConstraint(
            "(state = 'rejected') = (rejected_reason is not null)",
            name="rejected_has_reason",
        ),
        CheckConstraint(
            "(state = 'accepted') = (model_version_id is not null)",
            name="accepted_has_version",
        ),
        UniqueConstraint("content_sha256"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    content_sha256: Mapped[str]
    size_bytes: Mapped[int]
    file_label: Mapped[str] = mapped_column(String(200))
    state: Mapped[str]
    rejected_reason: Mapped[str | None]
    problem: Mapped[str | None]
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    checked_by_version: Mapped[str | None]
    uploaded_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    checked_at_utc: Mapped[datetime | None]


class ModelUploadChunkRow(Base):
    """A piece of a quarantined file; deleted after the check."""

    __tablename__ = "model_upload_chunk"

    upload_id: Mapped[int] = mapped_column(
        ForeignKey("model_upload.id"), primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes]


class ModelEvaluationRow(Base):
    """A shadow evaluation of a model against the serving one, and its gate."""

    __tablename__ = "model_evaluation"
    __table_args__ = (
        CheckConstraint("state in ('running', 'done', 'failed')", name="state"),
        CheckConstraint("from_utc <= until_utc", name="window"),
        CheckConstraint(
            "(state = 'done') = (gate_passed is not null)", name="done_has_gate"
        ),
        CheckConstraint(
            "(state = 'failed') = (failed_reason is not null)",
            name="failed_has_reason",
        ),
        Index("ix_model_evaluation_version", "model_version_id", "id"),
        Index(
            "uq_model_evaluation_running",
            "model_version_id",
            unique=True,
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    compared_version_id: Mapped[int | None] = mapped_column(
        ForeignKey("model_version.id")
    )
    from_utc: Mapped[datetime]
    until_utc: Mapped[datetime]
    region_slugs: Mapped[list[str]]
    state: Mapped[str]
    gate_passed: Mapped[bool | None]
    findings: Mapped[list[str]]
    failed_reason: Mapped[str | None]
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at_utc: Mapped[datetime | None]


class ModelEvaluationRegionRow(Base):
    """Figures of a shadow evaluation in one region; append-only."""

    __tablename__ = "model_evaluation_region"

    evaluation_id: Mapped[int] = mapped_column(
        ForeignKey("model_evaluation.id"), primary_key=True, autoincrement=False
    )
    region_slug: Mapped[str] = mapped_column(primary_key=True)
    figures: Mapped[dict[str, Any]]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


def _mode_check() -> CheckConstraint:
    modes = ", ".join(f"'{mode}'" for mode in InputMode)
    return CheckConstraint(f"input_mode in ({modes})", name="input_mode")


def _exact_hours_check() -> CheckConstraint:
    return CheckConstraint(
        "cardinality(exact_hours) = 48 and exact_hours::real[] = mean || scale",
        name="exact_hours",
    )


def _input_mode() -> Mapped[str]:
    """What a forecast rests on beside telemetry."""
    return mapped_column(server_default=InputMode.TELEMETRY.value)


class WeatherForecastRow(Base):
    """One quantity of one run of a weather model, as issued; append-only."""

    __tablename__ = "weather_forecast"
    __table_args__ = (
        CheckConstraint("known_at_utc >= issued_at_utc", name="known_after_issue"),
        CheckConstraint(
            "first_lead_h >= 0 and first_lead_h + cardinality(hourly_values) <= 385",
            name="lead",
        ),
        CheckConstraint("cardinality(hourly_values) > 0", name="has_hours"),
        CheckConstraint("statistic in ('hourly', 'day_max')", name="statistic"),
        Index(
            "uq_weather_forecast_run",
            "region_id",
            "issued_at_utc",
            "source",
            "model",
            "member",
            "quantity",
            "statistic",
            "known_at_utc",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = _big_id()
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    source: Mapped[str]
    model: Mapped[str]
    member: Mapped[str]
    quantity: Mapped[str]
    issued_at_utc: Mapped[datetime]
    known_at_utc: Mapped[datetime | None]
    first_lead_h: Mapped[int] = mapped_column(SmallInteger)
    hourly_values: Mapped[list[float | None]] = mapped_column(ARRAY(Double))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    statistic: Mapped[str] = mapped_column(server_default="hourly")


class IntervalCalibrationRow(Base):
    """Quantile of a region's normalised absolute residuals, for displayed intervals."""

    __tablename__ = "interval_calibration"
    __table_args__ = (
        CheckConstraint("confidence between 0.5 and 0.99", name="confidence"),
        CheckConstraint("quantile > 0 and quantile < 'Infinity'", name="quantile"),
        CheckConstraint("score_count > 0", name="score_count"),
        _mode_check(),
        Index("ix_interval_calibration_latest", "model_version_id", "region_id", "id"),
    )

    id: Mapped[int] = _big_id()
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    confidence: Mapped[Decimal]
    quantile: Mapped[float]
    score_count: Mapped[int]
    first_issue_utc: Mapped[datetime]
    last_issue_utc: Mapped[datetime]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    input_mode: Mapped[str] = _input_mode()


class ForecastRow(Base):
    """A forecast of 24 hours as issued, or the refusal of one; append-only.

    An hour's interval is its mean and scale with the quantile of the calibration.
    Models answer in float32; where an hour is no such number, `exact_hours` holds the
    means and then the scales as they are.
    """

    __tablename__ = "forecast"
    __table_args__ = (
        CheckConstraint("kind in ('live', 'hindcast')", name="kind"),
        CheckConstraint("status in ('issued', 'refused')", name="status"),
        CheckConstraint(
            "(status = 'refused') = (refusal_code is not null)", name="refusal_code"
        ),
        CheckConstraint(
            "(status = 'refused') = (refusal_text is not null)", name="refusal_text"
        ),
        CheckConstraint(
            "status = 'refused' or model_version_id is not null", name="names_model"
        ),
        CheckConstraint(
            "day_bound_c > '-Infinity' and day_bound_c < 'Infinity'",
            name="bound_finite",
        ),
        CheckConstraint(
            "(day_bound_c is null) = (score_quantile is null)",
            name="bound_has_quantile",
        ),
        CheckConstraint(
            "plain_bound_c > '-Infinity' and plain_bound_c < 'Infinity'",
            name="plain_bound_finite",
        ),
        CheckConstraint(
            "plain_error_c > 0 and plain_error_c < 'Infinity'", name="plain_error"
        ),
        CheckConstraint(
            "allowed_gap_c >= 0 and allowed_gap_c < 'Infinity'", name="allowed_gap"
        ),
        CheckConstraint(
            "plain_hour_excess_c > '-Infinity' and plain_hour_excess_c < 'Infinity'",
            name="plain_hour_excess_finite",
        ),
        CheckConstraint(
            "num_nulls(plain_bound_c, plain_error_c, allowed_gap_c) in (0, 3)",
            name="plain_complete",
        ),
        CheckConstraint(
            "cardinality(plain_hours) = 24"
            " and array_position(plain_hours, null) is null"
            " and '-Infinity' < all (plain_hours) and 'Infinity' > all (plain_hours)",
            name="plain_hours",
        ),
        _mode_check(),
        CheckConstraint(
            "(input_mode = 'telemetry') = (run_issued_at_utc is null)",
            name="mode_has_run",
        ),
        CheckConstraint("run_issued_at_utc <= issued_at_utc", name="run_is_known"),
        CheckConstraint("runs_known_by_utc > issued_at_utc", name="runs_known_by"),
        Index(
            "uq_forecast_issued",
            "region_id",
            "target",
            "issued_at_utc",
            "model_version_id",
            "revision",
            # Refusals are found by it too, but may repeat.
            text("(id * (refusal_code is not null)::integer)"),
            unique=True,
        ),
        CheckConstraint("revision >= 0", name="revision"),
        CheckConstraint("lag_h between 0 and 23", name="lag"),
        CheckConstraint(
            "(status = 'issued') = (mean is not null)"
            " and (mean is null) = (scale is null)",
            name="has_hours",
        ),
        CheckConstraint(
            "cardinality(mean) = 24 and cardinality(scale) = 24"
            " and array_position(mean, null) is null"
            " and array_position(scale, null) is null",
            name="hours",
        ),
        CheckConstraint(
            "'-Infinity' < all (mean) and 'Infinity' > all (mean)", name="mean_finite"
        ),
        CheckConstraint(
            "0 < all (scale) and 'Infinity' > all (scale)", name="scale_positive"
        ),
        _exact_hours_check(),
    )

    id: Mapped[int] = _big_id()
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    target: Mapped[str]
    issued_at_utc: Mapped[datetime]
    kind: Mapped[str]
    status: Mapped[str]
    refusal_code: Mapped[str | None]
    refusal_text: Mapped[str | None]
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    revision: Mapped[int] = mapped_column(server_default="0")
    lag_h: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    telemetry_watermark_utc: Mapped[datetime | None]
    confidence: Mapped[Decimal | None]
    score_count: Mapped[int | None]
    score_watermark_id: Mapped[int | None] = mapped_column(BigInteger)
    score_quantile: Mapped[float | None]
    tracking_offset: Mapped[float | None]
    day_bound_c: Mapped[float | None]
    interval_calibration_id: Mapped[int | None] = mapped_column(
        ForeignKey("interval_calibration.id")
    )
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    plain_bound_c: Mapped[float | None]
    plain_error_c: Mapped[float | None]
    allowed_gap_c: Mapped[float | None]
    plain_hour_excess_c: Mapped[float | None]
    plain_hours: Mapped[list[float] | None] = mapped_column(Singles)
    input_mode: Mapped[str] = _input_mode()
    run_issued_at_utc: Mapped[datetime | None]
    runs_known_by_utc: Mapped[datetime | None]
    mean: Mapped[list[float] | None] = mapped_column(Singles)
    scale: Mapped[list[float] | None] = mapped_column(Singles)
    exact_hours: Mapped[list[float] | None] = mapped_column(ARRAY(Double))


class ForecastModeRow(Base):
    """What a model says in a mode that its forecast was not served in; append-only."""

    __tablename__ = "forecast_mode"
    __table_args__ = (
        _mode_check(),
        CheckConstraint(
            "cardinality(mean) = 24 and cardinality(scale) = 24", name="hours"
        ),
        _exact_hours_check(),
    )

    forecast_id: Mapped[int] = mapped_column(
        ForeignKey("forecast.id"), primary_key=True
    )
    input_mode: Mapped[str] = mapped_column(primary_key=True)
    mean: Mapped[list[float]] = mapped_column(Singles)
    scale: Mapped[list[float]] = mapped_column(Singles)
    exact_hours: Mapped[list[float] | None] = mapped_column(ARRAY(Double))


class ForecastInputRow(Base):
    """Input of a live forecast, as little-endian float32; see `db.forecast_inputs`.

    With a base it is compressed: a deflate stream whose dictionary is that input.
    """

    __tablename__ = "forecast_input"
    __table_args__ = (
        CheckConstraint(
            "octet_length(features) > 0"
            " and (base_id is not null or octet_length(features) % 4 = 0)",
            name="features_float32",
        ),
        CheckConstraint("base_id < forecast_id", name="base_is_older"),
        Index(
            "ix_forecast_input_base_id",
            "base_id",
            postgresql_where=text("base_id is not null"),
        ),
        CheckConstraint("region_index >= 0", name="region_index"),
    )

    forecast_id: Mapped[int] = mapped_column(
        ForeignKey("forecast.id"), primary_key=True, autoincrement=False
    )
    region_index: Mapped[int]
    features: Mapped[bytes]
    base_id: Mapped[int | None] = mapped_column(
        ForeignKey("forecast_input.forecast_id")
    )


class WindowScoreRow(Base):
    """Conformity score of a finished temperature window, or why it has none.

    A window whose telemetry was revised is scored again: the newest revision counts.
    """

    __tablename__ = "window_score"
    __table_args__ = (
        CheckConstraint("local_issue_hour between 0 and 23", name="local_hour"),
        CheckConstraint(
            "(score is null) = (unscored_reason is not null)", name="score_or_reason"
        ),
        CheckConstraint("(score is null) = (day_max_c is null)", name="score_has_max"),
        CheckConstraint(
            "score > '-Infinity' and score < 'Infinity'", name="score_finite"
        ),
        CheckConstraint(
            "log_error_ratio > '-Infinity' and log_error_ratio < 'Infinity'",
            name="log_error_ratio_finite",
        ),
        CheckConstraint("hours is null or score is not null", name="hours_of_score"),
        CheckConstraint(
            "octet_length(hours) > 0 and octet_length(hours) % 12 = 0",
            name="hours_float32",
        ),
        _mode_check(),
        UniqueConstraint(
            "region_id",
            "model_version_id",
            "issued_at_utc",
            "input_mode",
            "revision",
            name="uq_window_score_window_mode",
        ),
        CheckConstraint("revision >= 0", name="revision"),
        Index(
            "ix_window_score_calibration",
            "region_id",
            "model_version_id",
            "local_issue_hour",
            "issued_at_utc",
        ),
        Index(
            "ix_window_score_skill",
            "model_version_id",
            "issued_at_utc",
            postgresql_include=["region_id", "log_error_ratio"],
            postgresql_where=text("log_error_ratio is not null"),
        ),
    )

    id: Mapped[int] = _big_id()
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_version.id"))
    issued_at_utc: Mapped[datetime]
    local_issue_hour: Mapped[int] = mapped_column(SmallInteger)
    day_max_c: Mapped[float | None]
    score: Mapped[float | None]
    unscored_reason: Mapped[str | None]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    hours: Mapped[bytes | None]
    input_mode: Mapped[str] = _input_mode()
    revision: Mapped[int] = mapped_column(server_default=text("0"))
    log_error_ratio: Mapped[float | None]


class PlanRow(Base):
    """A plan for the fleet with all data to explain it; append-only."""

    __tablename__ = "plan"
    __table_args__ = (
        CheckConstraint("window_start_utc < window_end_utc", name="window"),
        CheckConstraint("length(inputs_sha256) = 64", name="inputs_sha256_length"),
        UniqueConstraint("request_id"),
        Index("uq_plan_inputs", "actor_id", "inputs_sha256", unique=True),
        Index("ix_plan_window_start_utc", "window_start_utc"),
    )

    id: Mapped[int] = _big_id()
    request_id: Mapped[UUID]
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    anchor_region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    local_day: Mapped[date]
    window_start_utc: Mapped[datetime]
    window_end_utc: Mapped[datetime]
    is_simulated: Mapped[bool]
    result: Mapped[dict[str, Any]]
    inputs_text: Mapped[str]
    inputs_sha256: Mapped[str]
    code_version: Mapped[str]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


_FILTERED = (
    "kind",
    "source_region_id",
    "target_region_id",
    "actor_id",
    "outcome",
    "reason_code",
    "model_version_id",
    "is_simulated",
)


_HAS_TARGET = text("target_region_id is not null")
"""Of the indexes by target: automatic decisions, most of all, have none."""


def _filtered_within(
    name: str,
    *keys: str | TextClause,
    extra: Sequence[str] = (),
    where: TextClause | None = None,
) -> Index:
    """An index that includes the filter columns of lists, so that it covers them."""
    included = [column for column in (*_FILTERED, *extra) if column not in keys]
    return Index(
        f"ix_decision_{name}",
        *keys,
        "id",
        postgresql_include=included,
        postgresql_where=where,
    )


def _region_by_kind(end: str, other_end: str, where: TextClause | None = None) -> Index:
    """An index for the most frequent filter; it covers every sort order."""
    return Index(
        f"ix_decision_{end}_kind",
        f"{end}_region_id",
        "kind",
        "reason_code",
        "created_at_utc",
        "id",
        postgresql_include=[
            f"{other_end}_region_id",
            "outcome",
            "model_version_id",
            "is_simulated",
            "actor_id",
            "window_start_utc",
            "exceedance_probability",
        ],
        postgresql_where=where,
    )


class DecisionRow(Base):
    """A scheduler decision with all data to explain and replay it; append-only."""

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("kind in ('automatic', 'what_if', 'recorded')", name="kind"),
        CheckConstraint("outcome in ('APPROVED', 'BLOCKED')", name="outcome"),
        CheckConstraint("shift_pct between 0 and 100", name="shift_pct"),
        CheckConstraint("window_start_utc < window_end_utc", name="window"),
        CheckConstraint(
            "target_region_id is null or target_region_id <> source_region_id",
            name="target_differs",
        ),
        CheckConstraint(
            "shift_pct = 0 or target_region_id is not null", name="shift_has_target"
        ),
        CheckConstraint(
            "outcome = 'BLOCKED' or coalesce(source_bound_after_c < 'Infinity'"
            " and source_bound_after_c > '-Infinity'"
            " and source_bound_after_c <= thermal_limit_c, false)",
            name="approved_within_limit",
        ),
        CheckConstraint("length(inputs_sha256) = 64", name="inputs_sha256_length"),
        CheckConstraint(
            "kind = 'recorded' or supersedes_id is null", name="only_recorded_supersede"
        ),
        CheckConstraint(
            "kind <> 'automatic' or target_region_id is null",
            name="automatic_has_no_target",
        ),
        CheckConstraint(
            "kind = 'recorded' or plan_id is null", name="only_recorded_cite_a_plan"
        ),
        CheckConstraint(
            "hours_of_day ~ '^[0-9]{1,2}-[0-9]{1,2}$'", name="hours_of_day"
        ),
        UniqueConstraint("request_id"),
        UniqueConstraint("supersedes_id"),
        Index(
            "uq_decision_what_if",
            "actor_id",
            "inputs_sha256",
            unique=True,
            postgresql_where=text("kind = 'what_if'"),
        ),
        Index(
            "uq_decision_automatic",
            "source_forecast_id",
            "inputs_sha256",
            unique=True,
            postgresql_where=text("kind = 'automatic'"),
        ),
        Index(
            "uq_decision_plan_part",
            "plan_id",
            "source_region_id",
            "target_region_id",
            unique=True,
            postgresql_where=text("plan_id is not null"),
        ),
        Index("ix_decision_window", "source_region_id", "window_start_utc", "id"),
        Index(
            "ix_decision_source_forecast_id",
            "source_forecast_id",
            postgresql_where=text("source_forecast_id is not null"),
        ),
        Index(
            "ix_decision_target_forecast_id",
            "target_forecast_id",
            postgresql_where=text("target_forecast_id is not null"),
        ),
        Index(
            "ix_decision_target_window",
            "target_region_id",
            "window_start_utc",
            "id",
            postgresql_where=_HAS_TARGET,
        ),
        Index("ix_decision_actor_window", "actor_id", "window_start_utc", "id"),
        Index(
            "ix_decision_lateness",
            text("(window_start_utc - created_at_utc)"),
        ),
        Index("ix_decision_model_window", "model_version_id", "window_start_utc", "id"),
        Index("ix_decision_actor_kind", "actor_id", "kind", "created_at_utc", "id"),
        Index(
            "ix_decision_outcome_reason",
            "outcome",
            "reason_code",
            "created_at_utc",
            "id",
        ),
        Index("ix_decision_kind_created", "kind", "created_at_utc", "id"),
        Index("ix_decision_outcome", "outcome", "created_at_utc", "id"),
        Index("ix_decision_reason", "reason_code", "created_at_utc", "id"),
        _region_by_kind("source", "target"),
        _region_by_kind("target", "source", where=_HAS_TARGET),
        _filtered_within("created", "created_at_utc"),
        _filtered_within("source", "source_region_id", "created_at_utc"),
        _filtered_within(
            "target", "target_region_id", "created_at_utc", where=_HAS_TARGET
        ),
        _filtered_within("actor", "actor_id", "created_at_utc"),
        _filtered_within("model", "model_version_id", "created_at_utc"),
        _filtered_within("window_start", "window_start_utc", extra=["created_at_utc"]),
        _filtered_within(
            "chance",
            text("coalesce(exceedance_probability, -1)"),
            extra=["created_at_utc", "exceedance_probability"],
        ),
        Index(
            "ix_decision_words",
            text("to_tsvector('english', reason_text || ' ' || coalesce(comment, ''))"),
            postgresql_using="gin",
        ),
    )

    id: Mapped[int] = _big_id()
    kind: Mapped[str]
    request_id: Mapped[UUID]
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    source_region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    target_region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    shift_pct: Mapped[float]
    local_day: Mapped[date]
    window_start_utc: Mapped[datetime]
    window_end_utc: Mapped[datetime]
    is_simulated: Mapped[bool]
    outcome: Mapped[str]
    reason_code: Mapped[str]
    reason_text: Mapped[str]
    risk_level: Mapped[str]
    recommendations: Mapped[list[str]]
    thermal_limit_c: Mapped[float]
    confidence: Mapped[Decimal]
    exceedance_probability: Mapped[float | None]
    source_bound_before_c: Mapped[float | None]
    source_bound_after_c: Mapped[float | None]
    target_bound_before_c: Mapped[float | None]
    target_bound_after_c: Mapped[float | None]
    minimum_shift_pct: Mapped[float | None]
    maximum_safe_shift_pct: Mapped[float | None]
    fleet_policy_id: Mapped[int | None] = mapped_column(ForeignKey("policy.id"))
    region_policy_id: Mapped[int | None] = mapped_column(ForeignKey("policy.id"))
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    source_forecast_id: Mapped[int | None] = mapped_column(ForeignKey("forecast.id"))
    target_forecast_id: Mapped[int | None] = mapped_column(ForeignKey("forecast.id"))
    impact: Mapped[dict[str, Any] | None]
    inputs_text: Mapped[str]
    inputs_sha256: Mapped[str]
    code_version: Mapped[str]
    comment: Mapped[str | None] = mapped_column(String(2000))
    what_if_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    hours_of_day: Mapped[str | None]


class DecisionTransferRow(Base):
    """Load that a live recorded decision moves in one hour; later decisions add up."""

    __tablename__ = "decision_transfer"
    __table_args__ = (
        CheckConstraint("moved_mw >= 0 and moved_mw < 'Infinity'", name="moved"),
        CheckConstraint(
            "arrived_mw >= moved_mw and arrived_mw < 'Infinity'", name="arrived"
        ),
        CheckConstraint("source_region_id <> target_region_id", name="regions_differ"),
        Index("ix_decision_transfer_source", "source_region_id", "hour_utc"),
        Index("ix_decision_transfer_target", "target_region_id", "hour_utc"),
    )

    decision_id: Mapped[int] = mapped_column(
        ForeignKey("decision.id"), primary_key=True
    )
    hour_utc: Mapped[datetime] = mapped_column(primary_key=True)
    source_region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    target_region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    moved_mw: Mapped[float]
    arrived_mw: Mapped[float | None]


class DecisionStateRow(Base):
    """What somebody says of a recorded decision; append-only, each state once."""

    __tablename__ = "decision_state"
    __table_args__ = (
        CheckConstraint(
            "state in ('acknowledged', 'in_effect', 'refused')", name="state"
        ),
        CheckConstraint(
            "state <> 'refused' or reason <> ''", name="refused_has_reason"
        ),
        UniqueConstraint("decision_id", "state"),
    )

    id: Mapped[int] = _big_id()
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    state: Mapped[str]
    reason: Mapped[str | None] = mapped_column(String(2000))
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class DecisionCommentRow(Base):
    """What somebody wrote about a decision after it was taken; append-only."""

    __tablename__ = "decision_comment"
    __table_args__ = (
        CheckConstraint("length(comment) between 1 and 2000", name="comment"),
        Index("ix_decision_comment_decision_id_id", "decision_id", "id"),
    )

    id: Mapped[int] = _big_id()
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    comment: Mapped[str]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class DecisionTermRow(Base):
    """A recorded decision that outlasts its window: its hours repeat each day."""

    __tablename__ = "decision_term"

    decision_id: Mapped[int] = mapped_column(
        ForeignKey("decision.id"), primary_key=True
    )
    ends_at_utc: Mapped[datetime | None]


class AuditHeadRow(Base):
    """The one row that orders the chain: taken FOR UPDATE by the insert trigger."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    installation_id: Mapped[UUID]
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes]


class AuditEventRow(Base):
    """One link of the hash chain; sequence and hashes are set by the database."""

    __tablename__ = "audit_event"
    __table_args__ = (
        CheckConstraint("octet_length(hash) = 32", name="hash_length"),
        CheckConstraint("octet_length(previous_hash) = 32", name="previous_length"),
        CheckConstraint("seq > 0", name="seq_positive"),
        Index("ix_audit_event_action", "action", "seq"),
        Index("ix_audit_event_object", "object_type", "object_id"),
        Index("ix_audit_event_time", "occurred_at_utc", "seq"),
        Index("ix_audit_event_actor", "actor_name", "seq"),
        Index("ix_audit_event_actor_action", "actor_name", "action", "seq"),
        Index("ix_audit_event_request", "request_id"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    format_version: Mapped[int] = mapped_column(SmallInteger)
    previous_hash: Mapped[bytes]
    hash: Mapped[bytes]
    payload: Mapped[str]
    occurred_at_utc: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    actor_name: Mapped[str]
    action: Mapped[str]
    object_type: Mapped[str | None]
    object_id: Mapped[str | None]
    request_id: Mapped[str | None]


class ChainCheckRow(Base):
    """Result of a check of the whole audit chain, or of its newest part."""

    __tablename__ = "chain_check"
    __table_args__ = (
        CheckConstraint("scope in ('whole', 'tail')", name="scope"),
        CheckConstraint(
            "(first_bad_seq is null) = (reason is null)", name="broken_has_reason"
        ),
        Index("ix_chain_check_scope", "scope", "id"),
    )

    id: Mapped[int] = _big_id()
    scope: Mapped[str]
    event_count: Mapped[int] = mapped_column(BigInteger)
    anchored_seq: Mapped[int | None] = mapped_column(BigInteger)
    first_bad_seq: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]
    duration_s: Mapped[float]
    checked_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class ChangeRulesRow(Base):
    """A version of the rules that models and limits change by; the newest holds."""

    __tablename__ = "change_rules"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    two_people: Mapped[bool]
    signed_models_only: Mapped[bool]
    reason: Mapped[str]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class ApprovalRequestRow(Base):
    """A change that waits for a second person: the use case and its arguments.

    `effects` is the canonical text of the events that it would add.
    """

    __tablename__ = "approval_request"
    __table_args__ = (
        CheckConstraint("expires_at_utc > asked_at_utc", name="expires_later"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    act: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    effects: Mapped[str]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    asked_at_utc: Mapped[datetime]
    expires_at_utc: Mapped[datetime]


class ApprovalAnswerRow(Base):
    """What was answered; a request is answered once."""

    __tablename__ = "approval_answer"

    approval_id: Mapped[int] = mapped_column(
        ForeignKey("approval_request.id"), primary_key=True, autoincrement=False
    )
    is_approved: Mapped[bool]
    answered_by_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    answered_at_utc: Mapped[datetime]


class HandledRequestRow(Base):
    """An executed request with its answer, which a retry gets again."""

    __tablename__ = "handled_request"
    __table_args__ = (
        CheckConstraint("length(body_sha256) = 64", name="body_sha256_length"),
    )

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    operation: Mapped[str]
    body_sha256: Mapped[str]
    answer: Mapped[str]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)


class FeedRow(Base):
    """A source that is asked on a schedule, as an admin wrote it, and its last run."""

    __tablename__ = "feed"
    __table_args__ = (
        CheckConstraint("name = btrim(name) and name <> ''", name="name_trimmed"),
        CheckConstraint("every_min between 1 and 1440", name="every_min"),
        CheckConstraint("priority between 1 and 99", name="priority"),
        CheckConstraint("stale_after_h > 0", name="stale_after"),
        CheckConstraint("backfill_h between 1 and 744", name="backfill"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    address: Mapped[str]
    regions: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    quantities: Mapped[list[str]]
    secret_reference: Mapped[str | None]
    private_hosts: Mapped[list[str]]
    every_min: Mapped[int]
    priority: Mapped[int] = mapped_column(SmallInteger)
    stale_after_h: Mapped[float]
    backfill_h: Mapped[int]
    requests_a_day: Mapped[int | None]
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    next_run_at_utc: Mapped[datetime]
    run_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    failures_in_a_row: Mapped[int] = mapped_column(server_default=text("0"))
    last_run_at_utc: Mapped[datetime | None]
    last_success_at_utc: Mapped[datetime | None]
    last_problem: Mapped[str | None]
    request_day: Mapped[date | None]
    requests_that_day: Mapped[int] = mapped_column(server_default=text("0"))
    quota_left: Mapped[int | None]
    known_answers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    removed_at_utc: Mapped[datetime | None]


class FeedProgressRow(Base):
    """How far a feed came in a region."""

    __tablename__ = "feed_progress"

    feed_id: Mapped[int] = mapped_column(ForeignKey("feed.id"), primary_key=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"), primary_key=True)
    good_until_utc: Mapped[datetime | None]
    good_since_utc: Mapped[datetime | None]
    asked_until_utc: Mapped[datetime | None]


class FeedRunRow(Base):
    """One run of a feed: what it asked for, what came, or why nothing did."""

    __tablename__ = "feed_run"
    __table_args__ = (
        CheckConstraint(
            "outcome in ('stored', 'nothing_new', 'standing_by', 'failed')",
            name="outcome",
        ),
        CheckConstraint(
            "(outcome = 'failed') <= (problem is not null)", name="problem"
        ),
        Index("ix_feed_run_feed_id_id", "feed_id", "id"),
    )

    id: Mapped[int] = _big_id()
    feed_id: Mapped[int] = mapped_column(ForeignKey("feed.id"))
    started_at_utc: Mapped[datetime]
    ended_at_utc: Mapped[datetime]
    outcome: Mapped[str]
    problem: Mapped[str | None]
    asked_from_utc: Mapped[datetime | None]
    asked_until_utc: Mapped[datetime | None]
    requests: Mapped[int]
    received_bytes: Mapped[int] = mapped_column(BigInteger)
    hours_stored: Mapped[int]
    batch_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    answer_sha256s: Mapped[list[str]]


class FeedAnswerRow(Base):
    """An answer as it came, by its hash, gzip; removed when it is old."""

    __tablename__ = "feed_answer"
    __table_args__ = (
        CheckConstraint("length(sha256) = 64", name="sha256_length"),
        Index("ix_feed_answer_last_seen_at_utc", "last_seen_at_utc"),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    packed: Mapped[bytes]
    size_bytes: Mapped[int]
    last_seen_at_utc: Mapped[datetime]


class FeedSwitchRow(Base):
    """From when a feed is the source of a quantity in a region, why; append-only."""

    __tablename__ = "feed_switch"
    __table_args__ = (
        Index("ix_feed_switch_region_id_quantity_id", "region_id", "quantity", "id"),
    )

    id: Mapped[int] = _big_id()
    region_id: Mapped[int] = mapped_column(ForeignKey("region.id"))
    quantity: Mapped[str]
    feed_id: Mapped[int] = mapped_column(ForeignKey("feed.id"))
    at_utc: Mapped[datetime]
    reason: Mapped[str]


class AlarmRow(Base):
    """How an alarm stands; what happened to it is in `alarm_change`."""

    __tablename__ = "alarm"
    __table_args__ = (
        UniqueConstraint("kind", "cause"),
        CheckConstraint(
            "not (is_out_of_service and shelved_until_utc is not null)",
            name="one_silence",
        ),
        CheckConstraint(
            "(explained_by_kind is null) = (explained_by_cause is null)",
            name="explained",
        ),
        Index(
            "ix_alarm_open",
            "id",
            postgresql_where=text(
                "cleared_at_utc is null or not is_acknowledged or is_out_of_service"
                " or shelved_until_utc is not null"
            ),
        ),
    )

    id: Mapped[int] = _big_id()
    kind: Mapped[str]
    cause: Mapped[str]
    sentence: Mapped[str]
    region_slugs: Mapped[list[str]]
    since_utc: Mapped[datetime]
    raised_at_utc: Mapped[datetime]
    ended_at_utc: Mapped[datetime | None]
    cleared_at_utc: Mapped[datetime | None]
    is_acknowledged: Mapped[bool] = mapped_column(server_default=text("false"))
    acknowledged_at_utc: Mapped[datetime | None]
    acknowledged_by_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    shelved_until_utc: Mapped[datetime | None]
    is_out_of_service: Mapped[bool] = mapped_column(server_default=text("false"))
    explained_by_kind: Mapped[str | None]
    explained_by_cause: Mapped[str | None]
    n_explained: Mapped[int] = mapped_column(server_default=text("0"))


class AlarmChangeRow(Base):
    """What happened to an alarm, by rule where nobody is named; append-only."""

    __tablename__ = "alarm_change"
    __table_args__ = (
        CheckConstraint(
            "change in ('raised', 'cleared', 'acknowledged', 'shelved', 'unshelved',"
            " 'out_of_service', 'back_in_service', 'commented')",
            name="change",
        ),
        CheckConstraint("length(sentence) <= 2000", name="sentence"),
        Index("ix_alarm_change_alarm_id_id", "alarm_id", "id"),
        Index("ix_alarm_change_change_at_utc", "change", "at_utc"),
    )

    id: Mapped[int] = _big_id()
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"))
    change: Mapped[str]
    at_utc: Mapped[datetime]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("app_user.id"))
    sentence: Mapped[str | None]


class AlarmLookRow(Base):
    """When the worker last looked for alarms: one row."""

    __tablename__ = "alarm_look"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    looked_at_utc: Mapped[datetime]


class ShiftNoteRow(Base):
    """A hand-over note of a shift, with what stood and was decided; append-only."""

    __tablename__ = "shift_note"
    __table_args__ = (
        CheckConstraint("length(note) between 1 and 4000", name="note"),
        CheckConstraint("start_utc < end_utc", name="shift"),
    )

    id: Mapped[int] = _big_id()
    actor_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"))
    start_utc: Mapped[datetime]
    end_utc: Mapped[datetime]
    note: Mapped[str]
    alarms: Mapped[list[Any]] = mapped_column(JSONB)
    decision_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class SetupTaskRow(Base):
    """How far long setup work has come, such as a training; one row for each name."""

    __tablename__ = "setup_task"
    __table_args__ = (
        CheckConstraint(
            "state in ('waiting', 'running', 'done', 'failed')", name="state"
        ),
        CheckConstraint("done_s >= 0 and total_s >= done_s", name="share"),
        CheckConstraint("(state = 'failed') = (problem is not null)", name="problem"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    step: Mapped[str]
    done_s: Mapped[float]
    total_s: Mapped[float]
    problem: Mapped[str | None]
    started_at_utc: Mapped[datetime]
    updated_at_utc: Mapped[datetime]


class ClosedHintRow(Base):
    """A hint that a person closed and does not want to see again."""

    __tablename__ = "closed_hint"

    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)


class SavedViewRow(Base):
    """A view that a person saved: a name and the address that it stands for."""

    __tablename__ = "saved_view"
    __table_args__ = (
        CheckConstraint(
            "name = btrim(name) and length(name) between 1 and 60", name="name"
        ),
        CheckConstraint(
            "address ~ '^/([^/]|$)' and length(address) <= 600", name="address"
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str]


class DeliverySubscriptionRow(Base):
    """Who gets which events, as an admin wrote it, and what the last tries left.

    `secret` is a reference or what the portal's key seals; a former one goes on signing
    for a day.
    """

    __tablename__ = "delivery_subscription"
    __table_args__ = (
        CheckConstraint("name = btrim(name) and name <> ''", name="name_trimmed"),
        CheckConstraint("channel in ('webhook', 'mail')", name="channel"),
        CheckConstraint(
            "(channel = 'webhook') = (address is not null and secret is not null)",
            name="webhook",
        ),
        CheckConstraint(
            "(former_secret is null) = (former_until_utc is null)", name="former"
        ),
        Index(
            "uq_delivery_subscription_name",
            "name",
            unique=True,
            postgresql_where=text("removed_at_utc is null"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    channel: Mapped[str]
    address: Mapped[str | None]
    recipients: Mapped[list[str]]
    kinds: Mapped[list[str]]
    regions: Mapped[list[str]]
    private_hosts: Mapped[list[str]]
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"))
    secret: Mapped[str | None]
    former_secret: Mapped[str | None]
    former_until_utc: Mapped[datetime | None]
    stopped_reason: Mapped[str | None]
    removed_at_utc: Mapped[datetime | None]
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    leased_until_utc: Mapped[datetime | None]
    rest_until_utc: Mapped[datetime | None]
    failures_in_a_row: Mapped[int] = mapped_column(server_default=text("0"))
    last_tried_at_utc: Mapped[datetime | None]
    last_delivered_at_utc: Mapped[datetime | None]
    last_answer: Mapped[str | None]


class DeliveryRow(Base):
    """An event for a subscription: waiting, delivered, or dead; see `db.outbox`.

    Of those with one `order_key` of a subscription one is sent after the other.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint("state in ('waiting', 'delivered', 'dead')", name="state"),
        CheckConstraint("(state = 'waiting') = (ended_at_utc is null)", name="ended"),
        CheckConstraint("(event_seq is null) <> (digest_day is null)", name="cause"),
        UniqueConstraint("subscription_id", "digest_day", name="uq_delivery_digest"),
        Index(
            "ix_delivery_waiting",
            "subscription_id",
            "order_key",
            "id",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_delivery_dead",
            "subscription_id",
            "id",
            postgresql_where=text("state = 'dead'"),
        ),
        Index("ix_delivery_subscription_id_id", "subscription_id", "id"),
        Index("ix_delivery_ended_at_utc", "ended_at_utc"),
    )

    id: Mapped[int] = _big_id()
    subscription_id: Mapped[int] = mapped_column(ForeignKey("delivery_subscription.id"))
    message_id: Mapped[UUID] = mapped_column(
        unique=True, server_default=text("gen_random_uuid()")
    )
    event_seq: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("audit_event.seq")
    )
    digest_day: Mapped[date | None]
    kind: Mapped[str]
    order_key: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    tries: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    created_at_utc: Mapped[datetime] = mapped_column(server_default=NOW)
    waiting_since_utc: Mapped[datetime]
    due_at_utc: Mapped[datetime]
    ended_at_utc: Mapped[datetime | None]


class DeliveryAttemptRow(Base):
    """One try of a delivery, with the receiver's answer in words."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (Index("ix_delivery_attempt_delivery_id", "delivery_id", "id"),)

    id: Mapped[int] = _big_id()
    delivery_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("delivery.id", ondelete="CASCADE")
    )
    at_utc: Mapped[datetime]
    duration_ms: Mapped[int]
    is_delivered: Mapped[bool]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[str]
