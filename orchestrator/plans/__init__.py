"""The best plan for the fleet: made, kept and recorded as decisions."""
