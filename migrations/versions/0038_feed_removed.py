"""A feed can be removed; its row stays, which what it brought refers to.

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0038"
down_revision: str | None = "0037"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Store when a feed was removed."""
    op.add_column("feed", sa.Column("removed_at_utc", sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Removed feeds are paused ones, whose names say so."""
    op.drop_column("feed", "removed_at_utc")
