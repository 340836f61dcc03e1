"""Use cases and processes: services, command line, worker, supervisor."""
