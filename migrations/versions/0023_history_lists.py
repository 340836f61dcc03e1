"""Indexes behind the lists of decisions and events, made beside running traffic.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: None = None
depends_on: None = None

NEW = {
    "ix_decision_created": "decision (created_at_utc, id)",
    "ix_decision_source": "decision (source_region_id, created_at_utc, id)",
    "ix_decision_target": "decision (target_region_id, created_at_utc, id)",
    "ix_decision_actor": "decision (actor_id, created_at_utc, id)",
    "ix_decision_kind_created": "decision (kind, created_at_utc, id)",
    "ix_decision_outcome": "decision (outcome, created_at_utc, id)",
    "ix_decision_reason": "decision (reason_code, created_at_utc, id)",
    "ix_decision_model": "decision (model_version_id, created_at_utc, id)",
    "ix_decision_window_start": "decision (window_start_utc, id)",
    "ix_decision_chance": "decision (coalesce(exceedance_probability, -1), id)",
    "ix_decision_words": (
        "decision using gin (to_tsvector('english',"
        " reason_text || ' ' || coalesce(comment, '')))"
    ),
    "ix_audit_event_time": "audit_event (occurred_at_utc, seq)",
    "ix_audit_event_actor": "audit_event (actor_name, seq)",
    "ix_audit_event_request": "audit_event (request_id)",
}
OLD = {"ix_decision_kind": "decision (kind, id)"}


def upgrade() -> None:
    """Replace the one index of old by one for each filter and order."""
    # Each index is made while others read and write; what one of them needs to wait
    # for holds nobody up, so it may wait for longer than a lock.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = '60s'")
        op.execute("set statement_timeout = 0")
        for name, columns in NEW.items():
            # One that an interrupted migration left behind is not valid.
            op.execute(f"drop index concurrently if exists {name}")
            op.execute(f"create index concurrently {name} on {columns}")
        for name in OLD:
            op.execute(f"drop index concurrently if exists {name}")
        op.execute("set lock_timeout = '2s'")
        op.execute("set statement_timeout = '60s'")


def downgrade() -> None:
    """The index of old alone."""
    for name in NEW:
        op.execute(f"drop index if exists {name}")
    for name, columns in OLD.items():
        op.execute(f"create index {name} on {columns}")
