"""Whether the active model of each target answers, as the worker last found it.

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0041"
down_revision: str | None = "0040"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; the worker fills it within a minute."""
    op.create_table(
        "model_health",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "changed_at_utc",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "is_available = (reason is null)",
            name=op.f("ck_model_health_unavailable_has_reason"),
        ),
        sa.PrimaryKeyConstraint("target", name=op.f("pk_model_health")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("model_health")
