"""Admin: who gets which events by webhook or mail; auditors read."""
