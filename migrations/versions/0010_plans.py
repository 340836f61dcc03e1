"""Plans, and the decisions that carry them out.

Revision ID: 0010
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0010"
down_revision: str | None = "0007"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; let decisions cite a plan, and transfers say what arrived."""
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("anchor_region_id", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("window_start_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("window_end_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("result", postgresql.JSONB(), nullable=False),
        sa.Column("inputs_text", sa.Text(), nullable=False),
        sa.Column("inputs_sha256", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "length(inputs_sha256) = 64", name=op.f("ck_plan_inputs_sha256_length")
        ),
        sa.CheckConstraint(
            "window_start_utc < window_end_utc", name=op.f("ck_plan_window")
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["app_user.id"], name=op.f("fk_plan_actor_id")
        ),
        sa.ForeignKeyConstraint(
            ["anchor_region_id"], ["region.id"], name=op.f("fk_plan_anchor_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("request_id", name=op.f("uq_plan_request_id")),
    )
    op.create_index(
        "uq_plan_inputs", "plan", ["actor_id", "inputs_sha256"], unique=True
    )
    protect("plan")
    op.add_column("decision", sa.Column("plan_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_decision_plan_id"), "decision", "plan", ["plan_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_decision_only_recorded_cite_a_plan"),
        "decision",
        "kind = 'recorded' or plan_id is null",
    )
    op.create_index(
        "uq_decision_plan_part",
        "decision",
        ["plan_id", "source_region_id", "target_region_id"],
        unique=True,
        postgresql_where=sa.text("plan_id is not null"),
    )
    op.add_column(
        "decision_transfer", sa.Column("arrived_mw", sa.Double(), nullable=True)
    )
    op.create_check_constraint(
        op.f("ck_decision_transfer_arrived"),
        "decision_transfer",
        "arrived_mw >= moved_mw and arrived_mw < 'Infinity'",
    )


def downgrade() -> None:
    """Drop the table; with plans in it only after consent."""
    require_consent_to_discard("plan")
    op.drop_constraint(op.f("ck_decision_transfer_arrived"), "decision_transfer")
    op.drop_column("decision_transfer", "arrived_mw")
    op.drop_index("uq_decision_plan_part", "decision")
    op.drop_constraint(op.f("ck_decision_only_recorded_cite_a_plan"), "decision")
    op.drop_constraint(op.f("fk_decision_plan_id"), "decision")
    op.drop_column("decision", "plan_id")
    op.drop_table("plan")
