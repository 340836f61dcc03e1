"""What a value was held against: the weather run or the region that a finding names.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Add the column; findings there are of checks that hold against no other."""
    op.execute("alter table telemetry_finding add column against text")


def downgrade() -> None:
    """Drop it, and the findings of checks that the release before does not know.

    Their hours count as good until they are judged again.
    """
    op.execute(
        "delete from telemetry_finding where rule in ('weather_run', 'other_region')"
    )
    op.execute("alter table telemetry_finding drop column against")
