"""Audit: what was decided, by whom and why."""
