"""Append-only tables: the triggers that refuse every change but an INSERT.

Released migrations depend on this module: add to it, do not change it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from core.errors import Conflict

CREATE_REFUSE_CHANGE = """
create function refuse_change() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% is append-only: % is refused.', tg_table_name, lower(tg_op)
        using errcode = 'insufficient_privilege';
end
$$
"""
DROP_REFUSE_CHANGE = "drop function refuse_change()"


def protect(*tables: str) -> None:
    """Refuse UPDATE, DELETE and TRUNCATE on `tables`, to their owner too."""
    for table in tables:
        op.execute(
            f"create trigger refuse_change before update or delete on {table}"
            " for each row execute function refuse_change()"
        )
        op.execute(
            f"create trigger refuse_truncate before truncate on {table}"
            " for each statement execute function refuse_change()"
        )


def require_consent_to_discard(table: str) -> None:
    """Stop a downgrade that would drop history without explicit consent."""
    if context.get_x_argument(as_dictionary=True).get("discard-history") == "yes":
        return
    row_count = op.get_bind().scalar(
        sa.select(sa.func.count()).select_from(sa.table(table))
    )
    if row_count:
        message = (
            f"This downgrade would drop {table} with {row_count} rows of history that"
            " nothing can bring back. Back the database up; if you mean it, repeat with"
            " -x discard-history=yes (gfo db downgrade --discard-history)."
        )
        raise Conflict(message)
