"""The processes of an installation: supervisor, worker, and how they start and stop."""
