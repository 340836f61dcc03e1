"""Forecasts without the newest hours, and forecasts issued again once they came.

Revision ID: 0018
Revises: 0016
"""

from __future__ import annotations

from alembic import op

revision: str = "0018"
down_revision: str | None = "0016"
branch_labels: None = None
depends_on: None = None

ADD = """
alter table forecast
    add column revision integer not null default 0,
    add column lag_h smallint not null default 0,
    add constraint ck_forecast_revision check (revision >= 0),
    add constraint ck_forecast_lag check (lag_h between 0 and 23)
"""

# A downgrade leaves revisions that have no number.
NUMBER = """
update forecast set revision = numbered.number
from (
    select id, row_number() over (
        partition by region_id, target, issued_at_utc, model_version_id order by id
    ) - 1 as number
    from forecast where status = 'issued'
) as numbered
where forecast.id = numbered.id and numbered.number > 0
"""

UNIQUE_REVISION = """
create unique index uq_forecast_issued
on forecast (region_id, target, issued_at_utc, model_version_id, revision)
where status = 'issued'
"""

UNIQUE = """
create unique index uq_forecast_issued
on forecast (region_id, target, issued_at_utc, model_version_id)
where status = 'issued'
"""


def upgrade() -> None:
    """Every forecast of before is the first of its instant, with all its hours."""
    op.execute(ADD)
    op.execute("drop index uq_forecast_issued")
    op.execute("alter table forecast disable trigger user")
    op.execute(NUMBER)
    op.execute("alter table forecast enable trigger user")
    op.execute(UNIQUE_REVISION)


def downgrade() -> None:
    """One forecast an instant again; later revisions stay, outside the index.

    How late the hours behind a forecast were is forgotten.
    """
    found = op.get_bind().exec_driver_sql(
        "select id from forecast where revision > 0 and status = 'issued'"
    )
    later = ", ".join(str(forecast_id) for forecast_id in found.scalars())
    op.execute("drop index uq_forecast_issued")
    op.execute("alter table forecast drop column revision, drop column lag_h")
    op.execute(UNIQUE + (f"and id not in ({later})" if later else ""))
