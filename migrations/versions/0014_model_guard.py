"""The plain model's bound beside each forecast, and the gap that it allows.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: None = None
depends_on: None = None

ADD = """
alter table forecast
    add column plain_bound_c double precision,
    add column plain_error_c double precision,
    add column allowed_gap_c double precision,
    add constraint ck_forecast_plain_bound_finite
        check (plain_bound_c > '-Infinity' and plain_bound_c < 'Infinity'),
    add constraint ck_forecast_plain_error
        check (plain_error_c > 0 and plain_error_c < 'Infinity'),
    add constraint ck_forecast_allowed_gap
        check (allowed_gap_c >= 0 and allowed_gap_c < 'Infinity'),
    add constraint ck_forecast_plain_complete
        check (num_nulls(plain_bound_c, plain_error_c, allowed_gap_c) in (0, 3))
"""
DROP = """
alter table forecast
    drop column plain_bound_c,
    drop column plain_error_c,
    drop column allowed_gap_c
"""


def upgrade() -> None:
    """Forecasts of before keep no plain bound; they stay as they were issued."""
    op.execute(ADD)


def downgrade() -> None:
    """Forget the plain bounds; the forecasts stay."""
    op.execute(DROP)
