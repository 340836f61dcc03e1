"""Admin: telemetry files in, and the rows that were refused."""
