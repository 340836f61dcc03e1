"""Millions of decisions for measurements, written past the triggers."""

from __future__ import annotations

import psycopg

REGIONS, ACTORS = 12, 6

_REGION = """
insert into region (slug, name, time_zone, latitude_deg, longitude_deg, cooling_type,
    overhead_frac, chiller_cop, economiser_full_c, economiser_none_c,
    wue_air_l_per_kwh, adiabatic_switch_c, it_capacity_mw, flexible_load_frac,
    grid_water_l_per_kwh, colour)
select 'region-' || n, 'Region ' || n, 'UTC', 0, 0, 'air', 0.1, 4, 10, 20, 0, 25, 100,
    0.4, 1.5, '#1f77b4' from generate_series(1, %s) n on conflict do nothing
"""
_ACTOR = """
insert into app_user (name, role, password_hash)
select 'operator-' || n, 'operator', 'x' from generate_series(1, %s) n
on conflict do nothing
"""
# One in fifty is recorded, with a comment; one in a thousand comments has a rare word.
_DECISIONS = """
insert into decision (kind, request_id, actor_id, source_region_id, target_region_id,
    shift_pct, local_day, window_start_utc, window_end_utc, is_simulated, outcome,
    reason_code, reason_text, risk_level, recommendations, thermal_limit_c, confidence,
    exceedance_probability, source_bound_before_c, inputs_text, inputs_sha256,
    code_version, comment, created_at_utc)
select
    (array['automatic', 'automatic', 'what_if'])[1 + n %% 3],
    gen_random_uuid(), 1 + (hashint8(n) & 3), 1 + (hashint8(n + 7) & 7),
    case when n %% 3 = 2 then 9 + (hashint8(n + 9) & 3) end,
    case when n %% 3 = 2 then n %% 100 else 0 end,
    date '2015-01-01' + (n / 1500)::int, t.taken, t.taken + interval '24 hours',
    n %% 4 = 0, 'BLOCKED',
    (array['over_limit', 'within_envelope', 'telemetry_stale', 'not_resolvable'])
        [1 + (hashint8(n + 3) & 3)],
    'The bound for Region ' || n %% 12 || ', ' || 30 + n %% 90 / 10.0
        || ' °C, is above the limit of 35 °C. Shift about ' || n %% 100 || ' %%.',
    'HIGH', '{{}}', 35, 0.95, (hashint8(n + 5) & 1023) / 1024.0, 36, '{{}}',
    lpad(n::text, 64, '0'), '0.1.0', null, t.taken
from generate_series({first}, {last}) n,
    lateral (select timestamptz '2015-01-01Z' + n * interval '60 seconds' as taken) t
"""
_RECORDED = """
update decision set kind = 'recorded', comment = 'Agreed with the partners'
    || case when id %% 50000 = 0 then ', heron on the roof' else '.' end
where id > {first} and id %% 50 = 0
"""


def fill_decisions(superuser_url: str, *, first: int, last: int) -> None:
    """Add the decisions numbered `first` to `last`; their indexes are made anew."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute(_REGION, (REGIONS,))
        connection.execute(_ACTOR, (ACTORS,))
        indexes = connection.execute(
            "select indexname, indexdef from pg_indexes where tablename = 'decision'"
            " and indexname like 'ix_%'"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"drop index {name}".encode())
        for statement in (_DECISIONS, _RECORDED):
            text = statement.format(first=first, last=last).replace("%%", "%")
            connection.execute(text.encode())
        for _, definition in indexes:
            connection.execute(definition.encode())
        connection.execute("vacuum analyze decision")
