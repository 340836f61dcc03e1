"""What moving load costs, and whether hydropower's reservoirs count.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: None = None
depends_on: None = None

_POLICY_COLUMNS: dict[str, sa.Double[float] | sa.Boolean] = {
    "migration_energy_frac": sa.Double(),
    "migration_usd_per_mwh": sa.Double(),
    "counts_hydro_water": sa.Boolean(),
}


def upgrade() -> None:
    """Add the columns; a policy without a value means nothing is charged."""
    for name, kind in _POLICY_COLUMNS.items():
        op.add_column("policy", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(
        op.f("ck_policy_migration_energy"),
        "policy",
        "migration_energy_frac between 0 and 1",
    )
    op.create_check_constraint(
        op.f("ck_policy_migration_cost"),
        "policy",
        "migration_usd_per_mwh between 0 and 1000",
    )
    op.add_column(
        "region",
        sa.Column(
            "grid_hydro_frac",
            sa.Double(),
            server_default=sa.text("0"),
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_region_grid_hydro"), "region", "grid_hydro_frac between 0 and 1"
    )


def downgrade() -> None:
    """Drop the columns; their checks go with them."""
    op.drop_column("region", "grid_hydro_frac")
    for name in _POLICY_COLUMNS:
        op.drop_column("policy", name)
