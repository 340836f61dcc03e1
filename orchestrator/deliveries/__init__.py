"""Deliveries: events for others by webhook and mail, and the heartbeat."""
