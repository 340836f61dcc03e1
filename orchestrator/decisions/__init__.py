"""Decisions: what-ifs, recorded decisions, their inputs, replay and lists."""
