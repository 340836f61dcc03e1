"""Tokens that ask for and answer changes which need two people.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: None = None
depends_on: None = None

_SCOPES = "'read', 'decide', 'telemetry', 'models', 'audit', 'admin'"


def _check(scopes: str) -> str:
    return (
        "alter table api_token drop constraint ck_api_token_scopes,"
        " add constraint ck_api_token_scopes check (cardinality(scopes) > 0"
        f" and scopes <@ array[{scopes}])"
    )


def upgrade() -> None:
    """Let tokens have the scope."""
    op.execute(_check(f"{_SCOPES}, 'approve'"))


def downgrade() -> None:
    """Take the scope away; a token that had no other ends."""
    op.execute(
        "update api_token set scopes = array['read'],"
        " revoked_at_utc = coalesce(revoked_at_utc, now())"
        " where scopes = array['approve']"
    )
    op.execute(
        "update api_token set scopes = array_remove(scopes, 'approve')"
        " where 'approve' = any (scopes)"
    )
    op.execute(_check(_SCOPES))
