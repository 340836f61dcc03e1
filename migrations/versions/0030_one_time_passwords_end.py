"""One-time passwords run out.

Revision ID: 0030
Revises: 0041
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0030"
down_revision: str | None = "0041"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the instant; accounts made before keep passwords that do not run out."""
    op.add_column(
        "app_user",
        sa.Column("one_time_until_utc", sa.DateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    """Drop it: one-time passwords then last until they are changed."""
    op.drop_column("app_user", "one_time_until_utc")
