"""What keeps lists of millions of decisions quick: a rule and indexes for pairs.

Revision ID: 0050
Revises: 0024
"""

from __future__ import annotations

from alembic import op

revision: str = "0050"
down_revision: str | None = "0024"
branch_labels: None = None
depends_on: None = None

# A walk along a region's arrivals passes over what this rules out.
CHECKS = {
    "automatic_has_no_target": "kind <> 'automatic' or target_region_id is null",
}
NEW = {
    "ix_decision_outcome_reason": "decision (outcome, reason_code, created_at_utc, id)",
    "ix_decision_actor_kind": "decision (actor_id, kind, created_at_utc, id)",
    "ix_decision_actor_window": "decision (actor_id, window_start_utc, id)",
    "ix_decision_model_window": "decision (model_version_id, window_start_utc, id)",
    "ix_decision_window": "decision (source_region_id, window_start_utc, id)",
    "ix_decision_target_window": "decision (target_region_id, window_start_utc, id)",
    "ix_decision_lateness": "decision ((window_start_utc - created_at_utc))",
}
OLD_WINDOW = "decision (source_region_id, window_start_utc)"


def upgrade() -> None:
    """Add the rule, checked beside running traffic, and the indexes."""
    for name, rule in CHECKS.items():
        op.execute(
            f"alter table decision add constraint ck_decision_{name}"
            f" check ({rule}) not valid"
        )
    # Each index is made while others read and write; what one of them needs to wait
    # for holds nobody up, so it may wait for longer than a lock.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = '60s'")
        op.execute("set statement_timeout = 0")
        for name in CHECKS:
            op.execute(f"alter table decision validate constraint ck_decision_{name}")
        for name, columns in NEW.items():
            # One that an interrupted migration left behind is not valid.
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {columns}")
        op.execute("set lock_timeout = '2s'")
        op.execute("set statement_timeout = '60s'")


def downgrade() -> None:
    """The indexes of before, without the rule."""
    for name in NEW:
        op.execute(f"drop index if exists {name}")
    op.execute(f"create index ix_decision_window on {OLD_WINDOW}")
    for name in CHECKS:
        op.execute(f"alter table decision drop constraint ck_decision_{name}")
