"""Feeds: sources that the worker asks on a schedule, read and imported as files are."""
