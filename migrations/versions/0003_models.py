"""Model registry and the append-only log of activations.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.append_only import protect

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None

NOW = sa.text("now()")


def upgrade() -> None:
    """Make the tables; activations are only ever added."""
    _create_model_version()
    _create_model_activation()
    protect("model_activation")


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("model_activation")
    op.drop_table("model_version")


def _create_model_version() -> None:
    op.create_table(
        "model_version",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("onnx_sha256", sa.Text(), nullable=False),
        sa.Column("onnx_bytes", sa.LargeBinary(), nullable=False),
        sa.Column("contract_version", sa.Integer(), nullable=False),
        sa.Column("feature_names", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("region_slugs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("horizon_h", sa.Integer(), nullable=False),
        sa.Column("trained_from_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trained_until_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("metrics", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rejected_reason", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "(state = 'rejected') = (rejected_reason is not null)",
            name=op.f("ck_model_version_rejected_has_reason"),
        ),
        sa.CheckConstraint(
            "state in ('candidate', 'validated', 'rejected')",
            name=op.f("ck_model_version_state"),
        ),
        sa.CheckConstraint(
            "horizon_h between 1 and 168", name=op.f("ck_model_version_horizon")
        ),
        sa.CheckConstraint(
            "length(onnx_sha256) = 64", name=op.f("ck_model_version_onnx_sha256_length")
        ),
        sa.CheckConstraint(
            "trained_from_utc < trained_until_utc", name=op.f("ck_model_version_window")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["app_user.id"],
            name=op.f("fk_model_version_created_by_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
        sa.UniqueConstraint(
            "target", "onnx_sha256", name=op.f("uq_model_version_target_onnx_sha256")
        ),
    )


def _create_model_activation() -> None:
    op.create_table(
        "model_activation",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("previous_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["app_user.id"], name=op.f("fk_model_activation_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_model_activation_model_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["previous_id"],
            ["model_activation.id"],
            name=op.f("fk_model_activation_previous_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_activation")),
        sa.UniqueConstraint(
            "previous_id", name=op.f("uq_model_activation_previous_id")
        ),
    )
    op.create_index("ix_model_activation_target", "model_activation", ["target", "id"])
    op.create_index(
        "uq_model_activation_first",
        "model_activation",
        ["target"],
        unique=True,
        postgresql_where=sa.text("previous_id is null"),
    )
