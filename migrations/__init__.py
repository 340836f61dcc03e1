"""Alembic environment and versions; a package so that the wheel carries it."""
