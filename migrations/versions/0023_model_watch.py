"""The watch of serving models, its alarms, and weekly fits of the plain model.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: None = None
depends_on: None = None

ADD = """
create table plain_fit (
    region_id integer not null
        constraint fk_plain_fit_region_id references region,
    issue_hour_utc smallint not null,
    uses_runs boolean not null,
    week_start_utc timestamptz not null,
    content bytea not null,
    constraint pk_plain_fit primary key (region_id, issue_hour_utc, uses_runs),
    constraint ck_plain_fit_issue_hour check (issue_hour_utc between 0 and 23)
);
create table model_watch (
    region_id integer not null
        constraint fk_model_watch_region_id references region,
    model_version_id integer not null
        constraint fk_model_watch_model_version_id references model_version,
    local_issue_hour smallint not null,
    last_issued_at_utc timestamptz not null,
    score_evidence double precision not null,
    miss_evidence double precision not null,
    constraint pk_model_watch
        primary key (region_id, model_version_id, local_issue_hour),
    constraint ck_model_watch_local_hour check (local_issue_hour between 0 and 23),
    constraint ck_model_watch_evidence check (
        score_evidence between 0 and 1e12 and miss_evidence between 0 and 1e12)
);
create table model_alarm (
    id integer generated always as identity constraint pk_model_alarm primary key,
    region_id integer not null
        constraint fk_model_alarm_region_id references region,
    model_version_id integer not null
        constraint fk_model_alarm_model_version_id references model_version,
    evidence double precision not null,
    raised_at_utc timestamptz not null default now(),
    cleared_at_utc timestamptz
);
create unique index uq_model_alarm_standing
    on model_alarm (region_id, model_version_id) where cleared_at_utc is null;
alter table policy add column falls_back_on_alarm boolean;
alter table forecast
    add column plain_hour_excess_c double precision,
    add constraint ck_forecast_plain_hour_excess_finite check (
        plain_hour_excess_c > '-Infinity' and plain_hour_excess_c < 'Infinity')
"""
DROP = """
alter table forecast drop column plain_hour_excess_c;
alter table policy drop column falls_back_on_alarm;
drop table model_alarm;
drop table model_watch;
drop table plain_fit
"""


def upgrade() -> None:
    """Add the tables; the next issues and scores fill them."""
    op.execute(ADD)


def downgrade() -> None:
    """Drop them; an older release makes a fit for each issue and watches nothing."""
    op.execute(DROP)
