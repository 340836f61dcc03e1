"""The hours of the served mode are those of the forecast: stored once.

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

from alembic import op

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: None = None
depends_on: None = None

STORED_ONCE = """
alter table forecast_mode disable trigger user;
delete from forecast_mode mode using forecast
where forecast.id = mode.forecast_id and forecast.input_mode = mode.input_mode;
alter table forecast_mode enable trigger user
"""

STORED_TWICE = """
alter table forecast_mode disable trigger user;
insert into forecast_mode (forecast_id, input_mode, mean, scale, exact_hours)
select id, input_mode, mean, scale, exact_hours from forecast
where mean is not null
    and exists (select from forecast_mode mode where mode.forecast_id = forecast.id)
on conflict do nothing;
alter table forecast_mode enable trigger user
"""


def upgrade() -> None:
    """Delete what the forecast says itself."""
    op.execute(STORED_ONCE)


def downgrade() -> None:
    """Store it again beside the other modes, to the bit."""
    op.execute(STORED_TWICE)
