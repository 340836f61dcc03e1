"""Forecasts, their hours, conformity scores and interval calibrations.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import protect

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: None = None
depends_on: None = None

NOW = sa.text("now()")

TABLES = ("interval_calibration", "forecast", "forecast_hour", "window_score")


def upgrade() -> None:
    """Make the tables; what was forecast is never changed."""
    _create_interval_calibration()
    _create_forecast()
    _create_forecast_hour()
    _create_window_score()
    for table in TABLES:
        protect(table)


def downgrade() -> None:
    """Drop the tables."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _create_interval_calibration() -> None:
    op.create_table(
        "interval_calibration",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Numeric(precision=6, scale=5), nullable=False),
        sa.Column("quantile", sa.Double(), nullable=False),
        sa.Column("score_count", sa.Integer(), nullable=False),
        sa.Column("first_issue_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_issue_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "quantile > 0 and quantile < 'Infinity'",
            name=op.f("ck_interval_calibration_quantile"),
        ),
        sa.CheckConstraint(
            "confidence between 0.5 and 0.99",
            name=op.f("ck_interval_calibration_confidence"),
        ),
        sa.CheckConstraint(
            "score_count > 0", name=op.f("ck_interval_calibration_score_count")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_interval_calibration_model_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_interval_calibration_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interval_calibration")),
    )
    op.create_index(
        "ix_interval_calibration_latest",
        "interval_calibration",
        ["model_version_id", "region_id", "id"],
    )


def _create_forecast() -> None:
    op.create_table(
        "forecast",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("issued_at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("refusal_code", sa.Text(), nullable=True),
        sa.Column("refusal_text", sa.Text(), nullable=True),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("telemetry_watermark_utc", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confidence", sa.Numeric(precision=6, scale=5), nullable=True),
        sa.Column("score_count", sa.Integer(), nullable=True),
        sa.Column("score_watermark_id", sa.BigInteger(), nullable=True),
        sa.Column("score_quantile", sa.Double(), nullable=True),
        sa.Column("tracking_offset", sa.Double(), nullable=True),
        sa.Column("day_bound_c", sa.Double(), nullable=True),
        sa.Column("interval_calibration_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal_code is not null)",
            name=op.f("ck_forecast_refusal_code"),
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal_text is not null)",
            name=op.f("ck_forecast_refusal_text"),
        ),
        sa.CheckConstraint(
            "day_bound_c > '-Infinity' and day_bound_c < 'Infinity'",
            name=op.f("ck_forecast_bound_finite"),
        ),
        sa.CheckConstraint(
            "kind in ('live', 'hindcast')", name=op.f("ck_forecast_kind")
        ),
        sa.CheckConstraint(
            "status = 'refused' or model_version_id is not null",
            name=op.f("ck_forecast_names_model"),
        ),
        sa.CheckConstraint(
            "status in ('issued', 'refused')", name=op.f("ck_forecast_status")
        ),
        sa.CheckConstraint(
            "(day_bound_c is null) = (score_quantile is null)",
            name=op.f("ck_forecast_bound_has_quantile"),
        ),
        sa.ForeignKeyConstraint(
            ["interval_calibration_id"],
            ["interval_calibration.id"],
            name=op.f("fk_forecast_interval_calibration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_forecast_model_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_forecast_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast")),
    )
    op.create_index(
        "ix_forecast_latest", "forecast", ["region_id", "target", "issued_at_utc", "id"]
    )
    op.create_index(
        "uq_forecast_issued",
        "forecast",
        ["region_id", "target", "issued_at_utc", "model_version_id"],
        unique=True,
        postgresql_where=sa.text("status = 'issued'"),
    )


def _create_forecast_hour() -> None:
    op.create_table(
        "forecast_hour",
        sa.Column("forecast_id", sa.BigInteger(), nullable=False),
        sa.Column("hour_index", sa.SmallInteger(), nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("scale", sa.Double(), nullable=False),
        sa.Column("lower", sa.Double(), nullable=True),
        sa.Column("upper", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "mean > '-Infinity' and mean < 'Infinity'",
            name=op.f("ck_forecast_hour_mean_finite"),
        ),
        sa.CheckConstraint(
            "scale > 0 and scale < 'Infinity'",
            name=op.f("ck_forecast_hour_scale_positive"),
        ),
        sa.CheckConstraint(
            "(lower is null) = (upper is null)",
            name=op.f("ck_forecast_hour_both_bounds"),
        ),
        sa.CheckConstraint(
            "hour_index between 0 and 167", name=op.f("ck_forecast_hour_hour_index")
        ),
        sa.CheckConstraint(
            "lower <= mean and mean <= upper",
            name=op.f("ck_forecast_hour_bounds_order"),
        ),
        sa.ForeignKeyConstraint(
            ["forecast_id"], ["forecast.id"], name=op.f("fk_forecast_hour_forecast_id")
        ),
        sa.PrimaryKeyConstraint(
            "forecast_id", "hour_index", name=op.f("pk_forecast_hour")
        ),
    )


def _create_window_score() -> None:
    op.create_table(
        "window_score",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=False),
        sa.Column("issued_at_utc", sa.DateTime(timezone=True), nullable=False),
        sa.Column("local_issue_hour", sa.SmallInteger(), nullable=False),
        sa.Column("day_max_c", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("unscored_reason", sa.Text(), nullable=True),
        sa.Column(
            "created_at_utc",
            sa.DateTime(timezone=True),
            server_default=NOW,
            nullable=False,
        ),
        sa.CheckConstraint(
            "score > '-Infinity' and score < 'Infinity'",
            name=op.f("ck_window_score_score_finite"),
        ),
        sa.CheckConstraint(
            "(score is null) = (day_max_c is null)",
            name=op.f("ck_window_score_score_has_max"),
        ),
        sa.CheckConstraint(
            "(score is null) = (unscored_reason is not null)",
            name=op.f("ck_window_score_score_or_reason"),
        ),
        sa.CheckConstraint(
            "local_issue_hour between 0 and 23", name=op.f("ck_window_score_local_hour")
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"],
            ["model_version.id"],
            name=op.f("fk_window_score_model_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["region_id"], ["region.id"], name=op.f("fk_window_score_region_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_window_score")),
        sa.UniqueConstraint(
            "region_id",
            "model_version_id",
            "issued_at_utc",
            name=op.f("uq_window_score_region_id_model_version_id_issued_at_utc"),
        ),
    )
    op.create_index(
        "ix_window_score_calibration",
        "window_score",
        ["region_id", "model_version_id", "local_issue_hour", "issued_at_utc"],
    )
