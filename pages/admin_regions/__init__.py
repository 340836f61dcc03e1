"""Admin: regions and the limits that their decisions are judged by."""
