"""What the checks of the audit chain found.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import protect

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "chain_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("anchored_seq", sa.BigInteger(), nullable=True),
        sa.Column("first_bad_seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column(
            "checked_at_utc",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(first_bad_seq is null) = (reason is null)",
            name=op.f("ck_chain_check_broken_has_reason"),
        ),
        sa.CheckConstraint(
            "scope in ('whole', 'tail')", name=op.f("ck_chain_check_scope")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_check")),
    )
    op.create_index("ix_chain_check_scope", "chain_check", ["scope", "id"])
    protect("chain_check")


def downgrade() -> None:
    """Drop the table; the chain can be checked again at any time."""
    op.drop_table("chain_check")
