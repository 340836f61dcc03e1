"""Everything about one region."""
