"""Views that people saved: a name and the address that it stands for.

Revision ID: 0035
Revises: 0032
"""

from __future__ import annotations

from alembic import op

revision: str = "0035"
down_revision: str | None = "0032"
branch_labels: None = None
depends_on: None = None

ADD = """
create table saved_view (
    user_id integer not null
        constraint fk_saved_view_user_id references app_user,
    name text not null,
    address text not null,
    constraint pk_saved_view primary key (user_id, name),
    constraint ck_saved_view_name
        check (name = btrim(name) and length(name) between 1 and 60),
    constraint ck_saved_view_address
        check (address ~ '^/([^/]|$)' and length(address) <= 600)
)
"""
DROP = "drop table saved_view"


def upgrade() -> None:
    """Add the table."""
    op.execute(ADD)


def downgrade() -> None:
    """Drop it; the addresses themselves go on working."""
    op.execute(DROP)
