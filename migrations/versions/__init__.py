"""Schema versions, applied in order."""
