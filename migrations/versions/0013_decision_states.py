"""What people say of recorded decisions: acknowledged, in effect, refused.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: None = None
depends_on: None = None

TABLE = """
create table decision_state (
    id bigint generated always as identity constraint pk_decision_state primary key,
    decision_id bigint not null
        constraint fk_decision_state_decision_id references decision,
    state text not null,
    reason varchar(2000),
    actor_id integer not null
        constraint fk_decision_state_actor_id references app_user,
    created_at_utc timestamptz not null default now(),
    constraint uq_decision_state_decision_id_state unique (decision_id, state),
    constraint ck_decision_state_state
        check (state in ('acknowledged', 'in_effect', 'refused')),
    constraint ck_decision_state_refused_has_reason
        check (state <> 'refused' or reason <> '')
)
"""


def upgrade() -> None:
    """Make the table; what was said is never changed, only followed."""
    op.execute(TABLE)
    protect("decision_state")


def downgrade() -> None:
    """Drop the table; with states in it only after consent."""
    require_consent_to_discard("decision_state")
    op.execute("drop table decision_state")
