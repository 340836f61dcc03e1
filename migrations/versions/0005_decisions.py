"""Decisions and the load that live ones move.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None

NOW = sa.text("now()")


def upgrade() -> None:
    """Make the tables; a decision is never changed, only superseded."""
    _create_decision()
    _create_decision_transfer()
    protect("decision")
    protect("decision_transfer")


def downgrade() -> None:
    """Drop the tables; with decisions in them only after consent."""
    require_consent_to_discard("decision")
    op.drop_table("decision_transfer")
    op.drop_table("decision")


def _create_decision() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("source_region_id", sa.Integer(), nullable=False),
        sa.Column("target_region_id", sa.Integer(), nullable=True),
        sa.Column("shift_pct", sa.Double(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("window_start_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("recommendations", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("thermal_limit_c", sa.Double(), nullable=False),
        sa.Column("confidence", sa.Numeric(precision=6, scale=5), nullable=False),
        sa.Column("exceedance_probability", sa.Double(), nullable=True),
        sa.Column("source_bound_before_c", sa.Double(), nullable=True),
        sa.Column("source_bound_after_c", sa.Double(), nullable=True),
        sa.Column("target_bound_before_c", sa.Double(), nullable=True),
        sa.Column("target_bound_after_c", sa.Double(), nullable=True),
        sa.Column("minimum_shift_pct", sa.Double(), nullable=True),
        sa.Column("maximum_safe_shift_pct", sa.Double(), nullable=True),
        sa.Column("fleet_policy_id", sa.Integer(), nullable=True),
        sa.Column("region_policy_id", sa.Integer(), nullable=True),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("source_forecast_id", sa.BigInteger(), nullable=True),
        sa.Column("target_forecast_id", sa.BigInteger(), nullable=True),
        sa.Column("impact", postgresql.JSONB(), nullable=True),
        sa.Column("inputs_text", sa.Text(), nullable=False),
        sa.Column("inputs_sha256", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("comment", sa.String(length=2000), nullable=True),
        sa.Column("what_if_id", sa.BigInteger(), nullable=True),
        sa.Column("supersedes_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind = 'recorded' or supersedes_id is null",
            name=op.f("ck_decision_only_recorded_supersede"),
        ),
        sa.CheckConstraint(
            "kind in ('automatic', 'what_if', 'recorded')",
            name=op.f("ck_decision_kind"),
        ),
        sa.CheckConstraint(
            "outcome = 'BLOCKED' or coalesce(source_bound_after_c < 'Infinity' "
            "and source_bound_after_c > '-Infinity' and source_bound_after_c <= "
            "thermal_limit_c, false)",
            name=op.f("ck_decision_approved_within_limit"),
        ),
        sa.CheckConstraint(
            "outcome in ('APPROVED', 'BLOCKED')", name=op.f("ck_decision_outcome")
        ),
        sa.CheckConstraint(
            "length(inputs_sha256) = 64", name=op.f("ck_decision_inputs_sha256_length")
        ),
        sa.CheckConstraint(
            "shift_pct = 0 or target_region_id is not null",
            name=op.f("ck_decision_shift_has_target"),
        ),
        sa.CheckConstraint(
            "shift_pct between 0 and 100", name=op.f("ck_decision_shift_pct")
        ),
        sa.CheckConstraint(
            "target_region_id is null or target_region_id <> source_region_id",
            name=op.f("ck_decision_target_differs"),
        ),
        sa.CheckConstraint(
            "window_start_utc < window_end_utc", name=op.f("ck_decision_window")
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["app_user.id"], name=op.f("fk_decision_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["fleet_policy_id"], ["policy.id"], name=op.f("fk_decision_fleet_policy_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_decision_model_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_policy_id"],
            ["policy.id"],
            name=op.f("fk_decision_region_policy_id"),
        ),
        sa.ForeignKeyConstraint(
            ["source_forecast_id"],
            ["forecast.id"],
            name=op.f("fk_decision_source_forecast_id"),
        ),
        sa.ForeignKeyConstraint(
            ["source_region_id"],
            ["region.id"],
            name=op.f("fk_decision_source_region_id"),
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["decision.id"], name=op.f("fk_decision_supersedes_id")
        ),
        sa.ForeignKeyConstraint(
            ["target_forecast_id"],
            ["forecast.id"],
            name=op.f("fk_decision_target_forecast_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_region_id"],
            ["region.id"],
            name=op.f("fk_decision_target_region_id"),
        ),
        sa.ForeignKeyConstraint(
            ["what_if_id"], ["decision.id"], name=op.f("fk_decision_what_if_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("request_id", name=op.f("uq_decision_request_id")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_decision_supersedes_id")),
    )
    op.create_index("ix_decision_kind", "decision", ["kind", "id"])
    op.create_index(
        "ix_decision_window", "decision", ["source_region_id", "window_start_utc"]
    )
    op.create_index(
        "uq_decision_automatic",
        "decision",
        ["source_forecast_id", "inputs_sha256"],
        unique=True,
        postgresql_where=sa.text("kind = 'automatic'"),
    )
    op.create_index(
        "uq_decision_what_if",
        "decision",
        ["actor_id", "inputs_sha256"],
        unique=True,
        postgresql_where=sa.text("kind = 'what_if'"),
    )


def _create_decision_transfer() -> None:
    op.create_table(
        "decision_transfer",
        sa.Column("decision_id", sa.BigInteger(), nullable=False),
        sa.Column("hour_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_region_id", sa.Integer(), nullable=False),
        sa.Column("target_region_id", sa.Integer(), nullable=False),
        sa.Column("moved_mw", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "moved_mw >= 0 and moved_mw < 'Infinity'",
            name=op.f("ck_decision_transfer_moved"),
        ),
        sa.CheckConstraint(
            "source_region_id <> target_region_id",
            name=op.f("ck_decision_transfer_regions_differ"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["decision.id"],
            name=op.f("fk_decision_transfer_decision_id"),
        ),
        sa.ForeignKeyConstraint(
            ["source_region_id"],
            ["region.id"],
            name=op.f("fk_decision_transfer_source_region_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_region_id"],
            ["region.id"],
            name=op.f("fk_decision_transfer_target_region_id"),
        ),
        sa.PrimaryKeyConstraint(
            "decision_id", "hour_utc", name=op.f("pk_decision_transfer")
        ),
    )
    op.create_index(
        "ix_decision_transfer_source",
        "decision_transfer",
        ["source_region_id", "hour_utc"],
    )
    op.create_index(
        "ix_decision_transfer_target",
        "decision_transfer",
        ["target_region_id", "hour_utc"],
    )
