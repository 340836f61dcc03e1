"""The watch of a model's skill over the fleet, and what it is held against.

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: None = None
depends_on: None = None

ADD = (
    "alter table plain_fit add column if not exists hour_weights bytea",
    "alter table forecast add column if not exists plain_hours real[]",
    """
    alter table forecast
        drop constraint if exists ck_forecast_plain_hours,
        add constraint ck_forecast_plain_hours check (
            cardinality(plain_hours) = 24 and array_position(plain_hours, null) is null
            and '-Infinity' < all (plain_hours)
            and 'Infinity' > all (plain_hours)) not valid
    """,
    "alter table forecast validate constraint ck_forecast_plain_hours",
    """
    alter table window_score
        add column if not exists log_error_ratio double precision
    """,
    """
    alter table window_score
        drop constraint if exists ck_window_score_log_error_ratio_finite,
        add constraint ck_window_score_log_error_ratio_finite check (
            log_error_ratio > '-Infinity' and log_error_ratio < 'Infinity') not valid
    """,
    """
    alter table window_score
        validate constraint ck_window_score_log_error_ratio_finite
    """,
    """
    create table if not exists model_skill_watch (
        model_version_id integer not null
            constraint pk_model_skill_watch primary key
            constraint fk_model_skill_watch_model_version_id references model_version,
        next_day_utc timestamptz not null,
        evidence double precision not null default 0,
        constraint ck_model_skill_watch_evidence check (evidence between 0 and 1e12)
    )
    """,
    """
    alter table model_alarm alter column region_id drop not null;
    drop index if exists uq_model_alarm_standing;
    create unique index uq_model_alarm_standing
        on model_alarm (coalesce(region_id, 0), model_version_id)
        where cleared_at_utc is null
    """,
    "set lock_timeout = 0",
    "drop index concurrently if exists ix_window_score_skill",
    """
    create index concurrently ix_window_score_skill
        on window_score (model_version_id, issued_at_utc)
        include (region_id, log_error_ratio) where log_error_ratio is not null
    """,
    "set lock_timeout = '2s'",
)
"""Each in a transaction of its own; all may run twice."""

DROP = """
delete from model_alarm where region_id is null;
drop index uq_model_alarm_standing;
create unique index uq_model_alarm_standing
    on model_alarm (region_id, model_version_id) where cleared_at_utc is null;
alter table model_alarm alter column region_id set not null;
drop table model_skill_watch;
drop index ix_window_score_skill;
alter table window_score drop column log_error_ratio;
alter table forecast drop column plain_hours;
alter table plain_fit drop column hour_weights
"""


def upgrade() -> None:
    """Add them; scores from now on count, and the hindcasts of new models."""
    with op.get_context().autocommit_block():
        for statement in ADD:
            op.execute(statement)


def downgrade() -> None:
    """Drop them, and the alarms of a whole fleet with them."""
    op.execute(DROP)
