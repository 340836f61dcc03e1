"""Requests that were carried out: the same one again gets the same answer.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import protect

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; a request is handled once and then never changed."""
    op.create_table(
        "handled_request",
        sa.Column("request_id", sa.UUID(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "length(body_sha256) = 64",
            name=op.f("ck_handled_request_body_sha256_length"),
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["app_user.id"], name=op.f("fk_handled_request_actor_id")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_handled_request")),
    )
    protect("handled_request")


def downgrade() -> None:
    """Drop the table: requests of before are then judged as new ones."""
    op.drop_table("handled_request")
