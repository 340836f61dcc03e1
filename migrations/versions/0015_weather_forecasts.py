"""Weather forecasts as issued, and forecasts, scores and intervals per input mode.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table weather_forecast (
    id bigint generated always as identity constraint pk_weather_forecast primary key,
    region_id integer not null
        constraint fk_weather_forecast_region_id references region,
    source text not null,
    model text not null,
    member text not null,
    quantity text not null,
    issued_at_utc timestamptz not null,
    known_at_utc timestamptz,
    first_lead_h smallint not null,
    hourly_values double precision[] not null,
    created_at_utc timestamptz not null default now(),
    constraint ck_weather_forecast_known_after_issue
        check (known_at_utc >= issued_at_utc),
    constraint ck_weather_forecast_lead
        check (first_lead_h >= 0 and first_lead_h + cardinality(hourly_values) <= 385),
    constraint ck_weather_forecast_has_hours check (cardinality(hourly_values) > 0)
);
create unique index uq_weather_forecast_run
    on weather_forecast (region_id, issued_at_utc, source, model, member, quantity,
        known_at_utc)
    nulls not distinct;

create table forecast_mode (
    forecast_id bigint not null
        constraint fk_forecast_mode_forecast_id references forecast,
    input_mode text not null,
    mean double precision[] not null,
    scale double precision[] not null,
    constraint pk_forecast_mode primary key (forecast_id, input_mode),
    constraint ck_forecast_mode_input_mode check (input_mode in
        ('run_12h', 'run_24h', 'run_48h', 'run_partial', 'telemetry')),
    constraint ck_forecast_mode_hours
        check (cardinality(mean) = 24 and cardinality(scale) = 24)
)
"""

COLUMNS = """
alter table forecast add column input_mode text not null default 'telemetry';
alter table forecast add column run_issued_at_utc timestamptz;
alter table forecast add constraint ck_forecast_input_mode check (input_mode in
    ('run_12h', 'run_24h', 'run_48h', 'run_partial', 'telemetry'));
alter table forecast add constraint ck_forecast_mode_has_run
    check ((input_mode = 'telemetry') = (run_issued_at_utc is null));
alter table forecast add constraint ck_forecast_run_is_known
    check (run_issued_at_utc <= issued_at_utc);

alter table window_score add column input_mode text not null default 'telemetry';
alter table window_score add constraint ck_window_score_input_mode check (input_mode in
    ('run_12h', 'run_24h', 'run_48h', 'run_partial', 'telemetry'));
alter table window_score
    drop constraint uq_window_score_region_id_model_version_id_issued_at_utc;
alter table window_score add constraint uq_window_score_window_mode
    unique (region_id, model_version_id, issued_at_utc, input_mode);

alter table interval_calibration
    add column input_mode text not null default 'telemetry';
alter table interval_calibration add constraint ck_interval_calibration_input_mode
    check (input_mode in
        ('run_12h', 'run_24h', 'run_48h', 'run_partial', 'telemetry'))
"""

DOWNGRADE = """
drop table forecast_mode;
drop table weather_forecast;
alter table window_score disable trigger refuse_change;
delete from window_score where input_mode <> 'telemetry';
alter table window_score enable trigger refuse_change;
alter table window_score drop constraint uq_window_score_window_mode;
alter table window_score drop column input_mode;
alter table window_score
    add constraint uq_window_score_region_id_model_version_id_issued_at_utc
    unique (region_id, model_version_id, issued_at_utc);
alter table interval_calibration drop column input_mode;
alter table forecast drop column run_issued_at_utc, drop column input_mode
"""


def upgrade() -> None:
    """Make the tables and columns; what is stored rested on telemetry alone."""
    op.execute(TABLES)
    op.execute(COLUMNS)
    protect("weather_forecast", "forecast_mode")


def downgrade() -> None:
    """Drop them; scores of modes that rest on weather forecasts can be made again."""
    require_consent_to_discard("weather_forecast")
    op.execute(DOWNGRADE)
