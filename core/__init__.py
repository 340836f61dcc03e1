"""Pure domain of the fleet: values, physics, bounds, the scheduler's rules."""
