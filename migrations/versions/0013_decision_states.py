"""What people say of recorded decisions, and for how long these last.

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

TABLES = """
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
);
create table decision_term (
    decision_id bigint constraint pk_decision_term primary key
        constraint fk_decision_term_decision_id references decision,
    ends_at_utc timestamptz
)
"""


def upgrade() -> None:
    """Make the tables; what was said is never changed, only followed."""
    op.execute(TABLES)
    protect("decision_state", "decision_term")


def downgrade() -> None:
    """Drop the tables; with anything in them only after consent."""
    require_consent_to_discard("decision_state")
    require_consent_to_discard("decision_term")
    op.execute("drop table decision_state, decision_term")
