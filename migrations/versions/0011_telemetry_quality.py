"""Findings of the quality checks on telemetry, and what an operator accepted.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table telemetry_finding (
    region_id integer not null
        constraint fk_telemetry_finding_region_id references region,
    quantity text not null,
    hour_utc timestamptz not null,
    quality text not null,
    rule text not null,
    value double precision not null,
    expected double precision,
    allowed double precision,
    judged_at_utc timestamptz not null,
    constraint pk_telemetry_finding primary key (region_id, hour_utc, quantity),
    constraint ck_telemetry_finding_quality check (quality in ('suspect', 'bad'))
);

create table telemetry_acceptance (
    id bigint generated always as identity
        constraint pk_telemetry_acceptance primary key,
    region_id integer not null
        constraint fk_telemetry_acceptance_region_id references region,
    quantity text not null,
    start_utc timestamptz not null,
    end_utc timestamptz not null,
    newest_batch_id bigint not null
        constraint fk_telemetry_acceptance_newest_batch_id references ingest_batch,
    hour_count integer not null,
    reason varchar(500) not null,
    actor_id integer not null
        constraint fk_telemetry_acceptance_actor_id references app_user,
    created_at_utc timestamptz not null default now(),
    constraint ck_telemetry_acceptance_hours check (start_utc < end_utc),
    constraint ck_telemetry_acceptance_hour_count_positive check (hour_count > 0),
    constraint ck_telemetry_acceptance_reason check (length(trim(reason)) > 0)
);
create index ix_telemetry_acceptance_region_id
    on telemetry_acceptance (region_id, start_utc)
"""


def upgrade() -> None:
    """Make both tables."""
    op.execute(TABLES)
    protect("telemetry_acceptance")


def downgrade() -> None:
    """Drop both; telemetry that was suspect counts as good again."""
    require_consent_to_discard("telemetry_acceptance")
    op.execute("drop table telemetry_finding, telemetry_acceptance")
