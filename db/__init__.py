"""PostgreSQL: schema, query functions per aggregate, the embedded server."""
