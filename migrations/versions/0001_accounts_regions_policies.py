"""Accounts, regions and policies.

Revision ID: 0001
Revises: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import CREATE_REFUSE_CHANGE, DROP_REFUSE_CHANGE, protect

revision: str = "0001"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None

NOW = sa.text("now()")

SYSTEM_USERS = ("worker", "cli")


def upgrade() -> None:
    """Make the tables, and the users that processes act as."""
    op.execute(CREATE_REFUSE_CHANGE)
    _create_app_user()
    _create_user_session()
    _create_denial_count()
    _create_region()
    _create_policy()
    protect("policy")
    users = sa.table(
        "app_user", sa.column("name"), sa.column("role"), sa.column("is_system")
    )
    op.bulk_insert(
        users,
        [{"name": name, "role": "admin", "is_system": True} for name in SYSTEM_USERS],
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("policy", "region", "denial_count", "user_session", "app_user"):
        op.drop_table(table)
    op.execute(DROP_REFUSE_CHANGE)


def _create_app_user() -> None:
    op.create_table(
        "app_user",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column(
            "is_system", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column(
            "is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column(
            "must_change_password",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.Column(
            "failed_login_count",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "last_failed_login_at_utc", sa.DateTime(timezone=True), nullable=True
        ),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "name = btrim(name) and name <> ''", name=op.f("ck_app_user_name_trimmed")
        ),
        sa.CheckConstraint(
            "role in ('auditor', 'operator', 'admin')", name=op.f("ck_app_user_role")
        ),
        sa.CheckConstraint(
            "(password_hash is null) = is_system",
            name=op.f("ck_app_user_system_has_no_password"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_user")),
    )
    op.create_index(
        "uq_app_user_name_lower", "app_user", [sa.text("lower(name)")], unique=True
    )


def _create_user_session() -> None:
    op.create_table(
        "user_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.Column(
            "last_seen_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.Column("expires_at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at_utc", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.String(length=300), nullable=True),
        sa.CheckConstraint(
            "expires_at_utc > created_at_utc",
            name=op.f("ck_user_session_expires_later"),
        ),
        sa.CheckConstraint(
            "length(token_sha256) = 64",
            name=op.f("ck_user_session_token_sha256_length"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["app_user.id"], name=op.f("fk_user_session_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_session")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_user_session_token_sha256")),
    )
    op.create_index("ix_user_session_user_id", "user_session", ["user_id"])


def _create_region() -> None:
    op.create_table(
        "region",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("slug", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("latitude_deg", sa.Double(), nullable=False),
        sa.Column("longitude_deg", sa.Double(), nullable=False),
        sa.Column("cooling_type", sa.Text(), nullable=False),
        sa.Column("overhead_frac", sa.Double(), nullable=False),
        sa.Column("chiller_cop", sa.Double(), nullable=False),
        sa.Column("economiser_full_c", sa.Double(), nullable=False),
        sa.Column("economiser_none_c", sa.Double(), nullable=False),
        sa.Column("wue_air_l_per_kwh", sa.Double(), nullable=False),
        sa.Column("adiabatic_switch_c", sa.Double(), nullable=False),
        sa.Column("it_capacity_mw", sa.Double(), nullable=False),
        sa.Column("flexible_load_frac", sa.Double(), nullable=False),
        sa.Column("grid_water_l_per_kwh", sa.Double(), nullable=False),
        sa.Column("colour", sa.Text(), nullable=False),
        sa.Column(
            "is_synthetic",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.Column(
            "is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "colour ~ '^#[0-9a-fA-F]{6}$'", name=op.f("ck_region_colour")
        ),
        sa.CheckConstraint(
            "cooling_type in ('evaporative', 'air', 'hybrid', 'adiabatic')",
            name=op.f("ck_region_cooling_type"),
        ),
        sa.CheckConstraint(
            "chiller_cop between 0.5 and 50", name=op.f("ck_region_chiller_cop")
        ),
        sa.CheckConstraint(
            "economiser_full_c < economiser_none_c and economiser_none_c <= 60",
            name=op.f("ck_region_economiser_band"),
        ),
        sa.CheckConstraint(
            "flexible_load_frac between 0 and 1", name=op.f("ck_region_flexible_frac")
        ),
        sa.CheckConstraint(
            "grid_water_l_per_kwh between 0 and 100", name=op.f("ck_region_grid_water")
        ),
        sa.CheckConstraint(
            "it_capacity_mw > 0 and it_capacity_mw <= 100000",
            name=op.f("ck_region_capacity_positive"),
        ),
        sa.CheckConstraint(
            "latitude_deg between -90 and 90", name=op.f("ck_region_latitude")
        ),
        sa.CheckConstraint(
            "longitude_deg between -180 and 180", name=op.f("ck_region_longitude")
        ),
        sa.CheckConstraint(
            "overhead_frac between 0 and 1", name=op.f("ck_region_overhead_frac")
        ),
        sa.CheckConstraint(
            "wue_air_l_per_kwh between 0 and 10", name=op.f("ck_region_wue_air")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region")),
        sa.UniqueConstraint("slug", name=op.f("uq_region_slug")),
    )


def _create_denial_count() -> None:
    op.create_table(
        "denial_count",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("minute_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column(
            "is_reported",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.CheckConstraint("count > 0", name=op.f("ck_denial_count_count_positive")),
        sa.CheckConstraint(
            "kind in ('login', 'access')", name=op.f("ck_denial_count_kind")
        ),
        sa.PrimaryKeyConstraint(
            "address", "minute_utc", "kind", name=op.f("pk_denial_count")
        ),
    )


def _create_policy() -> None:
    op.create_table(
        "policy",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("thermal_limit_c", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Numeric(precision=6, scale=5), nullable=True),
        sa.Column("cooling_factor_c_per_pct", sa.Double(), nullable=True),
        sa.Column("telemetry_max_age_h", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "confidence between 0.5 and 0.99", name=op.f("ck_policy_confidence")
        ),
        sa.CheckConstraint(
            "cooling_factor_c_per_pct between 0 and 1", name=op.f("ck_policy_cooling")
        ),
        sa.CheckConstraint(
            "region_id is not null or (thermal_limit_c is not null and "
            "confidence is not null and cooling_factor_c_per_pct is not null "
            "and telemetry_max_age_h is not null)",
            name=op.f("ck_policy_fleet_complete"),
        ),
        sa.CheckConstraint(
            "telemetry_max_age_h between 0.1 and 168",
            name=op.f("ck_policy_telemetry_max_age"),
        ),
        sa.CheckConstraint(
            "thermal_limit_c between -50 and 100", name=op.f("ck_policy_thermal_limit")
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_policy_version_positive")),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["app_user.id"], name=op.f("fk_policy_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_policy_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
    )
    op.create_index(
        "uq_policy_scope_version",
        "policy",
        [sa.text("coalesce(region_id, 0)"), "version"],
        unique=True,
    )
