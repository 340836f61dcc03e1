"""What people write about decisions after they were taken.

Revision ID: 0034
Revises: 0033
"""

from __future__ import annotations

from alembic import op

from migrations.append_only import protect, require_consent_to_discard

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: None = None
depends_on: None = None

ADD = """
create table decision_comment (
    id bigint generated always as identity
        constraint pk_decision_comment primary key,
    decision_id bigint not null
        constraint fk_decision_comment_decision_id references decision,
    actor_id integer not null
        constraint fk_decision_comment_actor_id references app_user,
    comment text not null,
    created_at_utc timestamptz not null default now(),
    constraint ck_decision_comment_comment
        check (length(comment) between 1 and 2000)
);
create index ix_decision_comment_decision_id_id on decision_comment (decision_id, id)
"""


def upgrade() -> None:
    """Add the table; what was written is never changed."""
    op.execute(ADD)
    protect("decision_comment")


def downgrade() -> None:
    """Drop the table; with anything in it only after consent."""
    require_consent_to_discard("decision_comment")
    op.execute("drop table decision_comment")
