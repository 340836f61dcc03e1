"""Admin: what is sound about the installation, and the jobs of its workers."""
