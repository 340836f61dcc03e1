"""Telemetry in monthly partitions, its imports, and what corrections replaced.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.append_only import protect

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None

NOW = sa.text("now()")

# The application has no right to make tables; this function gives it exactly the
# months it names. A table made apart and then attached takes a lighter lock on
# `telemetry` than one created as its partition, so readers go on. The foreign keys
# still lock out writers of `region` and `ingest_batch` until the caller commits: call
# it in a transaction of its own.
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

# Runs as the owner, so that the application cannot write revisions of its own.
KEEP_REVISION = """
create function keep_telemetry_revision() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
    insert into public.telemetry_revision (
        region_id, hour_utc, batch_id, replaced_by_batch_id,
        temperature_c, relative_humidity_pct, wet_bulb_c, it_load_mw,
        carbon_intensity_gco2_kwh, water_usage_l, price_usd_mwh, wind_speed_kmh,
        cloud_cover_pct)
    values (
        old.region_id, old.hour_utc, old.batch_id, new.batch_id,
        old.temperature_c, old.relative_humidity_pct, old.wet_bulb_c, old.it_load_mw,
        old.carbon_intensity_gco2_kwh, old.water_usage_l, old.price_usd_mwh,
        old.wind_speed_kmh, old.cloud_cover_pct);
    return null;
end
$$;
revoke all on function keep_telemetry_revision() from public;
create trigger keep_revision after update on telemetry for each row
when (
    old.temperature_c is not null
        and new.temperature_c is distinct from old.temperature_c
    or old.relative_humidity_pct is not null
        and new.relative_humidity_pct is distinct from old.relative_humidity_pct
    or old.wet_bulb_c is not null
        and new.wet_bulb_c is distinct from old.wet_bulb_c
    or old.it_load_mw is not null
        and new.it_load_mw is distinct from old.it_load_mw
    or old.carbon_intensity_gco2_kwh is not null
        and new.carbon_intensity_gco2_kwh is distinct from old.carbon_intensity_gco2_kwh
    or old.water_usage_l is not null
        and new.water_usage_l is distinct from old.water_usage_l
    or old.price_usd_mwh is not null
        and new.price_usd_mwh is distinct from old.price_usd_mwh
    or old.wind_speed_kmh is not null
        and new.wind_speed_kmh is distinct from old.wind_speed_kmh
    or old.cloud_cover_pct is not null
        and new.cloud_cover_pct is distinct from old.cloud_cover_pct
)
execute function keep_telemetry_revision()
"""


def upgrade() -> None:
    """Make the tables, the partition function and the revision trigger."""
    _create_ingest_batch()
    _create_ingest_reject()
    _create_telemetry()
    _create_telemetry_revision()
    op.execute(ENSURE_PARTITIONS)
    op.execute(KEEP_REVISION)
    protect("telemetry_revision")


def downgrade() -> None:
    """Drop the tables with all partitions."""
    for table in ("telemetry_revision", "telemetry", "ingest_reject", "ingest_batch"):
        op.drop_table(table)
    op.execute("drop function keep_telemetry_revision()")
    op.execute("drop function ensure_telemetry_partitions(timestamptz, timestamptz)")


def _create_ingest_batch() -> None:
    op.create_table(
        "ingest_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source_label", sa.String(length=300), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("carbon_kind", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("region_slugs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("quantities", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("first_hour_utc", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_hour_utc", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("rows_inserted", sa.Integer(), nullable=False),
        sa.Column("rows_updated", sa.Integer(), nullable=False),
        sa.Column("rows_unchanged", sa.Integer(), nullable=False),
        sa.Column("rows_refused", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "carbon_kind is null or carbon_kind in ('life-cycle', 'direct')",
            name=op.f("ck_ingest_batch_carbon_kind"),
        ),
        sa.CheckConstraint(
            "format in ('csv', 'open-meteo', 'electricity-maps', 'generator')",
            name=op.f("ck_ingest_batch_format"),
        ),
        sa.CheckConstraint(
            "origin in ('measured', 'synthetic')", name=op.f("ck_ingest_batch_origin")
        ),
        sa.CheckConstraint(
            "length(content_sha256) = 64",
            name=op.f("ck_ingest_batch_content_sha256_length"),
        ),
        sa.CheckConstraint(
            "rows_read = rows_inserted + rows_updated + rows_unchanged + rows_refused",
            name=op.f("ck_ingest_batch_counts_add_up"),
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["app_user.id"], name=op.f("fk_ingest_batch_actor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest_batch")),
    )


def _create_ingest_reject() -> None:
    op.create_table(
        "ingest_reject",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("line_number", sa.BigInteger(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw_text", sa.String(length=500), nullable=False),
        sa.CheckConstraint(
            "line_number > 0", name=op.f("ck_ingest_reject_line_number_positive")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["ingest_batch.id"], name=op.f("fk_ingest_reject_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingest_reject")),
    )
    op.create_index(
        "ix_ingest_reject_batch_id", "ingest_reject", ["batch_id", "line_number"]
    )


def _create_telemetry() -> None:
    op.create_table(
        "telemetry",
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("hour_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("temperature_c", sa.Double(), nullable=True),
        sa.Column("relative_humidity_pct", sa.Double(), nullable=True),
        sa.Column("wet_bulb_c", sa.Double(), nullable=True),
        sa.Column("it_load_mw", sa.Double(), nullable=True),
        sa.Column("carbon_intensity_gco2_kwh", sa.Double(), nullable=True),
        sa.Column("water_usage_l", sa.Double(), nullable=True),
        sa.Column("price_usd_mwh", sa.Double(), nullable=True),
        sa.Column("wind_speed_kmh", sa.Double(), nullable=True),
        sa.Column("cloud_cover_pct", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "carbon_intensity_gco2_kwh between 0 and 2000",
            name=op.f("ck_telemetry_carbon"),
        ),
        sa.CheckConstraint(
            "cloud_cover_pct between 0 and 100", name=op.f("ck_telemetry_cloud")
        ),
        sa.CheckConstraint(
            "extract(epoch from hour_utc) % 3600 = 0",
            name=op.f("ck_telemetry_full_hour"),
        ),
        sa.CheckConstraint(
            "it_load_mw between 0 and 100000", name=op.f("ck_telemetry_it_load")
        ),
        sa.CheckConstraint(
            "price_usd_mwh between -1e5 and 1e5", name=op.f("ck_telemetry_price")
        ),
        sa.CheckConstraint(
            "relative_humidity_pct between 0 and 100",
            name=op.f("ck_telemetry_humidity"),
        ),
        sa.CheckConstraint(
            "temperature_c between -100 and 100", name=op.f("ck_telemetry_temperature")
        ),
        sa.CheckConstraint(
            "water_usage_l between 0 and 1e9", name=op.f("ck_telemetry_water")
        ),
        sa.CheckConstraint(
            "wet_bulb_c between -100 and 100", name=op.f("ck_telemetry_wet_bulb")
        ),
        sa.CheckConstraint(
            "wind_speed_kmh between 0 and 500", name=op.f("ck_telemetry_wind")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["ingest_batch.id"], name=op.f("fk_telemetry_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_telemetry_region_id")
        ),
        sa.PrimaryKeyConstraint("region_id", "hour_utc", name=op.f("pk_telemetry")),
        postgresql_partition_by="RANGE (hour_utc)",
    )


def _create_telemetry_revision() -> None:
    op.create_table(
        "telemetry_revision",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("hour_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("replaced_by_batch_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "replaced_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.Column("temperature_c", sa.Double(), nullable=True),
        sa.Column("relative_humidity_pct", sa.Double(), nullable=True),
        sa.Column("wet_bulb_c", sa.Double(), nullable=True),
        sa.Column("it_load_mw", sa.Double(), nullable=True),
        sa.Column("carbon_intensity_gco2_kwh", sa.Double(), nullable=True),
        sa.Column("water_usage_l", sa.Double(), nullable=True),
        sa.Column("price_usd_mwh", sa.Double(), nullable=True),
        sa.Column("wind_speed_kmh", sa.Double(), nullable=True),
        sa.Column("cloud_cover_pct", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["ingest_batch.id"],
            name=op.f("fk_telemetry_revision_batch_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_telemetry_revision_region_id")
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by_batch_id"],
            ["ingest_batch.id"],
            name=op.f("fk_telemetry_revision_replaced_by_batch_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telemetry_revision")),
    )
    op.create_index(
        "ix_telemetry_revision_hour", "telemetry_revision", ["region_id", "hour_utc"]
    )
