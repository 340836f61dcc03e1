"""Alarms: raised by rule, handled by people, handed over from shift to shift."""
