"""Admin: sources that the worker asks on a schedule."""
