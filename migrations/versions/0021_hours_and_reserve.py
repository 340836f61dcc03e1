"""Shifts for chosen hours of the day, and the reserve of plans as a term of the policy.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: None = None
depends_on: None = None

ADD = """
alter table decision
    add column hours_of_day text,
    add constraint ck_decision_hours_of_day
        check (hours_of_day ~ '^[0-9]{1,2}-[0-9]{1,2}$');
alter table policy
    add column plan_blocked_chance_pct double precision,
    add constraint ck_policy_plan_blocked_chance
        check (plan_blocked_chance_pct between 0 and 50)
"""

DROP = """
alter table decision drop column hours_of_day;
alter table policy drop column plan_blocked_chance_pct
"""


def upgrade() -> None:
    """Decisions of before are for every hour; policies of before have the default."""
    op.execute(ADD)


def downgrade() -> None:
    """Drop both; the stored inputs of a decision still name its hours."""
    op.execute(DROP)
