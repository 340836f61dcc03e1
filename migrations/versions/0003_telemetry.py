"""Telemetry in monthly partitions, its imports, and what corrections replaced.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table ingest_batch (
    id bigint generated always as identity constraint pk_ingest_batch primary key,
    source_label varchar(300) not null,
    format text not null,
    content_sha256 text not null,
    origin text not null,
    carbon_kind text,
    time_zone text,
    region_slugs text[] not null,
    quantities text[] not null,
    first_hour_utc timestamptz,
    last_hour_utc timestamptz,
    rows_read integer not null,
    rows_inserted integer not null,
    rows_updated integer not null,
    rows_unchanged integer not null,
    rows_refused integer not null,
    actor_id integer not null constraint fk_ingest_batch_actor_id references app_user,
    created_at_utc timestamptz not null default now(),
    constraint ck_ingest_batch_origin check (origin in ('measured', 'synthetic')),
    constraint ck_ingest_batch_format
        check (format ~ '^[a-z][a-z0-9-]{1,39}$'),
    constraint ck_ingest_batch_content_sha256_length
        check (length(content_sha256) = 64),
    constraint ck_ingest_batch_carbon_kind
        check (carbon_kind is null or carbon_kind in ('life-cycle', 'direct')),
    constraint ck_ingest_batch_counts_add_up
        check (rows_read = rows_inserted + rows_updated + rows_unchanged + rows_refused)
);

create table ingest_reject (
    id bigint generated always as identity constraint pk_ingest_reject primary key,
    batch_id bigint not null
        constraint fk_ingest_reject_batch_id references ingest_batch,
    line_number bigint not null,
    reason_code text not null,
    reason text not null,
    raw_text varchar(500) not null,
    constraint ck_ingest_reject_line_number_positive check (line_number > 0)
);
create index ix_ingest_reject_batch_id on ingest_reject (batch_id, line_number);

create table telemetry (
    region_id integer not null constraint fk_telemetry_region_id references region,
    hour_utc timestamptz not null,
    batch_id bigint not null constraint fk_telemetry_batch_id references ingest_batch,
    temperature_c double precision,
    relative_humidity_pct double precision,
    wet_bulb_c double precision,
    it_load_mw double precision,
    carbon_intensity_gco2_kwh double precision,
    water_usage_l double precision,
    price_usd_mwh double precision,
    wind_speed_kmh double precision,
    cloud_cover_pct double precision,
    constraint pk_telemetry primary key (region_id, hour_utc),
    constraint ck_telemetry_full_hour check (extract(epoch from hour_utc) % 3600 = 0),
    constraint ck_telemetry_temperature_c check (temperature_c between -100 and 100),
    constraint ck_telemetry_relative_humidity_pct
        check (relative_humidity_pct between 0 and 100),
    constraint ck_telemetry_wet_bulb_c check (wet_bulb_c between -50 and 60),
    constraint ck_telemetry_it_load_mw check (it_load_mw between 0 and 100000),
    constraint ck_telemetry_carbon_intensity_gco2_kwh
        check (carbon_intensity_gco2_kwh between 0 and 2000),
    constraint ck_telemetry_water_usage_l
        check (water_usage_l between 0 and 1000000000),
    constraint ck_telemetry_price_usd_mwh check (price_usd_mwh between -5000 and 20000),
    constraint ck_telemetry_wind_speed_kmh check (wind_speed_kmh between 0 and 500),
    constraint ck_telemetry_cloud_cover_pct check (cloud_cover_pct between 0 and 100)
) partition by range (hour_utc);

create table telemetry_revision (
    id bigint generated always as identity constraint pk_telemetry_revision primary key,
    region_id integer not null
        constraint fk_telemetry_revision_region_id references region,
    hour_utc timestamptz not null,
    batch_id bigint not null
        constraint fk_telemetry_revision_batch_id references ingest_batch,
    replaced_by_batch_id bigint not null
        constraint fk_telemetry_revision_replaced_by_batch_id references ingest_batch,
    replaced_at_utc timestamptz not null default now(),
    temperature_c double precision,
    relative_humidity_pct double precision,
    wet_bulb_c double precision,
    it_load_mw double precision,
    carbon_intensity_gco2_kwh double precision,
    water_usage_l double precision,
    price_usd_mwh double precision,
    wind_speed_kmh double precision,
    cloud_cover_pct double precision
);
create index ix_telemetry_revision_hour on telemetry_revision (region_id, hour_utc)
"""

# The application may not create tables; this function creates exactly the months that
# it names. A table that is created first and attached then takes a lighter lock on
# `telemetry` than one created as its partition, so readers are not blocked. The
# foreign keys still block writers of `region` and `ingest_batch` until the caller
# commits.
ENSURE_PARTITIONS = """
create function ensure_telemetry_partitions(from_utc timestamptz, until_utc timestamptz)
returns integer
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
set timezone = 'UTC'
as $$
declare
    month_start timestamptz := date_trunc('month', from_utc);
    next_start timestamptz;
    partition_name text;
    made integer := 0;
begin
    if from_utc is null or until_utc is null
       or not (from_utc >= '1900-01-01' and until_utc <= '2201-01-01') then
        raise exception 'Telemetry partitions span 1900 to 2200, not % to %.',
            from_utc, until_utc using errcode = 'invalid_parameter_value';
    end if;
    while month_start < until_utc loop
        next_start := month_start + interval '1 month';
        partition_name := 'telemetry_' || to_char(month_start, 'YYYY_MM');
        if to_regclass('public.' || partition_name) is null then
            perform pg_advisory_xact_lock(hashtext('ensure_telemetry_partitions'));
            -- Somebody else may have made it while this waited for the lock, which
            -- to_regclass would not see: it looks into this session's catalog cache.
            if not exists (
                select from pg_class where relname = partition_name
                and relnamespace = 'public'::regnamespace
            ) then
                execute format(
                    'create table public.%I (like public.telemetry'
                    ' including defaults including constraints)', partition_name);
                execute format(
                    'alter table public.telemetry attach partition public.%I'
                    ' for values from (%L) to (%L)',
                    partition_name, month_start, next_start);
                made := made + 1;
            end if;
        end if;
        month_start := next_start;
    end loop;
    return made;
end
$$;
revoke all on function ensure_telemetry_partitions(timestamptz, timestamptz) from public
"""

# Runs as the owner: the application has no right to insert revisions. The function
# names no quantity, so it covers quantities that are added later. Filling a missing
# value leaves no revision. `extra_float_digits` keeps every digit in JSON.
KEEP_REVISION = """
create function keep_telemetry_revision() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
set extra_float_digits = 1
as $$
declare
    former jsonb := to_jsonb(old);
begin
    if not to_jsonb(new) @> (jsonb_strip_nulls(former) - 'batch_id') then
        insert into public.telemetry_revision overriding user value
        select * from jsonb_populate_record(
            null::public.telemetry_revision,
            former || jsonb_build_object(
                'replaced_by_batch_id', new.batch_id, 'replaced_at_utc', now()));
    end if;
    return null;
end
$$;
revoke all on function keep_telemetry_revision() from public;
create trigger keep_revision after update on telemetry
for each row execute function keep_telemetry_revision()
"""


def upgrade() -> None:
    """Make the tables, the partition function and the revision trigger."""
    op.execute(TABLES)
    op.execute(ENSURE_PARTITIONS)
    op.execute(KEEP_REVISION)
    protect("telemetry_revision")


def downgrade() -> None:
    """Drop the tables with all partitions."""
    op.execute("drop table telemetry_revision, telemetry, ingest_reject, ingest_batch")
    op.execute("drop function keep_telemetry_revision()")
    op.execute("drop function ensure_telemetry_partitions(timestamptz, timestamptz)")
