"""Forecasts with their hours and inputs, conformity scores and calibrations.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table interval_calibration (
    id bigint generated always as identity
        constraint pk_interval_calibration primary key,
    model_version_id integer not null
        constraint fk_interval_calibration_model_version_id references model_version,
    region_id integer not null
        constraint fk_interval_calibration_region_id references region,
    confidence numeric(6, 5) not null,
    quantile double precision not null,
    score_count integer not null,
    first_issue_utc timestamptz not null,
    last_issue_utc timestamptz not null,
    created_at_utc timestamptz not null default now(),
    constraint ck_interval_calibration_confidence
        check (confidence between 0.5 and 0.99),
    constraint ck_interval_calibration_quantile
        check (quantile > 0 and quantile < 'Infinity'),
    constraint ck_interval_calibration_score_count check (score_count > 0)
);
create index ix_interval_calibration_latest
    on interval_calibration (model_version_id, region_id, id);

create table forecast (
    id bigint generated always as identity constraint pk_forecast primary key,
    region_id integer not null constraint fk_forecast_region_id references region,
    target text not null,
    issued_at_utc timestamptz not null,
    kind text not null,
    status text not null,
    refusal_code text,
    refusal_text text,
    model_version_id integer
        constraint fk_forecast_model_version_id references model_version,
    telemetry_watermark_utc timestamptz,
    confidence numeric(6, 5),
    score_count integer,
    score_watermark_id bigint,
    score_quantile double precision,
    tracking_offset double precision,
    day_bound_c double precision,
    interval_calibration_id bigint
        constraint fk_forecast_interval_calibration_id references interval_calibration,
    created_at_utc timestamptz not null default now(),
    constraint ck_forecast_kind check (kind in ('live', 'hindcast')),
    constraint ck_forecast_status check (status in ('issued', 'refused')),
    constraint ck_forecast_refusal_code
        check ((status = 'refused') = (refusal_code is not null)),
    constraint ck_forecast_refusal_text
        check ((status = 'refused') = (refusal_text is not null)),
    constraint ck_forecast_names_model
        check (status = 'refused' or model_version_id is not null),
    constraint ck_forecast_bound_finite
        check (day_bound_c > '-Infinity' and day_bound_c < 'Infinity'),
    constraint ck_forecast_bound_has_quantile
        check ((day_bound_c is null) = (score_quantile is null))
);
create index ix_forecast_latest on forecast (region_id, target, issued_at_utc, id);
create unique index uq_forecast_issued
    on forecast (region_id, target, issued_at_utc, model_version_id)
    where status = 'issued';

create table forecast_hour (
    forecast_id bigint not null
        constraint fk_forecast_hour_forecast_id references forecast,
    hour_index smallint not null,
    mean double precision not null,
    scale double precision not null,
    lower double precision,
    upper double precision,
    constraint pk_forecast_hour primary key (forecast_id, hour_index),
    constraint ck_forecast_hour_hour_index check (hour_index between 0 and 23),
    constraint ck_forecast_hour_mean_finite
        check (mean > '-Infinity' and mean < 'Infinity'),
    constraint ck_forecast_hour_scale_positive check (scale > 0 and scale < 'Infinity'),
    constraint ck_forecast_hour_both_bounds check ((lower is null) = (upper is null)),
    constraint ck_forecast_hour_bounds_order check (lower <= mean and mean <= upper)
);

create table forecast_input (
    forecast_id bigint
        constraint pk_forecast_input primary key
        constraint fk_forecast_input_forecast_id references forecast,
    region_index integer not null,
    features bytea not null,
    constraint ck_forecast_input_features_float32
        check (octet_length(features) > 0 and octet_length(features) % 4 = 0),
    constraint ck_forecast_input_region_index check (region_index >= 0)
);

create table window_score (
    id bigint generated always as identity constraint pk_window_score primary key,
    region_id integer not null constraint fk_window_score_region_id references region,
    model_version_id integer not null
        constraint fk_window_score_model_version_id references model_version,
    issued_at_utc timestamptz not null,
    local_issue_hour smallint not null,
    day_max_c double precision,
    score double precision,
    unscored_reason text,
    created_at_utc timestamptz not null default now(),
    constraint uq_window_score_region_id_model_version_id_issued_at_utc
        unique (region_id, model_version_id, issued_at_utc),
    constraint ck_window_score_local_hour check (local_issue_hour between 0 and 23),
    constraint ck_window_score_score_or_reason
        check ((score is null) = (unscored_reason is not null)),
    constraint ck_window_score_score_has_max
        check ((score is null) = (day_max_c is null)),
    constraint ck_window_score_score_finite
        check (score > '-Infinity' and score < 'Infinity')
);
create index ix_window_score_calibration
    on window_score (region_id, model_version_id, local_issue_hour, issued_at_utc)
"""

NAMES = (
    "interval_calibration",
    "forecast",
    "forecast_hour",
    "forecast_input",
    "window_score",
)


def upgrade() -> None:
    """Make the tables; a forecast is never changed."""
    op.execute(TABLES)
    protect(*NAMES)


def downgrade() -> None:
    """Drop the tables."""
    op.execute(f"drop table {', '.join(NAMES)}")
