"""Regions, and the versions of the policy that applies to them.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: None = None
depends_on: None = None

TABLES = """
create table region (
    id integer generated always as identity constraint pk_region primary key,
    slug varchar(32) not null,
    name varchar(80) not null,
    time_zone text not null,
    latitude_deg double precision not null,
    longitude_deg double precision not null,
    cooling_type text not null,
    overhead_frac double precision not null,
    chiller_cop double precision not null,
    economiser_full_c double precision not null,
    economiser_none_c double precision not null,
    wue_air_l_per_kwh double precision not null,
    adiabatic_switch_c double precision not null,
    it_capacity_mw double precision not null,
    flexible_load_frac double precision not null,
    grid_water_l_per_kwh double precision not null,
    grid_hydro_frac double precision not null default 0,
    colour text not null,
    is_synthetic boolean not null default false,
    is_active boolean not null default true,
    created_at_utc timestamptz not null default now(),
    constraint uq_region_slug unique (slug),
    constraint ck_region_cooling_type
        check (cooling_type in ('evaporative', 'air', 'hybrid', 'adiabatic')),
    constraint ck_region_latitude check (latitude_deg between -90 and 90),
    constraint ck_region_longitude check (longitude_deg between -180 and 180),
    constraint ck_region_capacity_positive
        check (it_capacity_mw > 0 and it_capacity_mw <= 100000),
    constraint ck_region_flexible_frac check (flexible_load_frac between 0 and 1),
    constraint ck_region_grid_water check (grid_water_l_per_kwh between 0 and 100),
    constraint ck_region_grid_hydro check (grid_hydro_frac between 0 and 1),
    constraint ck_region_overhead_frac check (overhead_frac between 0 and 1),
    constraint ck_region_chiller_cop check (chiller_cop between 0.5 and 50),
    constraint ck_region_economiser_band
        check (economiser_full_c < economiser_none_c and economiser_none_c <= 60),
    constraint ck_region_wue_air check (wue_air_l_per_kwh between 0 and 10),
    constraint ck_region_colour check (colour ~ '^#[0-9a-fA-F]{6}$')
);

create table policy (
    id integer generated always as identity constraint pk_policy primary key,
    region_id integer constraint fk_policy_region_id references region,
    version integer not null,
    thermal_limit_c double precision,
    confidence numeric(6, 5),
    cooling_factor_c_per_pct double precision,
    telemetry_max_age_h double precision,
    migration_energy_frac double precision,
    migration_usd_per_mwh double precision,
    counts_hydro_water boolean,
    reason text,
    created_by_id integer not null
        constraint fk_policy_created_by_id references app_user,
    created_at_utc timestamptz not null default now(),
    constraint ck_policy_version_positive check (version > 0),
    constraint ck_policy_thermal_limit check (thermal_limit_c between -50 and 100),
    constraint ck_policy_confidence check (confidence between 0.5 and 0.99),
    constraint ck_policy_cooling check (cooling_factor_c_per_pct between 0 and 1),
    constraint ck_policy_telemetry_max_age
        check (telemetry_max_age_h between 0.1 and 168),
    constraint ck_policy_migration_energy check (migration_energy_frac between 0 and 1),
    constraint ck_policy_migration_cost
        check (migration_usd_per_mwh between 0 and 1000),
    constraint ck_policy_fleet_complete
        check (region_id is not null or (thermal_limit_c is not null and confidence is
            not null and cooling_factor_c_per_pct is not null and telemetry_max_age_h is
            not null))
);
create unique index uq_policy_scope_version on policy (coalesce(region_id, 0), version)
"""


def upgrade() -> None:
    """Make the tables; a version of the policy is never changed."""
    op.execute(TABLES)
    protect("policy")


def downgrade() -> None:
    """Drop the tables."""
    op.execute("drop table policy, region")
