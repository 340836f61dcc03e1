"""Forecasts of the day's maximum, their input mode, and runs that came after an issue.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import require_consent_to_discard

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: None = None
depends_on: None = None

RUN_INDEX = """
create unique index uq_weather_forecast_run
    on weather_forecast (region_id, issued_at_utc, source, model, member, quantity,
        {more}known_at_utc)
    nulls not distinct
"""
MODE_TABLES = ("forecast", "forecast_mode", "window_score", "interval_calibration")
MODES_BEFORE = "'run_12h', 'run_24h', 'run_48h', 'run_partial', 'telemetry'"
MODES = "'run_12h', 'run_24h', 'run_48h', 'run_day_max', 'run_partial', 'telemetry'"

# A forecast keeps its hours; what it rested on is then known less exactly.
FORGET = """
alter table forecast disable trigger user;
alter table forecast_mode disable trigger user;
alter table window_score disable trigger user;
alter table interval_calibration disable trigger user;
alter table weather_forecast disable trigger user;
delete from forecast_mode where input_mode = 'run_day_max';
delete from window_score where input_mode = 'run_day_max';
update interval_calibration set input_mode = 'run_partial'
    where input_mode = 'run_day_max';
update forecast set input_mode = 'run_partial' where input_mode = 'run_day_max';
delete from weather_forecast where statistic = 'day_max';
alter table forecast enable trigger user;
alter table forecast_mode enable trigger user;
alter table window_score enable trigger user;
alter table interval_calibration enable trigger user;
alter table weather_forecast enable trigger user
"""


def upgrade() -> None:
    """What is stored is hourly, and rests on runs known by its issue."""
    op.execute(
        "alter table weather_forecast add column statistic text not null"
        " default 'hourly' constraint ck_weather_forecast_statistic"
        " check (statistic in ('hourly', 'day_max'))"
    )
    op.execute("drop index uq_weather_forecast_run")
    op.execute(RUN_INDEX.format(more="statistic, "))
    op.execute(
        "alter table forecast add column runs_known_by_utc timestamptz"
        " constraint ck_forecast_runs_known_by"
        " check (runs_known_by_utc > issued_at_utc)"
    )
    _check_modes(MODES)


def downgrade() -> None:
    """Forecasts of the day's maximum are dropped, with consent where there are any."""
    found = op.get_bind().scalar(
        sa.text("select count(*) from weather_forecast where statistic = 'day_max'")
    )
    if found:
        require_consent_to_discard("weather_forecast")
    op.execute(FORGET)
    _check_modes(MODES_BEFORE)
    op.execute("alter table forecast drop column runs_known_by_utc")
    op.execute("drop index uq_weather_forecast_run")
    op.execute("alter table weather_forecast drop column statistic")
    op.execute(RUN_INDEX.format(more=""))


def _check_modes(modes: str) -> None:
    for table in MODE_TABLES:
        name = f"ck_{table}_input_mode"
        op.execute(
            f"alter table {table} drop constraint {name},"
            f" add constraint {name} check (input_mode in ({modes}))"
        )
