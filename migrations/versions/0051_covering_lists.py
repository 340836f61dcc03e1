"""Lists are filtered within the index that they are walked along, not in the table.

Revision ID: 0051
Revises: 0050
"""

from __future__ import annotations

from alembic import op

revision: str = "0051"
down_revision: str | None = "0050"
branch_labels: None = None
depends_on: None = None

FILTERED = (
    "kind",
    "source_region_id",
    "target_region_id",
    "actor_id",
    "outcome",
    "reason_code",
    "model_version_id",
    "is_simulated",
)
CHANCE = "coalesce(exceedance_probability, -1), id"
KEYS = {
    "ix_decision_created": "created_at_utc, id",
    "ix_decision_window_start": "window_start_utc, id",
    "ix_decision_chance": CHANCE,
    "ix_decision_source": "source_region_id, created_at_utc, id",
    "ix_decision_target": "target_region_id, created_at_utc, id",
    "ix_decision_actor": "actor_id, created_at_utc, id",
    "ix_decision_model": "model_version_id, created_at_utc, id",
}
EXTRA = {
    "ix_decision_window_start": ("created_at_utc",),
    # An expression is read from the index only when what it is made of is there too.
    "ix_decision_chance": ("created_at_utc", "exceedance_probability"),
}
ACTOR_ACTION = "ix_audit_event_actor_action"

# Which values go together: the planner takes every pair for independent, and looks for
# what never was along the whole of an index.
PAIRS = {
    "kind_actor": "kind, actor_id",
    "kind_target": "kind, target_region_id",
    "outcome_reason": "outcome, reason_code",
    "source_actor": "source_region_id, actor_id",
    "target_actor": "target_region_id, actor_id",
    "source_model": "source_region_id, model_version_id",
    "target_model": "target_region_id, model_version_id",
    "actor_model": "actor_id, model_version_id",
}


def upgrade() -> None:
    """Make the indexes anew beside running traffic, and the statistics of pairs."""
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = '60s'")
        op.execute("set statement_timeout = 0")
        for name, keys in KEYS.items():
            # The old one serves until the new one is there.
            op.execute(f"drop index concurrently if exists {name}_new")
            op.execute(
                f"create index concurrently {name}_new on decision ({keys})"
                f" include ({', '.join(_included(name, keys))})"
            )
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"alter index {name}_new rename to {name}")
        op.execute(f"drop index concurrently if exists {ACTOR_ACTION}")
        op.execute(
            f"create index concurrently {ACTOR_ACTION}"
            " on audit_event (actor_name, action, seq)"
        )
        for name, columns in PAIRS.items():
            op.execute(f"drop statistics if exists st_decision_{name}")
            op.execute(
                f"create statistics st_decision_{name} (mcv) on {columns} from decision"
            )
        op.execute("analyze decision")
        op.execute("set lock_timeout = '2s'")
        op.execute("set statement_timeout = '60s'")


def downgrade() -> None:
    """The indexes of before."""
    op.execute(f"drop index {ACTOR_ACTION}")
    for name in PAIRS:
        op.execute(f"drop statistics st_decision_{name}")
    for name, keys in KEYS.items():
        op.execute(f"drop index {name}")
        op.execute(f"create index {name} on decision ({keys})")


def _included(name: str, keys: str) -> list[str]:
    given = keys.split(", ")
    wanted = (*FILTERED, *EXTRA.get(name, ()))
    return [column for column in wanted if column not in given]
