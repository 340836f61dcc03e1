"""Alarms: what needs somebody, who took it, what the next shift has to know."""
