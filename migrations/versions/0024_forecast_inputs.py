"""What the model was given for each live forecast, so that it can be run again.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from migrations.append_only import protect

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    """Make the table; forecasts of before have no row in it."""
    op.create_table(
        "forecast_input",
        sa.Column("forecast_id", sa.BigInteger(), nullable=False),
        sa.Column("region_index", sa.Integer(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "octet_length(features) > 0 and octet_length(features) % 4 = 0",
            name=op.f("ck_forecast_input_features_float32"),
        ),
        sa.CheckConstraint(
            "region_index >= 0", name=op.f("ck_forecast_input_region_index")
        ),
        sa.ForeignKeyConstraint(
            ["forecast_id"],
            ["forecast.id"],
            name=op.f("fk_forecast_input_forecast_id"),
        ),
        sa.PrimaryKeyConstraint("forecast_id", name=op.f("pk_forecast_input")),
    )
    protect("forecast_input")


def downgrade() -> None:
    """Drop the table: those forecasts are then replayed from telemetry."""
    op.drop_table("forecast_input")
