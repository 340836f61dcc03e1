"""The job queue: procrastinate's own schema, taken from the pinned package.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from importlib import resources

from alembic import op

from core.errors import Conflict

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: None = None
depends_on: None = None

REVIEWED_VERSION = "3.10.0"
REVIEWED_SHA256 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"

DROP_FUNCTIONS = """
do $$
declare
    routine regprocedure;
begin
    for routine in
        select oid from pg_proc
        where pronamespace = 'public'::regnamespace
          and proname like 'procrastinate\\_%'
    loop
        execute 'drop function ' || routine || ' cascade';
    end loop;
end
$$
"""


def upgrade() -> None:
    """Run the package's schema through the driver: it holds several statements."""
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        message = "The job queue's schema needs a live connection."
        raise RuntimeError(message)
    connection.execute(_reviewed_schema())


def downgrade() -> None:
    """Drop the queue with the jobs in it."""
    op.execute(DROP_FUNCTIONS)
    op.execute(
        "drop table procrastinate_events, procrastinate_periodic_defers,"
        " procrastinate_jobs, procrastinate_workers"
    )
    op.execute(
        "drop type procrastinate_job_to_defer_v1, procrastinate_job_event_type,"
        " procrastinate_job_status"
    )


def _reviewed_schema() -> str:
    """The schema, provided that it is the one this migration was reviewed with."""
    schema = resources.files("procrastinate.sql") / "schema.sql"
    text = schema.read_text(encoding="utf-8")
    if hashlib.sha256(text.encode()).hexdigest() != REVIEWED_SHA256:
        installed = importlib.metadata.version("procrastinate")
        message = (
            f"procrastinate {installed} carries another schema than {REVIEWED_VERSION},"
            " which this migration was reviewed with: review the difference and add a"
            " migration for it."
        )
        raise Conflict(message)
    return text
