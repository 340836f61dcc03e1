"""The warmest sample of an hour, and batches of every kind of carbon intensity.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: None = None
depends_on: None = None

UPGRADE = """
alter table telemetry add column temperature_max_c double precision;
alter table telemetry add constraint ck_telemetry_temperature_max_c
    check (temperature_max_c between -100 and 100);
alter table telemetry_revision add column temperature_max_c double precision;
alter table ingest_batch drop constraint ck_ingest_batch_carbon_kind;
update ingest_batch set carbon_kind = carbon_kind || ' average'
where carbon_kind in ('life-cycle', 'direct');
alter table ingest_batch add constraint ck_ingest_batch_carbon_kind
    check (carbon_kind ~ '^(life-cycle|direct) (average|marginal)( market-based)?$')
"""

DOWNGRADE = """
alter table telemetry drop column temperature_max_c;
alter table telemetry_revision drop column temperature_max_c;
alter table ingest_batch drop constraint ck_ingest_batch_carbon_kind;
update ingest_batch set carbon_kind = split_part(carbon_kind, ' ', 1);
alter table ingest_batch add constraint ck_ingest_batch_carbon_kind
    check (carbon_kind is null or carbon_kind in ('life-cycle', 'direct'))
"""


def upgrade() -> None:
    """Add the column, and name the kinds in full."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Drop the column; a batch keeps only the scope of its carbon intensity."""
    op.execute(DOWNGRADE)
