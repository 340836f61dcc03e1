"""The audit chain: its events, anchors, checks and exports."""
