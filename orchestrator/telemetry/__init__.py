"""Telemetry in: imports, uploads, generated telemetry, refused rows."""
