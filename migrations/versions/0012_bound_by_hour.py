"""The hours of scored windows, from which a bound after a rise is calibrated.

Windows scored before have none: a bound that rests on one of them moves by the largest
hour of a rise, as it did.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from alembic import context, op

from core.errors import Conflict

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: None = None
depends_on: None = None

COLUMN = """
alter table window_score
    add column hours bytea,
    add constraint ck_window_score_hours_of_score
        check (hours is null or score is not null),
    add constraint ck_window_score_hours_float32
        check (octet_length(hours) > 0 and octet_length(hours) % 12 = 0)
"""


def upgrade() -> None:
    """Add the column; no row is changed."""
    op.execute(COLUMN)


def downgrade() -> None:
    """Drop the column, without which decisions on shifts no longer replay."""
    if context.get_x_argument(as_dictionary=True).get("discard-history") != "yes":
        query = "select count(*) from window_score where hours is not null"
        row_count = op.get_bind().exec_driver_sql(query).scalar()
        if row_count:
            message = (
                f"This downgrade would drop the hours of {row_count} scored windows,"
                " without which decisions on shifts cannot be replayed. Back the"
                " database up; if you mean it, repeat with -x discard-history=yes"
                " (gfo db downgrade --discard-history)."
            )
            raise Conflict(message)
    op.execute("alter table window_score drop column hours")
