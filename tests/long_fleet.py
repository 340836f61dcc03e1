"""More regions than a page holds: copies of those that are there and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text

from db.engine import DatabaseUrls, make_engine

_NEWEST = """
select * from decision where source_region_id = :id and kind = 'automatic'
order by window_start_utc desc, id desc limit 1
"""


def lengthen(urls: DatabaseUrls, n_copies: int) -> None:
    """Copy each active region so often, with its newest automatic decision."""
    engine = make_engine(urls.owner)
    with engine.begin() as connection:
        found = connection.execute(
            text("select id, slug from region where is_active")
        ).all()
        # Copies have no events of their own, which the triggers would ask for.
        connection.execute(text("alter table decision disable trigger user"))
        kept, values = copied_columns(
            connection,
            "region",
            {"slug": "'copy-' || c || '-' || t.slug", "name": "t.name || ' ' || c"},
        )
        connection.execute(
            text(
                f"insert into region ({kept}) select {values} from region t"  # noqa: S608 -- columns
                " cross join generate_series(1, :n_copies) c"
                " where t.id = any(:ids)"
            ),
            {"n_copies": n_copies, "ids": [row.id for row in found]},
        )
        kept, values = copied_columns(
            connection,
            "decision",
            {
                "source_region_id": "copied.id",
                "request_id": "gen_random_uuid()",
                "inputs_sha256": "encode(sha256(copied.slug::bytea), 'hex')",
            },
        )
        for row in found:
            connection.execute(
                text(
                    f"insert into decision ({kept}) select {values} from ({_NEWEST}) t"  # noqa: S608
                    " join region copied on copied.slug like 'copy-%-' || :slug"
                ),
                {"id": row.id, "slug": row.slug},
            )
        connection.execute(text("alter table decision enable trigger user"))
        connection.execute(text("analyze region, decision"))
    engine.dispose()


def copied_columns(
    connection: Connection, table: str, own: Mapping[str, str]
) -> tuple[str, str]:
    """The columns of a table besides its id, and the values of a copy of a row `t`."""
    names = connection.scalars(
        text(
            "select column_name from information_schema.columns where"
            " table_name = :table and column_name <> 'id' and is_generated = 'NEVER'"
        ),
        {"table": table},
    ).all()
    return ", ".join(names), ", ".join(own.get(name, f"t.{name}") for name in names)
