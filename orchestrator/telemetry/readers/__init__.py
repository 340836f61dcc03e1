"""Readers of telemetry files: every row becomes a parsed or a refused one."""
