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
# What is asked for most, and sorted by whatever is in them.
_SORTED_BY = "outcome, model_version_id, is_simulated, actor_id"
_SORTED_BY += ", window_start_utc, exceedance_probability"
NEW = {
    "ix_decision_source_kind": (
        "decision (source_region_id, kind, reason_code, created_at_utc, id)"
        f" include (target_region_id, {_SORTED_BY})"
    ),
    "ix_decision_target_kind": (
        "decision (target_region_id, kind, reason_code, created_at_utc, id)"
        f" include (source_region_id, {_SORTED_BY})"
    ),
    "ix_audit_event_actor_action": "audit_event (actor_name, action, seq)",
}
# Which values go together: the planner takes every pair for independent, and looks for
# what never was along the whole of an index.
PAIRS = {
    "st_decision_kind_actor": "kind, actor_id from decision",
    "st_decision_kind_target": "kind, target_region_id from decision",
    "st_decision_outcome_reason": "outcome, reason_code from decision",
    "st_decision_source_actor": "source_region_id, actor_id from decision",
    "st_decision_target_actor": "target_region_id, actor_id from decision",
    "st_decision_source_model": "source_region_id, model_version_id from decision",
    "st_decision_target_model": "target_region_id, model_version_id from decision",
    "st_decision_actor_model": "actor_id, model_version_id from decision",
    "st_audit_event_actor_action": "actor_name, action from audit_event",
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
        for name, columns in NEW.items():
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {columns}")
        for name, columns in PAIRS.items():
            op.execute(f"drop statistics if exists {name}")
            op.execute(f"create statistics {name} (mcv) on {columns}")
            # Enough for every pair that there is: what is not among them is rare.
            op.execute(f"alter statistics {name} set statistics 500")
        op.execute("analyze decision, audit_event")
        op.execute("set lock_timeout = '2s'")
        op.execute("set statement_timeout = '60s'")


def downgrade() -> None:
    """The indexes of before."""
    for name in NEW:
        op.execute(f"drop index {name}")
    for name in PAIRS:
        op.execute(f"drop statistics {name}")
    for name, keys in KEYS.items():
        op.execute(f"drop index {name}")
        op.execute(f"create index {name} on decision ({keys})")


def _included(name: str, keys: str) -> list[str]:
    given = keys.split(", ")
    wanted = (*FILTERED, *EXTRA.get(name, ()))
    return [column for column in wanted if column not in given]
